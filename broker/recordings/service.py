"""Recordings: start one with a lease, close it, close those a crash left open, and view one for a reason."""

import hashlib
import json
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.errors import Conflict, Incomplete, NotFound, Refused, Unavailable
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity.policy import Permission, reach
from broker.ports.blobs import Blobs
from broker.recordings import container, words
from broker.recordings.attestation import Attestation, attested
from broker.recordings.models import Recording
from broker.recordings.reader import Closed
from broker.vault.service import Vault

SILENT = timedelta(seconds=30)
REASON_CHARACTERS = 5


@dataclass(frozen=True)
class Subject:
    """Whose tab is recorded, where."""

    organization_id: str
    lease_id: str
    portal_session_id: str
    account_id: str
    location_id: str
    holder_kind: str
    holder_id: str
    holder_name: str


def start(work: Unit, vault: Vault, subject: Subject) -> tuple[Recording, bytes]:
    """A new recording and its key. Raises `Unavailable` when no key can be had: then nothing is streamed either."""
    recording_id = new_id("rec")
    key, wrapped = vault.new_key(work, subject.organization_id, "recording", recording_id)
    now = work.clock.now()
    row = Recording(
        id=recording_id,
        organization_id=subject.organization_id,
        lease_id=subject.lease_id,
        portal_session_id=subject.portal_session_id,
        account_id=subject.account_id,
        location_id=subject.location_id,
        holder_kind=subject.holder_kind,
        holder_id=subject.holder_id,
        holder_name=subject.holder_name,
        started_at=now,
        beat_at=now,
        ended_at=None,
        end_state=None,
        blob=f"recordings/{now:%Y%m}/{recording_id}",
        wrapped_key=wrapped,
        digest=None,
    )
    work.db.add(row)
    work.db.flush()
    _record(
        work,
        Act.RECORDING_STARTED,
        row,
        detail={"lease": row.lease_id, "holder": row.holder_id, "session": row.portal_session_id},
    )
    return row, key


def beat(
    work: Unit,
    vault: Vault,
    recording_id: str,
    *,
    size: int,
    messages: int,
    duration_ms: int,
    heard: dict[str, int] | None = None,
) -> bool:
    """How far it is, and the words that came up in it with their milliseconds. False: its host was silent for 30 s, the sweep has closed it, and nothing more belongs to it."""
    row = _row(work, recording_id)
    if row.ended_at is not None:
        return False
    row.beat_at = work.clock.now()
    row.bytes, row.messages, row.duration_ms = size, messages, duration_ms
    words.keep(work, vault, row, heard or {})
    return True


def close(
    work: Unit,
    recording_id: str,
    *,
    digest: str,
    size: int,
    messages: int,
    duration_ms: int,
    attestation: Attestation | None = None,
) -> None:
    """The final chunk is written; digest and attestation go into the audit log, which is signed.

    One that the sweep has closed meanwhile stays as it was closed.
    """
    row = _row(work, recording_id)
    if row.ended_at is not None:
        return
    row.bytes, row.messages, row.duration_ms, row.digest = size, messages, duration_ms, digest
    row.ended_at, row.end_state = work.clock.now(), "complete"
    _record(
        work,
        Act.RECORDING_CLOSED,
        row,
        detail={
            "digest": digest,
            "bytes": size,
            "messages": messages,
            **(attestation.as_detail() if attestation else {}),
        },
    )


