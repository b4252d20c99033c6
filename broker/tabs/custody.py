"""A code's way, link by link, from the audit log: asked for, arrived, matched, released, typed, answered, the session it opened."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from broker.audit import proofs
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.audit.service import LogKey
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.models import CodeMessage, CodeRequest
from broker.directory.models import Location, PortalAccount
from broker.identity.policy import Permission, require
from broker.recordings.models import Recording
from broker.tabs.models import LoginAttempt

PARTS: dict[str, str] = {
    Act.CODE_REQUESTED: "asked",
    Act.LOGIN_SUBMITTED: "asked",
    Act.CODE_ARRIVED: "arrived",
    Act.CODE_GIVEN: "arrived",
    Act.CODE_QUARANTINED: "arrived",
    Act.CODE_MATCHED: "matched",
    Act.CODE_RELEASED: "released",
    Act.CODE_TYPED: "typed",
    Act.CODE_ANSWERED: "answered",
    Act.SESSION_PROVED: "session",
    Act.RECORDING_STARTED: "recording",
    Act.RECORDING_CLOSED: "recording",
    Act.CODE_EXPIRED: "over",
    Act.CODE_WITHDRAWN: "over",
}
WORDS = {
    "asked": "The portal was asked for a code",
    "arrived": "A code arrived",
    "matched": "It was matched to this sign-in",
    "released": "It was released to this sign-in, once",
    "typed": "It was typed into the portal's page",
    "answered": "The portal answered",
    "session": "A signed-in session was proved",
    "recording": "The recording of its tab",
    "over": "The request ended without a code used",
}
NEEDED = ("asked", "arrived", "matched", "released", "typed", "answered", "session")


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


@dataclass(frozen=True)
class Custody:
    """The way of one request's code."""

    code_request_id: str
    portal: str
    location: str
    login_tail: str
    channel: str
    state: str
    asked_by: str
    asked_at: datetime
    links: tuple[Link, ...]
    missing: tuple[str, ...]
    """Parts of a complete way that the log does not hold (yet); an authenticator's code neither arrives nor is matched."""
    recording_id: str | None
    recording_digest: str | None
    recording_offset_ms: int | None


def custody(work: Unit, request_id: str) -> Custody:
    """The chain of a code request. Raises `NotFound` for one that is unknown, or not at a place within reach."""
    row, entries, recording = _gathered(work, request_id)
    account, location = work.db.get(PortalAccount, row.account_id), work.db.get(Location, row.location_id)
    assert account is not None
    assert location is not None
    links = tuple(_link(work, entry) for entry in entries)
    present = {link.part for link in links}
    needed = [part for part in NEEDED if row.channel != "totp" or part not in ("arrived", "matched")]
    return Custody(
        code_request_id=row.id,
        portal=account.portal.name,
        location=location.name,
        login_tail="…" + account.username[-3:],
        channel=row.channel,
        state=row.state,
        asked_by=codes.name_of(work, row.requester_kind, row.requester_id),
        asked_at=row.asked_at,
        links=links,
        missing=tuple(part for part in needed if part not in present),
        recording_id=recording.id if recording else None,
        recording_digest=recording.digest if recording else None,
        recording_offset_ms=row.recording_offset_ms,
    )


def prove(work: Unit, key: LogKey, request_id: str) -> Iterator[str]:
    """The proof file of a code request: JSON Lines for `verify.py`. Raises `NotFound`."""
    row, entries, recording = _gathered(work, request_id)
    closed = recording is not None and recording.digest is not None
    subject: dict[str, object] = {
        "code_request": row.id,
        "recording": recording.id if recording else None,
        "recording_digest": recording.digest if recording and closed else None,
        "recording_offset_ms": row.recording_offset_ms if recording else None,
    }
    return proofs.bundle(work, key, entries, subject)


def _gathered(work: Unit, request_id: str) -> tuple[CodeRequest, list[AuditEntry], Recording | None]:
    row = work.db.get(CodeRequest, request_id)
    if row is None:
        raise NotFound(f"There is no code request {request_id}.")
    require(work, Permission.LAST_CODE, location=work.db.get(Location, row.location_id))
    attempt = work.db.get(LoginAttempt, row.attempt_id)
    session_id = attempt.portal_session_id if attempt else ""
    recording = work.db.get(Recording, row.recording_id) if row.recording_id else None
    messages = work.db.scalars(select(CodeMessage.id).where(CodeMessage.request_id == row.id)).all()
    wanted = or_(
        _of("code_request", [row.id]),
        _of("code_message", messages),
        _of("login_attempt", [row.attempt_id]),
        _of("portal_session", [session_id]),
        _of("recording", [recording.id] if recording else []),
    )
    found = work.db.scalars(
        select(AuditEntry).where(wanted, AuditEntry.act.in_(list(PARTS))).order_by(AuditEntry.index)
    ).all()
    entries = [entry for entry in found if entry.act != Act.SESSION_PROVED or row.attempt_id in entry.leaf]
    opened = next((place for place, entry in enumerate(entries) if entry.act == Act.CODE_REQUESTED), None)
    if opened is None:
        raise NotFound("The log holds nothing about this code request.")
    return row, entries[opened:], recording


def _of(kind: str, ids: Any) -> Any:
    return (AuditEntry.thing_kind == kind) & AuditEntry.thing_id.in_(list(ids))


def _link(work: Unit, entry: AuditEntry) -> Link:
    fields = json.loads(entry.leaf)
    part = PARTS[entry.act]
    return Link(
        part=part,
        words=WORDS[part],
        act=entry.act,
        at=entry.at,
        by=codes.name_of(work, entry.actor_kind, entry.actor_id),
        index=entry.index,
        outcome=fields["outcome"],
        detail={name: value for name, value in fields["detail"].items() if value is not None},
    )
