"""Recordings are kept as long as their class says, longer under a hold, and then nobody can read them any more."""

import json

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.errors import BrokerError, Conflict, Incomplete, NotFound, Refused
from broker.recordings import retention, service
from broker.recordings.models import Recording
from broker.recordings.retention import Retention
from tests.broker.recordings.test_service import HOST, acts, begun  # noqa: F401 - a fixture
from tests.conftest import acting

BOTH_DATABASES = True

DAYS = {Retention.STANDARD: 365, Retention.LONG: 2555}


@pytest.fixture
def closed(portunus, begun):  # noqa: F811
    """A finished recording; its id and people."""
    recording_id, blob, writer, people = begun
    portunus.blobs.append(blob, writer.final())
    with portunus.unit(HOST) as work:
        service.close(work, recording_id, digest=writer.digest(), size=99, messages=3, duration_ms=20)
    return recording_id, blob, people


def expire(portunus) -> int:
    with portunus.unit(HOST) as work:
        return retention.expire(work, portunus.blobs, DAYS)


def decide(portunus, who, act, *words) -> None:
    with portunus.unit(acting(who)) as work:
        act(work, *words)


def test_a_recording_whose_time_is_over_is_gone_and_the_log_has_the_certificate(portunus, closed, clock) -> None:
    recording_id, blob, people = closed
    clock.advance(days=364)
    assert expire(portunus) == 0
    clock.advance(days=2)
    assert expire(portunus) == 1
    assert blob not in portunus.blobs.kept
    (entry,) = acts(portunus, Act.RECORDING_DESTROYED)
    with portunus.reading(HOST) as work:
        row = work.db.get(Recording, recording_id)
        assert row.wrapped_key == b""
        assert (entry["detail"]["digest"], entry["detail"]["key"]) == (row.digest, "destroyed in this database")
    with portunus.unit(acting(people["audrey"])) as work, pytest.raises(Conflict, match="destroyed"):
        service.open_for_view(work, portunus.vault, recording_id, "weekly review")
    assert expire(portunus) == 0


def test_the_long_class_is_kept_longer(portunus, closed, clock) -> None:
    recording_id, _, people = closed
    decide(portunus, people["audrey"], retention.classify, recording_id, Retention.LONG, "payer audit of 2026")
    clock.advance(days=400)
    assert expire(portunus) == 0
    clock.advance(days=2200)
    assert expire(portunus) == 1


def test_a_hold_keeps_it_until_it_is_lifted(portunus, closed, clock) -> None:
    recording_id, _, people = closed
    decide(portunus, people["audrey"], retention.hold, recording_id, "Subpoena 4711")
    clock.advance(days=4000)
    assert expire(portunus) == 0
    decide(portunus, people["audrey"], retention.lift, recording_id, "Case is closed")
    assert expire(portunus) == 1


def test_one_that_still_runs_is_never_destroyed(portunus, begun, clock) -> None:  # noqa: F811
    clock.advance(days=4000)
    assert expire(portunus) == 0


@pytest.mark.parametrize(("who", "refusal"), [("maria", Refused), ("dan", NotFound)])
def test_only_who_governs_recordings_decides(portunus, closed, who, refusal) -> None:
    recording_id, _, people = closed
    for act, words in (
        (retention.hold, ("because I say so",)),
        (retention.lift, ("because I say so",)),
        (retention.classify, (Retention.LONG, "because I say so")),
    ):
        with pytest.raises(refusal):
            decide(portunus, people[who], act, recording_id, *words)


def test_no_hold_without_a_reason_nor_on_what_is_gone(portunus, closed, clock) -> None:
    recording_id, _, people = closed
    with pytest.raises(Incomplete):
        decide(portunus, people["audrey"], retention.hold, recording_id, "  ")
    with pytest.raises(Conflict):
        decide(portunus, people["audrey"], retention.lift, recording_id, "there is none")
    clock.advance(days=400)
    expire(portunus)
    with pytest.raises(BrokerError):
        decide(portunus, people["audrey"], retention.hold, recording_id, "Subpoena 4711")


def test_holds_are_on_record_with_their_reason(portunus, closed) -> None:
    recording_id, _, people = closed
    decide(portunus, people["audrey"], retention.hold, recording_id, "Subpoena 4711")
    with portunus.reading(HOST) as work:
        leaf = work.db.scalars(select(AuditEntry.leaf).where(AuditEntry.act == Act.RECORDING_HELD.value)).one()
    assert json.loads(leaf)["reason"] == "Subpoena 4711"
