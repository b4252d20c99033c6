"""The lockout budget: never more unproved submits in a window than the carrier's limit less the reserve."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from broker.tabs.budget import Budget

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@given(st.integers(1, 8), st.integers(60, 7200), st.lists(st.integers(0, 1800), max_size=40))
def test_no_window_ever_holds_more_tries_than_the_budget(limit, window_s, gaps):
    budget = Budget.of({"login_failure_limit": limit, "failure_window_s": window_s})
    now, taken = START, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if budget.left(taken, now):
            taken.append(now)
    for end in taken:
        assert sum(end - budget.window < one <= end for one in taken) <= max(1, limit - 2)


@given(st.integers(1, 8), st.lists(st.integers(0, 7000), min_size=1, max_size=12))
def test_a_try_is_free_when_it_was_said_to_be(limit, ages):
    budget = Budget.of({"login_failure_limit": limit, "failure_window_s": 7200})
    taken = [START - timedelta(seconds=age) for age in ages]
    free = budget.free_again(taken, START)
    assert budget.left(taken, free) >= 1
    if free > START:
        assert budget.left(taken, free - timedelta(seconds=1)) == 0


def test_an_unknown_rule_leaves_one_try_a_day():
    budget = Budget.of({})
    assert budget.left([START], START + timedelta(hours=23)) == 0
    assert budget.left([START], START + timedelta(hours=24)) == 1
