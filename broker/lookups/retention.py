"""How long files and pages that lookups kept beside their recording stay: as long as recordings do, longer under a legal hold.

Pictures lie in the recording of the lookups' lease and go with it. Results are the practice's own records and stay.
"""

from datetime import timedelta

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.unit import Unit
from broker.lookups.models import Lookup, LookupArtifact, LookupBatch
from broker.ports.blobs import Blobs
from broker.recordings.models import Recording

UPLOADS = "lookups/uploads/"
UPLOAD_KEPT = timedelta(days=1)
MOST = 50
"""Things destroyed per transaction."""


def expire(work: Unit, blobs: Blobs, days: int) -> int:
    """Destroy files (PDF, 835) and unrecognised pages older than `days`, on record. How many it were; at most 100."""
    before = work.clock.now() - timedelta(days=days)
    beside = aliased(LookupArtifact)
    held = (
        select(beside.id)
        .join(Recording, and_(Recording.id == beside.recording_id, Recording.hold_reason.is_not(None)))
        .where(beside.lookup_id == LookupArtifact.lookup_id)
    )
    old = select(LookupArtifact).where(
        LookupArtifact.blob.is_not(None), LookupArtifact.captured_at < before, ~held.exists()
    )
    files = work.db.scalars(old.limit(MOST)).all()
    for file in files:
        _record(work, file.lookup_id, {"artifact": file.id, "kind": file.kind, "digest": file.sha256})
        name, file.blob = file.blob, None
        blobs.delete(name or "")
    pages = work.db.scalars(
        select(Lookup).where(Lookup.error_evidence.is_not(None), Lookup.state_at < before).limit(MOST)
    ).all()
    for row in pages:
        _record(work, row.id, {"page": row.error_evidence, "kind": "page"})
        blobs.delete(f"evidence/{row.error_evidence}")
        row.error_evidence = None
    return len(files) + len(pages)


def forget_file(work: Unit, blobs: Blobs, batch_id: str) -> None:
    """The file of a batch that was read to its end, or cancelled, is needed no longer: its rows are kept one by one."""
    if work.db.get(LookupBatch, batch_id) is not None:
        blobs.delete(f"lookups/batches/{batch_id}")


def forget_uploads(work: Unit, blobs: Blobs) -> None:
    """Files whose columns nobody named within a day go again, on record. Their ids begin with the moment they were made."""
    for name in list(blobs.names(UPLOADS)):
        upload_id = name.removeprefix(UPLOADS)
        made_ms = int(upload_id.removeprefix("upl_")[:12], 16)
        if made_ms / 1000 < (work.clock.now() - UPLOAD_KEPT).timestamp():
            audit.record(work, Act.LOOKUP_FILE_DESTROYED, "lookup_file", upload_id, detail={"kind": "questions"})
            blobs.delete(name)


def _record(work: Unit, lookup_id: str, detail: dict[str, str | None]) -> None:
    row = work.db.get_one(Lookup, lookup_id)
    audit.record(
        work,
        Act.LOOKUP_FILE_DESTROYED,
        "lookup",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        detail=detail,
    )
