"""A code's way as the audit log has it, and nothing else: tables only say where to look, since they can be changed unnoticed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.codes.models import CodeMessage
from broker.directory.models import Location
from broker.identity.policy import Permission, require
from broker.recordings.models import Recording

PARTS: dict[str, str] = {
    Act.TAB_REQUESTED: "tab",
    Act.CODE_REQUESTED: "asked",
    Act.LOGIN_SUBMITTED: "asked",
    Act.CODE_ARRIVED: "arrived",
    Act.CODE_QUARANTINED: "arrived",
    Act.DESK_LINK_CREATED: "arrived",
    Act.DESK_LINK_USED: "arrived",
    Act.CODE_CALL_BEGUN: "arrived",
    Act.CODE_CALL_ENDED: "arrived",
    Act.CODE_GIVEN: "arrived",
    Act.CODE_MATCHED: "matched",
    Act.CODE_RELEASED: "released",
    Act.CODE_CONFIRMED: "released",
    Act.CODE_TYPED: "typed",
    Act.CODE_ANSWERED: "answered",
    Act.SESSION_PROVED: "session",
    Act.TAB_GRANTED: "session",
    Act.RECORDING_STARTED: "recording",
    Act.RECORDING_CLOSED: "recording",
    Act.CODE_EXPIRED: "over",
    Act.CODE_WITHDRAWN: "over",
}
WORDS: dict[str, str] = {
    Act.TAB_REQUESTED: "A tab of the portal was asked for",
    Act.CODE_REQUESTED: "The portal was asked for a code",
    Act.LOGIN_SUBMITTED: "The sign-in was submitted at the portal",
    Act.CODE_ARRIVED: "A code arrived",
    Act.CODE_QUARANTINED: "A message came and was not used",
    Act.DESK_LINK_CREATED: "A one-time link to its box was made for somebody else",
    Act.DESK_LINK_USED: "The link was used",
    Act.CODE_CALL_BEGUN: "Somebody called the provider line for it",
    Act.CODE_CALL_ENDED: "The call ended",
    Act.CODE_GIVEN: "A person handed a code in",
    Act.CODE_MATCHED: "It was matched to this sign-in",
    Act.CODE_RELEASED: "It was released to this sign-in, once",
    Act.CODE_CONFIRMED: "Somebody confirmed the sign-in by hand: the portal moved on",
    Act.CODE_TYPED: "It was typed into the portal's page",
    Act.CODE_ANSWERED: "The portal answered",
    Act.SESSION_PROVED: "A signed-in session was proved",
    Act.TAB_GRANTED: "The signed-in tab was handed over",
    Act.RECORDING_STARTED: "The recording of its tab began",
    Act.RECORDING_CLOSED: "The recording of its tab was closed",
    Act.CODE_EXPIRED: "The request ended without a code used",
    Act.CODE_WITHDRAWN: "The request ended without a code used",
}
NEEDED = ("asked", "arrived", "matched", "released", "typed", "answered", "session")
MADE_HERE = ("totp", "recovery")
BY_HAND = ("push", "passkey")
LOGGED_ARRIVALS = (Act.CODE_ARRIVED, Act.CODE_GIVEN)
UNKNOWN = "unknown: the log does not say"


@dataclass(frozen=True)
class Link:
    """One entry of the log, as a step of the way."""

    part: str
    words: str
    act: str
    at: datetime
    by: str
    index: int
    outcome: str
    detail: dict[str, Any]
    entry: str
    """The entry's id."""
    thing: str
    """Id of what it is about."""


@dataclass(frozen=True)
class Way:
    """Every link of one request's code, in the log's order."""

    request_id: str
    location_id: str
    account_id: str
    links: tuple[Link, ...]

    @property
    def asked(self) -> Link:
        """The request itself, before the portal was asked."""
        return next(link for link in self.links if link.act == Act.CODE_REQUESTED)

    def last(self, *acts: Act) -> Link | None:
        """The newest link of these kinds."""
        return next((link for link in reversed(self.links) if link.act in acts), None)

    @property
    def released(self) -> Link | None:
        """Where the code was given to the sign-in, or the sign-in confirmed by hand."""
        return self.last(Act.CODE_RELEASED, Act.CODE_CONFIRMED)

    @property
    def asked_by(self) -> str:
        """For whom, by name, as the log kept it."""
        told = self.asked.detail
        name = str(told.get("for_name") or UNKNOWN)
        return f"{name} (automation)" if told.get("for_kind") == "service" else name

    @property
    def missing(self) -> tuple[str, ...]:
        """Parts of a complete way that the log does not hold (yet). Not each way has each: nothing is typed for a push."""
        present, told = {link.part for link in self.links if link.act != Act.CODE_QUARANTINED}, self.asked.detail
        released, skipped = self.released, set()
        if (released is None and told.get("way") in BY_HAND) or (released and released.act == Act.CODE_CONFIRMED):
            skipped = {"arrived", "matched", "typed"}
        elif told.get("channel") in MADE_HERE:
            skipped = {"arrived", "matched"}
        elif not any(link.act in LOGGED_ARRIVALS for link in self.links):
            present.discard("arrived")
        if self.last(Act.SESSION_PROVED) is None:
            present.discard("session")
        return tuple(part for part in NEEDED if part not in present | skipped)

    @property
    def recording(self) -> Link | None:
        """The newest word about the recording of the tab: closed, with its digest, or begun."""
        return self.last(Act.RECORDING_CLOSED) or self.last(Act.RECORDING_STARTED)


