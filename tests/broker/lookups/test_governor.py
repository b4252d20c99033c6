"""Pace, breaker and retries: pure decisions."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.lookups.failures import FAILURES, OF_OUTCOME
from broker.lookups.governor import BACKOFF, Governor, again_in, breaks_for
from carrier_scripts.kit.lookups import NO_ANSWERS

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("behaviour", "started_s_ago", "wait_s"),
    [
        ({}, 0.1, 0.4),
        ({}, 2, 0),
        ({"lookup_pause_ms": 0}, 0, 0),
        ({"lookups_per_hour": 60}, 20, 40),
        ({"lookup_pause_ms": 3000}, 1, 2),
    ],
)
def test_the_next_lookup_waits_as_the_record_says(behaviour: dict, started_s_ago: float, wait_s: float) -> None:
    wait = Governor.of(behaviour).wait(NOW - timedelta(seconds=started_s_ago), None, NOW)
    assert wait.total_seconds() == pytest.approx(wait_s)


def test_a_paused_portal_is_left_alone() -> None:
    assert Governor.of({}).wait(None, NOW + timedelta(minutes=5), NOW) == timedelta(minutes=5)


def test_failures_in_a_row_open_the_breaker_ever_longer() -> None:
    assert [breaks_for(n) for n in (1, 2)] == [None, None]
    rests = [breaks_for(n) for n in range(3, 9)]
    assert rests == sorted(rests)
    assert rests[-1] == timedelta(hours=1)


def test_retries_end() -> None:
    assert again_in("no", 1) is None
    assert again_in("after_fix", 1) is None
    assert again_in("now", 1) == timedelta(0)
    waits = [again_in("later", n) for n in range(1, 54)]
    assert waits[:4] == [*BACKOFF]
    assert set(waits[4:52]) == {BACKOFF[-1]}
    assert waits[52] is None


def test_every_outcome_and_every_no_answer_has_a_failure_with_words() -> None:
    assert set(OF_OUTCOME.values()) | NO_ANSWERS <= set(FAILURES)
    assert all(one.words.endswith(".") and one.human_action for one in FAILURES.values())
