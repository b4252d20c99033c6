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
from broker.codes.models import CodeRequest
from broker.codes.service import name_of
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, MfaMethod, PortalAccount
from broker.identity.places import location_by_key
from broker.identity.policy import Permission, require
from broker.tabs.attempts import asking_lease
from broker.tabs.models import LoginAttempt


@dataclass(frozen=True)
class Link:
    """One step of the code's way, as the audit log has it."""

    act: str
    at: datetime
    by: str
    index: int


@dataclass(frozen=True)
class LastCode:
    """The answer, in the order a person asks: who, how, when, for what, where to see it, how to check it."""

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
    released_at: datetime
    typed_at: datetime | None
    typed_page: str | None
    answer: str
    code_request_id: str
    portal_session_id: str
    lease_id: str | None
    recording_id: str | None
    """Of the tab it was asked for; None where its holder left before she saw anything."""
    recording_offset_ms: int | None
    """Where the recording shows what the code opened: 0, for it begins when the portal is signed in, after the code."""
    custody: tuple[Link, ...]
    proof: InclusionProof

    @property
    def answer_words(self) -> str:
        """What the portal did with the code, after "The portal"."""
        return "gave no answer" if self.answer == "released" else f"{self.answer} it"


def last_code(work: Unit, key: LogKey, portal_key: str, location_key: str) -> LastCode:
    """The newest code released for this portal at this location. Raises `NotFound` (nothing known, or not yours to ask)."""
    location = location_by_key(work, location_key)
    require(work, Permission.LAST_CODE, location=location)
    portal = directory.portal_by_key(work, portal_key)
    row = work.db.scalar(
        select(CodeRequest)
        .join(PortalAccount, PortalAccount.id == CodeRequest.account_id)
        .where(
            PortalAccount.portal_id == portal.id,
            CodeRequest.location_id == location.id,
            CodeRequest.state.in_(("released", "accepted", "rejected")),
        )
        .order_by(CodeRequest.asked_at.desc(), CodeRequest.id.desc())
        .limit(1)
    )
    if row is None:
        raise NotFound(f"No code was released for {portal.name} at {location.name} yet.")
    audit.record(
        work, Act.REPORT_VIEWED, "code_request", row.id, location_id=location.id, detail={"report": "last code"}
    )
    return _answer(work, key, row, portal.name, location.name)


def _answer(work: Unit, key: LogKey, row: CodeRequest, portal: str, location: str) -> LastCode:
    entries = work.db.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.thing_kind == "code_request", AuditEntry.thing_id == row.id, AuditEntry.act != Act.REPORT_VIEWED
        )
        .order_by(AuditEntry.index)
    ).all()
    released = next(entry for entry in reversed(entries) if entry.act == Act.CODE_RELEASED)
    attempt = work.db.get(LoginAttempt, row.attempt_id)
    assert attempt is not None
    lease = asking_lease(work, attempt)
    used = next((code for code in row.codes if code.state in ("released", "accepted", "rejected")), None)
    method = work.db.get(MfaMethod, row.method_id)
    endpoint = work.db.get(DeliveryEndpoint, row.endpoint_id) if row.endpoint_id else None
    requester = name_of(work, row.requester_kind, row.requester_id)
    giver = name_of(work, "user", used.given_by) if used and used.given_by else None
    seen = f"{giver} read it and handed it in" if giver else "Portunus showed it to nobody"
    return LastCode(
        portal=portal,
        location=location,
        asked_by=requester,
        received_by=f"Portunus, for {requester} (typed by the browser host; {seen})",
        given_by=giver,
        channel=used.channel if used else row.channel,
        sent_to=method.masked_destination if method else "",
        endpoint=endpoint.name if endpoint else None,
        custodian=endpoint.custodian if endpoint else None,
        asked_at=row.asked_at,
        received_at=used.received_at if used else None,
        released_at=released.at,
        typed_at=row.typed_at,
        typed_page=row.typed_page,
        answer=row.state,
        code_request_id=row.id,
        portal_session_id=attempt.portal_session_id,
        lease_id=lease.id if lease else None,
        recording_id=row.recording_id,
        recording_offset_ms=row.recording_offset_ms,
        custody=tuple(
            Link(entry.act, entry.at, name_of(work, entry.actor_kind, entry.actor_id), entry.index) for entry in entries
        ),
        proof=audit.prove(work, released.id, key),
    )
