"""A tab nobody touches: while it is covered nothing of it comes out, its time goes on, and the log has both ends of it."""

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import Actor, system
from broker.base.errors import Conflict, NotFound, Refused
from broker.tabs import files
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from tests.broker.tabs.conftest import HOST, Office
from tests.fakes.blobs import MemoryBlobs

BOTH_DATABASES = True


@pytest.fixture
def covered(office: Office) -> str:
    """Maria's tab, which the host has just covered."""
    lease = office.open()
    office.finish(office.claim())
    as_(office, HOST, lambda work: tabs.lock(work, lease.id))
    return lease.id


def as_(office: Office, who: Actor, act):
    with office.portunus.unit(who) as work:
        return act(work)


def test_no_ticket_and_no_stream_while_it_is_covered(office: Office) -> None:
    lease = office.open()
    office.finish(office.claim())
    token = as_(office, office.maria, lambda work: tabs.ticket(work, lease.id))
    as_(office, HOST, lambda work: tabs.lock(work, lease.id))
    with pytest.raises(Refused, match="covered"):
        as_(office, office.maria, lambda work: tabs.join(work, token, lease.id))
    with pytest.raises(Conflict, match="covered"):
        as_(office, office.maria, lambda work: tabs.ticket(work, lease.id))


def test_no_file_while_it_is_covered_not_even_with_a_ticket_from_before(office: Office) -> None:
    lease_id, blobs, vault = office.open().id, MemoryBlobs(), office.portunus.vault
    office.finish(office.claim())
    kept = as_(office, HOST, lambda work: files.keep_download(work, vault, blobs, lease_id, b"%PDF-1.4", "eob.pdf"))

    def ticket(work) -> str:
        return files.ticket(work, vault, blobs, tabs.uncovered(work, lease_id), kept.id, inline=False)

    token = as_(office, office.maria, ticket)
    as_(office, HOST, lambda work: tabs.lock(work, lease_id))
    with pytest.raises(Refused, match="covered"):
        as_(office, office.maria, lambda work: files.open_ticket(work, vault, blobs, token))
    with pytest.raises(Conflict, match="covered"):
        as_(office, office.maria, ticket)


def test_only_its_holder_unlocks_it(office: Office, covered: str) -> None:
    with pytest.raises(NotFound):
        as_(office, office.nora, lambda work: tabs.unlock(work, covered, "code"))
    as_(office, office.maria, lambda work: tabs.unlock(work, covered, "code"))
    assert as_(office, office.maria, lambda work: tabs.ticket(work, covered))


def test_its_time_goes_on_and_it_can_be_ended(office: Office) -> None:
    lease = office.open()
    office.finish(office.claim())
    as_(office, HOST, lambda work: tabs.lock(work, lease.id))
    with office.portunus.reading(system("test")) as work:
        row = work.db.get_one(Lease, lease.id)
        assert (row.ended_at, row.expires_at) == (None, lease.expires_at)
    as_(office, office.maria, lambda work: tabs.end_tab(work, lease.id))
    with pytest.raises(Conflict, match="has ended"):
        as_(office, office.maria, lambda work: tabs.unlock(work, lease.id, "code"))


def test_covering_and_uncovering_are_in_the_log_once(office: Office, covered: str) -> None:
    as_(office, HOST, lambda work: tabs.lock(work, covered))
    for _ in range(2):
        as_(office, office.maria, lambda work: tabs.unlock(work, covered, "phrase"))
    with office.portunus.reading(system("test")) as work:
        assert work.db.get_one(Lease, covered).locked_at is None
        wanted = [Act.TAB_LOCKED.value, Act.TAB_UNLOCKED.value]
        kept = work.db.scalars(select(AuditEntry.act).where(AuditEntry.act.in_(wanted)).order_by(AuditEntry.index))
        assert list(kept) == wanted
