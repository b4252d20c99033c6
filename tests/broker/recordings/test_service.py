"""Recordings: whose they are, why they are viewed, and what is left when their host dies."""

import json

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import Incomplete, NotFound
from broker.recordings import service
from broker.recordings.container import Message, Writer
from broker.recordings.models import Recording
from broker.recordings.service import Subject
from tests import factories
from tests.conftest import acting

BOTH_DATABASES = True

HOST = system("browserhost")


@pytest.fixture
def begun(portunus):
    """A recording of Maria's tab in Phoenix with three messages; its row, key and people."""
    with portunus.unit(HOST) as work:
        org = factories.organization(work)
        phoenix, tempe = factories.location(work, org), factories.location(work, org, "tempe")
        account = factories.account(work, factories.portal(work), [phoenix])
        maria = factories.user(work, org, locations=[phoenix])
        dan = factories.user(work, org, "Dan Desk", role="front_desk", locations=[tempe])
        audrey = factories.user(work, org, "Audrey Auditor", role="compliance")
        subject = Subject(org.id, "lea_1", "ses_1", account.id, phoenix.id, "user", maria.id, maria.name)
        row, key = service.start(work, portunus.vault, subject)
        recording_id, blob = row.id, row.blob
    writer = Writer(recording_id, key)
    portunus.blobs.append(blob, writer.header() + writer.chunk([Message(n, b"x") for n in (0, 10, 20)]))
    return recording_id, blob, writer, {"maria": maria, "dan": dan, "audrey": audrey}


def acts(portunus, act):
    with portunus.reading(HOST) as work:
        leaves = work.db.scalars(select(AuditEntry.leaf).where(AuditEntry.act == act.value))
        return [json.loads(leaf) for leaf in leaves]


def test_holder_views_her_own_and_the_reason_is_on_record(portunus, begun):
    recording_id, _, _, people = begun
    with portunus.unit(acting(people["maria"])) as work:
        row, key = service.open_for_view(work, portunus.vault, recording_id, "check a claim number")
        assert len(service.contents(row, key, portunus.blobs).messages) == 3
    assert [entry["reason"] for entry in acts(portunus, Act.RECORDING_VIEWED)] == ["check a claim number"]


def test_auditor_views_and_a_colleague_elsewhere_does_not(portunus, begun):
    recording_id, _, _, people = begun
    with portunus.unit(acting(people["audrey"])) as work:
        assert [row.id for row in service.listed(work)] == [recording_id]
        service.open_for_view(work, portunus.vault, recording_id, "weekly review")
    with portunus.unit(acting(people["dan"])) as work:
        assert service.listed(work) == []
        with pytest.raises(NotFound):
            service.open_for_view(work, portunus.vault, recording_id, "curious about it")


@pytest.mark.parametrize("reason", ["", "    ", "abc", " ab  "])
def test_no_view_without_a_reason(portunus, begun, reason):
    recording_id, _, _, people = begun
    with portunus.unit(acting(people["maria"])) as work, pytest.raises(Incomplete):
        service.open_for_view(work, portunus.vault, recording_id, reason)
    assert acts(portunus, Act.RECORDING_VIEWED) == []


def test_host_that_died_leaves_a_recording_that_is_closed_and_says_so(portunus, begun, clock):
    recording_id, blob, writer, people = begun
    portunus.blobs.append(blob, writer.chunk([Message(30, b"y" * 500)])[:200])
    clock.advance(seconds=31)
    with portunus.unit(HOST) as work:
        assert service.recover(work, portunus.vault, portunus.blobs) == 1
    with portunus.reading(HOST) as work:
        row = work.db.get(Recording, recording_id)
        assert (row.end_state, row.messages, row.duration_ms) == ("recovered", 3, 20)
    (entry,) = acts(portunus, Act.RECORDING_CLOSED)
    assert entry["outcome"] == "recovered"


def test_a_recording_whose_key_does_not_open_is_closed_as_damaged_and_holds_nobody_up(portunus, begun, clock):
    recording_id, blob, *_ = begun
    with portunus.unit(HOST) as work:
        work.db.get(Recording, recording_id).wrapped_key = b"another key"
    clock.advance(seconds=31)
    with portunus.unit(HOST) as work:
        assert service.recover(work, portunus.vault, portunus.blobs) == 1
    (entry,) = acts(portunus, Act.RECORDING_CLOSED)
    assert (entry["outcome"], entry["detail"]) == ("damaged", {"key": "does not open"})
    assert blob in portunus.blobs.kept, "what cannot be read is not thrown away"


def test_a_recording_that_beats_is_left_alone(portunus, begun, clock):
    recording_id, *_ = begun
    clock.advance(seconds=29)
    with portunus.unit(HOST) as work:
        service.beat(work, portunus.vault, recording_id, size=1, messages=1, duration_ms=1)
    clock.advance(seconds=29)
    with portunus.unit(HOST) as work:
        assert service.recover(work, portunus.vault, portunus.blobs) == 0
