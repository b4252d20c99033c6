"""A file of a portal goes to the tab's holder alone, and the log says who saved which bytes."""

import hashlib
import json

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.errors import NotFound
from broker.tabs import service as tabs

DATA = b"%PDF-1 Marta Quintero"


@pytest.fixture
def lease(office):
    """Maria's tab with one file."""
    row = office.open()
    with office.portunus.unit(office.maria) as work:
        sealed = office.portunus.vault.seal(work, office.org.id, ("download", row.id, "fil_1"), DATA)
        office.portunus.blobs.append(f"downloads/{row.id}/fil_1", sealed)
    return row


def save(office, who, lease, file_id="fil_1") -> bytes:
    with office.portunus.unit(who) as work:
        return tabs.save_download(work, office.portunus.vault, office.portunus.blobs, lease.id, file_id)


def entries(office) -> list[AuditEntry]:
    with office.portunus.reading(office.maria) as work:
        return list(work.db.scalars(select(AuditEntry).where(AuditEntry.act == Act.DOWNLOAD_SAVED.value)))


def test_who_saved_what_is_on_record(office, lease):
    assert save(office, office.maria, lease) == DATA
    (entry,) = entries(office)
    assert (entry.actor_id, entry.thing_id, entry.location_id) == (office.maria.id, "fil_1", lease.location_id)
    assert json.loads(entry.leaf)["detail"] == {"lease": lease.id, "bytes": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}


@pytest.mark.parametrize("who", ["nora", "ana", "audrey"])
def test_another_gets_nothing_and_nothing_is_said_to_be_saved(office, lease, who):
    with pytest.raises(NotFound):
        save(office, getattr(office, who), lease)
    assert entries(office) == []


@pytest.mark.parametrize("name", ["fil_2", "../keys/root", "", "fil_1/../fil_1"])
def test_a_file_that_is_not_there_is_not_found(office, lease, name):
    with pytest.raises(NotFound):
        save(office, office.maria, lease, name)
    assert entries(office) == []