def way(work: Unit, request_id: str) -> Way:
    """Raises `NotFound` for what the log does not know, or what is not at a place within the actor's reach."""
    own = _links(work, "code_request", [request_id])
    asked = next((link for link in own if link.act == Act.CODE_REQUESTED), None)
    if asked is None:
        raise NotFound(f"There is no code request {request_id}.")
    place, account_id = _place(work, asked)
    require(work, Permission.LAST_CODE, location=place)
    attempt, lease = str(asked.detail.get("attempt")), str(asked.detail.get("lease"))
    found = [link for link in own if link.index >= asked.index]
    found += _messages(work, request_id, found)
    found += [link for link in _links(work, "login_attempt", [attempt]) if link.index > asked.index]
    tab = _links(work, "lease", [lease])
    sessions = {str(link.detail.get("session")) for link in tab}
    proved = [link for link in _links(work, "portal_session", sessions) if link.detail.get("attempt") == attempt]
    found += tab + proved
    found += _links(work, "lease", {str(link.detail["lease"]) for link in proved if link.detail.get("lease")} - {lease})
    found += _recording(work, lease)
    ordered = sorted({link.index: link for link in found}.values(), key=lambda link: link.index)
    return Way(request_id, place.id, account_id, tuple(ordered))


def _place(work: Unit, asked: Link) -> tuple[Location, str]:
    entry = work.db.get_one(AuditEntry, asked.index)
    fields = json.loads(entry.leaf)
    place = work.db.get(Location, fields["location"])
    if place is None:
        raise NotFound("The location of this code request is gone.")
    return place, str(fields["account"])


def _messages(work: Unit, request_id: str, own: Sequence[Link]) -> list[Link]:
    """Messages that were matched to the request, or judged to be about it and not used."""
    matched = {str(link.detail["message"]) for link in own if link.detail.get("message")}
    about = set(work.db.scalars(select(CodeMessage.id).where(CodeMessage.request_id == request_id)))
    came = _links(work, "code_message", matched | about)
    return [link for link in came if link.thing in matched or link.detail.get("request") == request_id]


def _recording(work: Unit, lease: str) -> list[Link]:
    """Of the tab that the code was asked for."""
    first = select(Recording.id).where(Recording.lease_id == lease).order_by(Recording.started_at, Recording.id)
    links = _links(work, "recording", work.db.scalars(first.limit(1)).all())
    begun = any(link.act == Act.RECORDING_STARTED and link.detail.get("lease") == lease for link in links)
    return links if begun else []


def _links(work: Unit, kind: str, ids: Iterable[str]) -> list[Link]:
    wanted = sorted(ids)
    if not wanted:
        return []
    rows = work.db.scalars(
        select(AuditEntry)
        .where(AuditEntry.thing_kind == kind, AuditEntry.thing_id.in_(wanted), AuditEntry.act.in_(list(PARTS)))
        .order_by(AuditEntry.index)
    )
    return [_link(row) for row in rows]


def _link(entry: AuditEntry) -> Link:
    """From the leaf alone: it is what was hashed."""
    fields = json.loads(entry.leaf)
    act = str(fields["act"])
    return Link(
        part=PARTS.get(act, ""),
        words=WORDS.get(act, act),
        act=act,
        at=datetime.fromisoformat(fields["at"]),
        by=str(fields["actor"]["name"]),
        index=entry.index,
        outcome=str(fields["outcome"]),
        detail={name: value for name, value in fields["detail"].items() if value is not None},
        entry=str(fields["id"]),
        thing=str(fields["thing"]["id"]),
    )
