""" "Who received the last authentication code for this portal at this location, and can you prove it?" """

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.audit.service import InclusionProof, LogKey
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Location, PortalAccount
from broker.identity.places import location_by_key
from broker.identity.policy import Permission, require
from broker.tabs.custody import differs, state
from broker.tabs.way import MADE_HERE, UNKNOWN, Link, Way, way


@dataclass(frozen=True)
class LastCode:
    """The answer, in the order a person asks: who, how, when, for what, where to see it, how to check it.

    All of it is read off the log's entries; only the names of portal and location are today's.
    """

    portal: str
    location: str
    asked_by: str
    received_by: str
    given_by: str | None
    channel: str
    sent_to: str
    endpoint: str | None
    custodian: str | None
    asked_at: datetime
    received_at: datetime | None
    """When it came; None for one that was made here, or that nobody could read."""
    released_at: datetime
    typed_at: datetime | None
    typed_page: str | None
    answer: str
    code_request_id: str
    portal_session_id: str | None
    tab_of: str | None
    """Who got the signed-in tab."""
    lease_id: str | None
    recording_id: str | None
    """Of the tab it was asked for; None where its holder left before she saw anything."""
    recording_offset_ms: int | None
    """Where the recording shows what the code opened: 0, for it begins when the portal is signed in, after the code."""
    custody: tuple[Link, ...]
    missing: tuple[str, ...]
    """Links that the log does not hold (yet)."""
    differs: tuple[str, ...]
    """Where the database says something else than the log."""
    proof: InclusionProof

    @property
    def answer_words(self) -> str:
        """What the portal did with the code, after "The portal"."""
        return "gave no answer" if self.answer == "released" else f"{self.answer} it"


def ask(work: Unit, key: LogKey, portal_key: str, location_key: str) -> str:
    """Which request's code was the last; that somebody asks is on record, and a head is signed for the answer's proof.

    Raises `NotFound` (nothing known, or not yours to ask).
    """
    location = location_by_key(work, location_key)
    require(work, Permission.LAST_CODE, location=location)
    portal = directory.portal_by_key(work, portal_key)
    logins = select(PortalAccount.id).where(PortalAccount.portal_id == portal.id)
    newest = (
        select(AuditEntry.thing_id)
        .where(
            AuditEntry.act.in_((Act.CODE_RELEASED.value, Act.CODE_CONFIRMED.value)),
            AuditEntry.location_id == location.id,
            AuditEntry.account_id.in_(logins),
        )
        .order_by(AuditEntry.index.desc())
        .limit(1)
    )
    request_id = work.db.scalar(newest)
    if request_id is None:
        raise NotFound(f"No code was released for {portal.name} at {location.name} yet.")
    told = {"report": "last code"}
    audit.record(work, Act.REPORT_VIEWED, "code_request", request_id, location_id=location.id, detail=told)
    audit.sign_checkpoint(work, key)
    return request_id


def last_code(work: Unit, key: LogKey, request_id: str) -> LastCode:
    """The answer about this request's code; the head is signed before (`ask`). Raises `NotFound`."""
    found = way(work, request_id)
    released = found.released
    if released is None:
        raise NotFound("No code was released for this request yet.")
    account, location = work.db.get(PortalAccount, found.account_id), work.db.get(Location, found.location_id)
    told, typed, granted = found.asked.detail, found.last(Act.CODE_TYPED), found.last(Act.TAB_GRANTED)
    came, given = _arrival(found, released), _giver(found, released)
    proved, recording = found.last(Act.SESSION_PROVED), found.recording
    return LastCode(
        portal=account.portal.name if account else found.account_id,
        location=location.name if location else found.location_id,
        asked_by=found.asked_by,
        received_by=_receiver(found, released, given),
        given_by=given,
        channel="desk" if given else str((came.detail if came else told).get("channel", told["channel"])),
        sent_to=str(told.get("sent_to") or ""),
        endpoint=told.get("endpoint_name"),
        custodian=told.get("custodian"),
        asked_at=found.asked.at,
        received_at=came.at if came else None,
        released_at=released.at,
        typed_at=typed.at if typed else None,
        typed_page=str(typed.detail["page"]) if typed else None,
        answer=state(found),
        code_request_id=request_id,
        portal_session_id=proved.thing if proved else None,
        tab_of=str(granted.detail.get("holder_name") or UNKNOWN) if granted else None,
        lease_id=told.get("lease"),
        recording_id=recording.thing if recording else None,
        recording_offset_ms=0 if recording else None,
        custody=found.links,
        missing=found.missing,
        differs=differs(work, found),
        proof=audit.prove(work, released.entry, key),
    )


def _arrival(found: Way, released: Link) -> Link | None:
    """How the very code came that was released: the message it was in, or the person who handed it in."""
    code = released.detail.get("code")
    matched = next(
        (one for one in found.links if one.act == Act.CODE_MATCHED and code and one.detail.get("code") == code), None
    )
    if matched is None:
        return None
    if message := matched.detail.get("message"):
        return next((one for one in found.links if one.act == Act.CODE_ARRIVED and one.thing == message), None)
    given = [one for one in found.links if one.act == Act.CODE_GIVEN and one.index < matched.index]
    return given[-1] if given else None


def _giver(found: Way, released: Link) -> str | None:
    """Who handed the code in: a person, or whoever held a one-time link."""
    given = _arrival(found, released)
    if given is None or given.act != Act.CODE_GIVEN:
        return None
    used = [  # in one transaction, one after the other
        one for one in found.links if one.act == Act.DESK_LINK_USED and one.index == given.index - 1
    ]
    if not used:
        return given.by
    made = [
        one
        for one in found.links
        if one.act == Act.DESK_LINK_CREATED and one.detail.get("link") == used[0].detail.get("link")
    ]
    return f"whoever held the one-time link that {made[0].by if made else 'somebody'} made"


def _receiver(found: Way, released: Link, given: str | None) -> str:
    if released.act == Act.CODE_CONFIRMED:
        how = "on its telephone" if released.detail.get("task") == "push" else "with its passkey or security key"
        return f"nobody: there was no code to read. The sign-in of {found.asked_by} was confirmed {how}; by whom is unknown"
    if given is None:
        made = found.asked.detail.get("channel") in MADE_HERE
        seen = "Portunus showed it to nobody" if made or _arrival(found, released) else f"who read it is {UNKNOWN}"
    else:
        seen = f"{given} read it and handed it in"
        if given.startswith("whoever held"):
            seen += ", and who that was is unknown"
    return f"Portunus, for {found.asked_by} (typed by the browser host; {seen})"
