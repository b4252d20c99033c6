"""What a lookup saw, for whoever may see the lookup: why it has no answer, which parts of a picture were read, its own moments.

A recording of lookups holds one patient after the other: only the pictures that this lookup took are given out here.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, NotFound, Unavailable
from broker.base.unit import Unit
from broker.identity.policy import NOTHING_THERE
from broker.lookups import records
from broker.lookups.evidence import Artifact, Sighting
from broker.lookups.models import Lookup, LookupArtifact
from broker.lookups.showing import result_of
from broker.lookups.submitting import own
from broker.ports.blobs import Blobs
from broker.recordings import service as recordings
from broker.recordings.models import Recording
from broker.vault.service import Vault

Box = tuple[float, float, float, float]


def of_failure(work: Unit, vault: Vault, row: Lookup) -> list[Sighting]:
    """Where the reason was seen why there is no answer; it names a patient. The caller has checked who asks."""
    if row.error_seen is None or row.error is None:
        return []
    told = records.unseal(work, vault, row.organization_id, ("lookup failure", row.id), row.error_seen)
    return [Sighting.model_validate(one) for one in told]


def pictures(work: Unit, row: Lookup) -> list[Artifact]:
    """What the lookup photographed and kept, in order."""
    return [
        Artifact(
            artifact_id=one.id,
            kind=one.kind,
            sha256=one.sha256,
            bytes=one.size,
            captured_at=one.captured_at,
            recording_id=one.recording_id,
            recording_offset_ms=one.offset_ms,
        )
        for one in work.db.scalars(_kept(row).order_by(LookupArtifact.captured_at, LookupArtifact.id))
    ]


def read_parts(work: Unit, vault: Vault, row: Lookup, artifact_id: str) -> list[Box]:
    """The places on a picture that the answer, or its absence, rests on: the rest of it may be about others."""
    result: dict[str, Any] = result_of(work, vault, row) or {}
    seen = [one for some in result.get("provenance", {}).get("fields", {}).values() for one in some]
    seen += [one for some in result.get("unmapped", []) for one in some["evidence"]]
    seen += [one.model_dump() for one in of_failure(work, vault, row)]
    return [tuple(one["box"]) for one in seen if one.get("artifact_id") == artifact_id and one.get("box")]


def open_moments(work: Unit, lookup_id: str, recording_id: str, reason: str) -> tuple[Recording, list[LookupArtifact]]:
    """The recording and this lookup's pictures in it, for a reason that goes into the log first.

    Raises `NotFound`, `Incomplete` (no reason), `Conflict` (destroyed).
    """
    row = own(work, lookup_id)
    recording, kept = _in_recording(work, row, recording_id)
    recordings.check_reason(reason)
    audit.record(
        work,
        Act.RECORDING_VIEWED,
        "recording",
        recording.id,
        account_id=recording.account_id,
        location_id=recording.location_id,
        reason=reason.strip(),
        detail={"lookup": row.id, "pictures": len(kept)},
    )
    if recording.destroyed_at is not None:
        raise Conflict("Its time was over: this recording was destroyed, and nobody can view it any more.")
    return recording, kept


def has_moments(work: Unit, lookup_id: str, recording_id: str) -> Lookup:
    """The lookup, when it is the actor's to see and has pictures in that recording. Raises `NotFound`."""
    row = own(work, lookup_id)
    _in_recording(work, row, recording_id)
    return row


def moments(
    work: Unit, vault: Vault, blobs: Blobs, recording: Recording, kept: list[LookupArtifact]
) -> Iterator[tuple[int, bytes]]:
    """(milliseconds, message as the stream has it) of each picture. Raises `Unavailable` where the file was changed."""
    for one in kept:
        if one.chunk is None or one.place is None:
            raise Unavailable("The recording was changed after it was written.", code="recording-damaged")
        yield (
            one.offset_ms or 0,
            recordings.message_at(work, vault, blobs, recording, chunk=one.chunk, place=one.place),
        )


def _in_recording(work: Unit, row: Lookup, recording_id: str) -> tuple[Recording, list[LookupArtifact]]:
    inside = _kept(row).where(LookupArtifact.recording_id == recording_id)
    kept = list(work.db.scalars(inside.order_by(LookupArtifact.offset_ms, LookupArtifact.id)))
    recording = work.db.get(Recording, recording_id)
    if recording is None or not kept:
        raise NotFound(NOTHING_THERE)
    return recording, kept


def _kept(row: Lookup) -> Any:
    """Its own pictures and files, and those of the lookup whose result it reuses."""
    whose = Lookup.id == row.id
    if row.result_id is not None:
        whose |= (Lookup.result_id == row.result_id) & (Lookup.organization_id == row.organization_id)
    return select(LookupArtifact).where(LookupArtifact.lookup_id.in_(select(Lookup.id).where(whose)))
