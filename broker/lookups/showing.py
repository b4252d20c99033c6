"""Lookups as they are shown: state in words, result with its evidence, the answer before it. Whoever sees a patient is on record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, NotFound
from broker.base.unit import Unit
from broker.identity.policy import NOTHING_THERE, reach
from broker.lookups import records, waiting
from broker.lookups.askers import NEEDED
from broker.lookups.failures import failure
from broker.lookups.models import Lookup, LookupArtifact, LookupResult
from broker.lookups.states import State
from broker.lookups.submitting import own
from broker.ports.blobs import Blobs
from broker.recordings import service as recordings
from broker.recordings.models import Recording
from broker.vault.service import Vault

PAGE = 50
FRAME_HEAD = 16
"""Bytes before the picture in a FRAME message (docs/ARCHITECTURE.md, stream wire)."""
STATES = tuple(state.value for state in State if state is not State.QUEUED)


@dataclass(frozen=True)
class Shown:
    """One lookup without its patient."""

    id: str
    kind: str
    state: str
    """queued, waiting_session, waiting_code, running, needs_human, done, failed, blocked_by_policy, cancelled"""
    words: str
    portal: str
    portal_name: str
    location: str
    location_name: str
    priority: int
    created_at: datetime
    ended_at: datetime | None
    deadline: datetime | None
    next_try_at: datetime | None
    batch_id: str | None
    requested_by: str
    error: dict[str, Any] | None
    result_id: str | None
    captured_at: datetime | None
    """When the answer was seen; before the lookup was asked where a recent one did."""
    runs: int


def shown(work: Unit, row: Lookup) -> Shown:
    """The lookup as it stands now."""
    state, words = progress(work, row)
    late = row.state == State.QUEUED and row.not_before > work.clock.now()
    return Shown(
        id=row.id,
        kind=row.kind,
        state=state,
        words=words,
        portal=row.portal.key,
        portal_name=row.portal.name,
        location=row.location.key,
        location_name=row.location.name,
        priority=row.priority,
        created_at=row.created_at,
        ended_at=row.ended_at,
        deadline=row.deadline,
        next_try_at=row.not_before if late else None,
        batch_id=row.batch_id,
        requested_by=row.requester_name,
        error=failure(row.error, in_vain=state == State.NEEDS_HUMAN).model_dump(exclude_none=True)
        if row.error
        else None,
        result_id=row.result_id,
        captured_at=_captured(work, row),
        runs=row.runs,
    )


def progress(work: Unit, row: Lookup) -> tuple[str, str]:
    """(state, one sentence). A queued lookup says what it waits for."""
    if row.state == State.DONE:
        seen = _captured(work, row)
        if seen is not None and seen < row.created_at:
            return row.state, f"Answered with what was seen on {seen:%Y-%m-%d at %H:%M} UTC."
        return row.state, "Answered."
    if row.state == State.RUNNING:
        return row.state, "Being looked up."
    if row.state != State.QUEUED:
        return row.state, failure(row.error).words if row.error else ""
    return waiting.reason(work, row)


def _captured(work: Unit, row: Lookup) -> datetime | None:
    if row.result_id is None:
        return None
    return work.db.scalar(select(LookupResult.captured_at).where(LookupResult.id == row.result_id))


def visible(work: Unit) -> ColumnElement[bool]:
    """Lookups at the actor's places, of the kinds he may ask."""
    allowed: list[ColumnElement[bool]] = []
    for kind, permission in NEEDED.items():
        where = reach(work, permission)
        if where.everywhere:
            allowed.append(Lookup.kind == kind)
        elif where:
            places = or_(Lookup.location_id.in_(where.location_ids), Lookup.account_id.in_(where.account_ids))
            allowed.append((Lookup.kind == kind) & places)
    return or_(*allowed) if allowed else Lookup.id.is_(None)