def recover(work: Unit, vault: Vault, blobs: Blobs) -> int:
    """Close recordings whose host died: count what is whole, note the gap. Returns how many."""
    rows = work.db.scalars(
        select(Recording).where(Recording.ended_at.is_(None), Recording.beat_at < work.clock.now() - SILENT)
    ).all()
    for row in rows:
        try:
            data = blobs.read(row.blob)
            contents = container.read(data, row.id, _key(work, vault, row))
            row.messages = len(contents.messages)
            row.duration_ms = contents.messages[-1].ms if contents.messages else 0
            row.bytes, row.digest, lost = len(data), hashlib.sha256(data).hexdigest(), contents.lost_bytes
            found = attested(contents.messages)
            words.keep(work, vault, row, _words(contents))
        except NotFound:
            row.bytes, row.digest, lost, found = 0, hashlib.sha256(b"").hexdigest(), 0, Attestation()
        except container.Damaged as damaged:
            _unreadable(work, row, {"chunk": damaged.chunk})
            continue
        except Unavailable:
            _unreadable(work, row, {"key": "does not open"})
            continue
        row.ended_at, row.end_state = work.clock.now(), "recovered"
        _record(
            work,
            Act.RECORDING_CLOSED,
            row,
            outcome="recovered",
            detail={
                "digest": row.digest,
                "bytes": row.bytes,
                "messages": row.messages,
                "lost_bytes": lost,
                **found.as_detail(),
            },
        )
    return len(rows)


def _words(whole: container.Contents) -> dict[str, int]:
    heard = words.Heard()
    for message in whole.messages:
        heard.note(message)
    return heard.unkept()


def _unreadable(work: Unit, row: Recording, why: dict[str, Any]) -> None:
    """Closed as damaged, and said so; the others are still recovered."""
    row.end_state, row.ended_at = "damaged", work.clock.now()
    _record(work, Act.RECORDING_CLOSED, row, outcome="damaged", detail=why)


def listed(
    work: Unit,
    *,
    before: datetime | None = None,
    limit: int = 50,
    holder_id: str | None = None,
    account_id: str | None = None,
) -> list[Recording]:
    """Recordings the actor may view, newest first: his own, or all at his places."""
    everyone, own = reach(work, Permission.RECORDING_VIEW_ALL), reach(work, Permission.RECORDING_VIEW_OWN)
    allowed: list[ColumnElement[bool]] = []
    if everyone.everywhere:
        allowed.append(Recording.id.is_not(None))
    elif everyone:
        allowed.append(
            or_(Recording.location_id.in_(everyone.location_ids), Recording.account_id.in_(everyone.account_ids))
        )
    if own:
        allowed.append(Recording.holder_id == work.actor.id)
    if not allowed:
        return []
    query = select(Recording).where(or_(*allowed)).order_by(Recording.started_at.desc()).limit(min(limit, 200))
    if before is not None:
        query = query.where(Recording.started_at < before)
    if holder_id:
        query = query.where(Recording.holder_id == holder_id)
    if account_id:
        query = query.where(Recording.account_id == account_id)
    return list(work.db.scalars(query))


def visible(work: Unit, recording_id: str) -> Recording:
    """The recording, if the actor may view it. Raises `NotFound` otherwise."""
    row = work.db.get(Recording, recording_id)
    if row is not None:
        everyone = reach(work, Permission.RECORDING_VIEW_ALL)
        if everyone.covers(account_id=row.account_id, location_id=row.location_id):
            return row
        if row.holder_id == work.actor.id and reach(work, Permission.RECORDING_VIEW_OWN):
            return row
    raise NotFound("There is no such recording.")


def check_reason(reason: str) -> None:
    """Raises `Incomplete` unless it says something."""
    if len(reason.strip()) < REASON_CHARACTERS:
        raise Incomplete("Say in a few words why you view this recording; it goes into the audit log.")


def open_for_view(work: Unit, vault: Vault, recording_id: str, reason: str) -> tuple[Recording, bytes]:
    """The recording and its key, for a reason that goes into the log first. Raises `NotFound`, `Incomplete`."""
    row = visible(work, recording_id)
    check_reason(reason)
    if row.destroyed_at is not None:
        raise Conflict("Its time was over: this recording was destroyed, and nobody can view it any more.")
    _record(work, Act.RECORDING_VIEWED, row, reason=reason)
    return row, _key(work, vault, row)


def open_for_export(work: Unit, vault: Vault, recording_id: str, reason: str) -> tuple[Recording, bytes]:
    """The recording and its key for a film that leaves the house. Raises `NotFound`, `Refused`, `Incomplete`, `Conflict`."""
    row = export_asked(work, recording_id, reason)
    return row, _key(work, vault, row)


