"""How long recordings are kept: by class, longer under a legal hold, and then gone for good with a certificate in the log.

Nobody destroys a recording by hand. When its time is over its own key is destroyed first (copies of the file that are left
anywhere cannot be read by anybody who has no older backup of the database), then the file. Films that were made of it go with it.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, Refused
from broker.base.unit import Unit
from broker.identity.policy import Permission, reach
from broker.ports.blobs import Blobs
from broker.recordings import films, service, words
from broker.recordings.models import Recording

REASON_CHARACTERS = 5
BATCH = 50


class Retention(StrEnum):
    """Retention classes; the settings say how many days each is."""

    STANDARD = "standard"
    LONG = "long"


def classify(work: Unit, recording_id: str, retention: Retention, reason: str) -> None:
    """Keep this recording for another time. Raises `NotFound`, `Refused`, `Incomplete`."""
    row = _governed(work, recording_id, reason)
    _record(work, Act.RECORDING_CLASSIFIED, row, reason, {"from": row.retention, "to": retention.value})
    row.retention = retention.value


def hold(work: Unit, recording_id: str, reason: str) -> None:
    """Keep it until the hold is lifted, whatever its class says. Raises `NotFound`, `Refused`, `Incomplete`, `Conflict`."""
    row = _governed(work, recording_id, reason)
    if row.destroyed_at is not None:
        raise Conflict("This recording was destroyed when its time was over; it cannot be held.")
    _record(work, Act.RECORDING_HELD, row, reason, {})
    row.hold_reason = reason.strip()


def lift(work: Unit, recording_id: str, reason: str) -> None:
    """End a hold. Raises `NotFound`, `Refused`, `Incomplete`, `Conflict`."""
    row = _governed(work, recording_id, reason)
    if row.hold_reason is None:
        raise Conflict("There is no hold on this recording.")
    _record(work, Act.RECORDING_HOLD_LIFTED, row, reason, {})
    row.hold_reason = None


def expire(work: Unit, blobs: Blobs, days: dict[Retention, int]) -> int:
    """Destroy what has been kept long enough and is not held; at most 50 at a time. Returns how many.

    The audit entry is the certificate: which file (by digest and size), whose, and that its key is gone.
    """
    now = work.clock.now()
    due = or_(
        *(
            and_(Recording.retention == one.value, Recording.started_at < now - timedelta(days=length))
            for one, length in days.items()
        )
    )
    rows = work.db.scalars(
        select(Recording)
        .where(due, Recording.ended_at.is_not(None), Recording.destroyed_at.is_(None), Recording.hold_reason.is_(None))
        .limit(BATCH)
    ).all()
    for row in rows:
        _destroy(work, blobs, row, now)
    return len(rows)


def certificate(row: Recording) -> dict[str, Any]:
    """What the audit entry of a destruction says."""
    return {
        "digest": row.digest,
        "bytes": row.bytes,
        "started_at": row.started_at.isoformat(),
        "holder": row.holder_id,
        "retention": row.retention,
        "key": "destroyed in this database",
    }


def _destroy(work: Unit, blobs: Blobs, row: Recording, now: datetime) -> None:
    told = certificate(row)
    audit.record(
        work,
        Act.RECORDING_DESTROYED,
        "recording",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        detail=told,
    )
    row.wrapped_key, row.destroyed_at = b"", now
    films.forget(work, blobs, row.id)
    words.forget(work, row.id)
    work.db.flush()
    blobs.delete(row.blob)


def _governed(work: Unit, recording_id: str, reason: str) -> Recording:
    row = service.visible(work, recording_id)
    if not reach(work, Permission.RECORDING_GOVERN).covers(account_id=row.account_id, location_id=row.location_id):
        work.denials.append(f"{Permission.RECORDING_GOVERN.value} {row.id}")
        raise Refused("Your roles do not let you decide how long recordings are kept.")
    if len(reason.strip()) < REASON_CHARACTERS:
        raise Incomplete("Say in a few words why; it goes into the audit log.")
    return row


def _record(work: Unit, act: Act, row: Recording, reason: str, detail: dict[str, Any]) -> None:
    audit.record(
        work,
        act,
        "recording",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        reason=reason.strip(),
        detail=detail,
    )