def listed(
    work: Unit, *, cursor: str | None = None, limit: int = PAGE, state: str | None = None, batch_id: str | None = None
) -> list[Lookup]:
    """Newest first; `cursor` is the id of the last one seen. Raises `Incomplete` for a state that there is not."""
    query = select(Lookup).where(visible(work)).order_by(Lookup.id.desc()).limit(min(max(limit, 1), 200))
    if cursor:
        query = query.where(Lookup.id < cursor)
    if state in waiting.WAITING:
        query = query.where(waiting.shows_as(work, state))
    elif state == "exceptions":
        query = query.where(Lookup.state.in_((State.NEEDS_HUMAN, State.FAILED, State.BLOCKED)))
    elif state in STATES:
        query = query.where(Lookup.state == state)
    elif state:
        raise Incomplete(f"state is one of {', '.join((*waiting.WAITING, *STATES, 'exceptions'))}.")
    if batch_id:
        query = query.where(Lookup.batch_id == batch_id)
    return list(work.db.scalars(query))


def result_of(work: Unit, vault: Vault, row: Lookup) -> dict[str, Any] | None:
    """The lookup's result as its schema says, or None. The caller has checked who asks, and records it (`released`)."""
    return _opened(work, vault, work.db.get(LookupResult, row.result_id)) if row.result_id else None


def question_of(work: Unit, vault: Vault, row: Lookup) -> dict[str, Any]:
    """What was asked; names a patient."""
    asked: dict[str, Any] = records.unseal(work, vault, row.organization_id, ("lookup", row.id), row.asked)
    return asked


def released(work: Unit, row: Lookup, how: str) -> None:
    """Somebody sees the patient's data: on record."""
    audit.record(
        work,
        Act.LOOKUP_VIEWED,
        "lookup",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        detail={"how": how},
    )


def previous(work: Unit, vault: Vault, row: Lookup) -> dict[str, Any] | None:
    """The last answer about the same patient or claim before this one, whatever day it was asked for, or None."""
    own_result = work.db.get(LookupResult, row.result_id) if row.result_id else None
    query = select(LookupResult).where(LookupResult.organization_id == row.organization_id)
    if own_result is not None:
        earlier = LookupResult.captured_at < own_result.captured_at
        query = query.where(LookupResult.matter == own_result.matter, earlier)
    else:
        query = query.where(LookupResult.subject == row.subject)
    return _opened(work, vault, work.db.scalar(query.order_by(LookupResult.captured_at.desc()).limit(1)))


def _opened(work: Unit, vault: Vault, result: LookupResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    context = ("lookup result", result.id)
    document: dict[str, Any] = records.unseal(work, vault, result.organization_id, context, result.sealed)
    return document


def artifact(work: Unit, vault: Vault, blobs: Blobs, lookup_id: str, artifact_id: str) -> tuple[LookupArtifact, bytes]:
    """A kept picture or file, for someone who may see the lookup; on record. Raises `NotFound`, `Unavailable`."""
    row = own(work, lookup_id)
    kept = work.db.get(LookupArtifact, artifact_id)
    mine = kept is not None and (kept.lookup_id == row.id or _of_result(work, row, kept.lookup_id))
    if kept is None or not mine:
        raise NotFound(NOTHING_THERE)
    released(work, row, "picture")
    if kept.blob is not None:
        sealed = blobs.read(kept.blob)
        return kept, vault.unseal(work, kept.organization_id, ("lookup artifact", kept.id), sealed)
    recording = work.db.get(Recording, kept.recording_id or "")
    if recording is None or kept.chunk is None or kept.place is None:
        raise Conflict("What this lookup kept is gone: it was kept as long as recordings are.", code="recording-gone")
    message = recordings.message_at(work, vault, blobs, recording, chunk=kept.chunk, place=kept.place)
    return kept, message[FRAME_HEAD:]


def _of_result(work: Unit, row: Lookup, lookup_id: str) -> bool:
    """Whether the picture belongs to the lookup whose result this one reuses."""
    if row.result_id is None:
        return False
    return (
        work.db.scalar(select(Lookup.id).where(Lookup.id == lookup_id, Lookup.result_id == row.result_id)) is not None
    )
