"""Files and pages of lookups go when recordings of their age go, not under a legal hold, and on record."""

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.errors import Conflict
from broker.base.ids import new_id
from broker.lookups import retention
from broker.lookups import service as lookups
from broker.lookups.models import Lookup, LookupArtifact
from broker.recordings import service as recordings
from broker.recordings.models import Recording
from broker.tabs.models import Lease
from tests.broker.lookups.conftest import Office
from tests.broker.lookups.test_batches import counts, sent
from workers import expire_lookups, read_batch

BOTH_DATABASES = True


def kept(office: Office, lookup: Lookup, **values: object) -> str:
    """A PDF of this lookup, kept now."""
    portunus, artifact_id = office.portunus, new_id("art")
    with portunus.unit(lookups.HOLDER) as work:
        blob = f"lookups/{artifact_id}"
        told = {"kind": "pdf", "sha256": "a" * 64, "size": 4, "captured_at": work.clock.now(), "blob": blob} | values
        work.db.add(LookupArtifact(id=artifact_id, organization_id=lookup.organization_id, lookup_id=lookup.id, **told))
        sealed = portunus.vault.seal(work, lookup.organization_id, ("lookup artifact", artifact_id), b"%PDF")
    portunus.blobs.append(f"lookups/{artifact_id}", sealed)
    return artifact_id


def test_a_file_goes_after_its_time_and_not_before(office: Office) -> None:
    asked = office.ask()
    file = kept(office, asked)
    office.portunus.clock.advance(days=364)
    expire_lookups.run(office.portunus)
    assert list(office.portunus.blobs.names("lookups/art_")) == [f"lookups/{file}"]
    office.portunus.clock.advance(days=2)
    expire_lookups.run(office.portunus)
    assert list(office.portunus.blobs.names("lookups/art_")) == []
    with office.portunus.unit(office.actor) as work:
        with pytest.raises(Conflict, match="kept as long as recordings"):
            lookups.artifact(work, office.portunus.vault, office.portunus.blobs, asked.id, file)
        told = work.db.scalar(select(AuditEntry).where(AuditEntry.leaf.contains(Act.LOOKUP_FILE_DESTROYED.value)))
        assert file in told.leaf


def test_a_page_that_no_script_knew_goes_too(office: Office) -> None:
    asked = office.ask()
    with office.portunus.unit(lookups.HOLDER) as work:
        work.db.get_one(Lookup, asked.id).error_evidence = "evi_1"
    office.portunus.blobs.append("evidence/evi_1", b"sealed")
    office.portunus.clock.advance(days=366)
    expire_lookups.run(office.portunus)
    assert list(office.portunus.blobs.names("evidence/")) == []
    assert office.row(asked).error_evidence is None


def test_a_legal_hold_on_the_recording_keeps_the_files_beside_it(office: Office) -> None:
    asked = office.ask()
    office.sign_in()
    lease_id = office.turn()
    with office.portunus.unit(lookups.HOLDER) as work:
        lease = work.db.get_one(Lease, lease_id)
        subject = recordings.Subject(
            organization_id=asked.organization_id, lease_id=lease_id, portal_session_id=lease.portal_session_id,
            account_id=office.account.id, location_id=office.location.id, holder_kind="system",
            holder_id=lookups.HOLDER.id, holder_name="Lookups",
        )  # fmt: skip
        recording, _ = recordings.start(work, office.portunus.vault, subject)
        work.db.get_one(Recording, recording.id).hold_reason = "a dispute"
    file = kept(office, asked)
    kept(office, asked, kind="screenshot", recording_id=recording.id, blob=None)
    office.portunus.clock.advance(days=400)
    with office.portunus.unit(lookups.HOLDER) as work:
        assert retention.expire(work, office.portunus.blobs, 365) == 0
    assert f"lookups/{file}" in office.portunus.blobs.names("lookups/art_")


def test_a_batchs_file_goes_once_it_is_read_and_its_rows_stay(office: Office) -> None:
    batch_id = sent(office)
    assert list(office.portunus.blobs.names("lookups/batches/")) == [f"lookups/batches/{batch_id}"]
    read_batch.look(office.portunus, batch_id)
    read_batch.look(office.portunus, batch_id)  # a hint that comes twice
    assert list(office.portunus.blobs.names("lookups/batches/")) == []
    assert counts(office, batch_id).read == 4


def test_a_file_whose_columns_nobody_names_goes_after_a_day(office: Office) -> None:
    portunus = office.portunus
    made_ms = int(portunus.clock.now().timestamp() * 1000)
    name = f"lookups/uploads/upl_{made_ms:012x}{'7' * 20}"
    portunus.blobs.append(name, b"sealed")
    portunus.clock.advance(hours=23)
    expire_lookups.run(portunus)
    assert list(portunus.blobs.names("lookups/uploads/")) == [name]
    portunus.clock.advance(hours=2)
    expire_lookups.run(portunus)
    assert list(portunus.blobs.names("lookups/uploads/")) == []