def export_asked(work: Unit, recording_id: str, reason: str, film_id: str | None = None) -> Recording:
    """Somebody wants a film, for a reason that goes into the log. Raises as `open_for_export`."""
    row = exportable(work, recording_id)
    check_reason(reason)
    _record(work, Act.RECORDING_EXPORT_ASKED, row, reason=reason.strip(), detail={"film": film_id} if film_id else None)
    return row


def exportable(work: Unit, recording_id: str) -> Recording:
    """The recording, if the actor may take it out and it is still there. Raises `NotFound`, `Refused`, `Conflict`."""
    row = visible(work, recording_id)
    if not reach(work, Permission.RECORDING_GOVERN).covers(account_id=row.account_id, location_id=row.location_id):
        work.denials.append(f"{Permission.RECORDING_GOVERN.value} {row.id}")
        raise Refused("Your roles do not let you take recordings out.")
    if row.destroyed_at is not None:
        raise Conflict("Its time was over: this recording was destroyed, and nobody can make a film of it any more.")
    return row


def exported(work: Unit, recording_id: str, film_digest: str, film_id: str | None = None) -> None:
    """The film is made: which, by its digest. Raises as `exportable`: much may have changed since it was asked for."""
    row = exportable(work, recording_id)
    detail = {"film_digest": film_digest, "digest": row.digest} | ({"film": film_id} if film_id else {})
    _record(work, Act.RECORDING_EXPORTED, row, detail=detail)


def running(work: Unit, row: Recording) -> bool:
    """Whether its host still writes to it."""
    return row.ended_at is None and work.clock.now() - row.beat_at < SILENT


def closed(work: Unit, row: Recording) -> Closed | None:
    """What its file must be, by the audit log; None while it runs, or when it was closed unread."""
    leaf = work.db.scalar(
        select(AuditEntry.leaf)
        .where(
            AuditEntry.thing_kind == "recording",
            AuditEntry.thing_id == row.id,
            AuditEntry.act == Act.RECORDING_CLOSED.value,
        )
        .order_by(AuditEntry.index.desc())
        .limit(1)
    )
    told = json.loads(leaf)["detail"] if leaf else {}
    return Closed(told["digest"], told["bytes"]) if "digest" in told else None


def contents(row: Recording, key: bytes, blobs: Blobs) -> container.Contents:
    """Everything in it that is whole. Raises `Unavailable` when the file was changed."""
    try:
        return container.read(blobs.read(row.blob), row.id, key)
    except container.Damaged as damaged:
        raise Unavailable(
            f"The recording was changed after it was written: {damaged}.", code="recording-damaged"
        ) from damaged


def message_at(work: Unit, vault: Vault, blobs: Blobs, row: Recording, *, chunk: int, place: int) -> bytes:
    """The first message of that chunk, which begins at `place` in the file. Raises `Unavailable` when it was changed."""
    opener = container.Opener(row.id, _key(work, vault, row))
    opener.number = chunk
    try:
        length, kind = struct.unpack(">IB", blobs.read(row.blob, place, 5))
        plain = opener.opened(kind, blobs.read(row.blob, place + 5, length - 1))
        return next(container.messages_in(plain)).data
    except (container.Damaged, struct.error, StopIteration) as damaged:
        raise Unavailable("The recording was changed after it was written.", code="recording-damaged") from damaged


def _row(work: Unit, recording_id: str) -> Recording:
    row = work.db.get(Recording, recording_id)
    if row is None:
        raise NotFound("There is no such recording.")
    return row


def _key(work: Unit, vault: Vault, row: Recording) -> bytes:
    return vault.open_key(work, row.organization_id, "recording", row.id, row.wrapped_key)


def _record(work: Unit, act: Act, row: Recording, **more: object) -> None:
    audit.record(
        work,
        act,
        "recording",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        **more,  # type: ignore[arg-type]
    )
