"""Which state may follow which: the tables say it, and nothing leaves an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.tabs.states import (
    ATTEMPT_CHANGES,
    LIVE_ATTEMPTS,
    SESSION_CHANGES,
    AttemptState,
    SessionState,
    attempt_may_become,
    session_may_become,
)


@pytest.mark.parametrize(("table", "states"), [(SESSION_CHANGES, SessionState), (ATTEMPT_CHANGES, AttemptState)])
def test_every_state_says_what_may_follow(table, states) -> None:
    assert set(table) == set(states)
    assert {state for following in table.values() for state in following} <= set(states)


def test_nothing_leaves_an_ended_session_or_attempt() -> None:
    assert SESSION_CHANGES[SessionState.ENDED] == frozenset()
    ends = (AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.UNKNOWN, AttemptState.WITHDRAWN)
    assert [ATTEMPT_CHANGES[state] for state in ends] == [frozenset()] * 4


def test_every_session_can_end_and_every_live_attempt_too() -> None:
    assert all(session_may_become(state, SessionState.ENDED) for state in SessionState)
    assert all(ATTEMPT_CHANGES[state] for state in LIVE_ATTEMPTS)


def test_a_password_that_was_submitted_is_never_called_withdrawn() -> None:
    """After the submit nobody knows: it ends as succeeded, failed or unknown, and counts."""
    assert not attempt_may_become(AttemptState.SUBMITTING, AttemptState.WITHDRAWN)
    assert not attempt_may_become(AttemptState.SUBMITTING, AttemptState.CLAIMED)


def test_a_tab_is_ready_only_after_a_sign_in_or_a_revival() -> None:
    into_ready = {state for state, following in SESSION_CHANGES.items() if SessionState.READY in following}
    assert into_ready == {SessionState.SIGNING_IN, SessionState.WAITING_CODE, SessionState.REVIVING}


@given(st.lists(st.sampled_from(list(SessionState)), max_size=30))
def test_whatever_is_asked_for_a_session_that_ended_stays_ended(asked: list[SessionState]) -> None:
    state, ended = SessionState.REQUESTED, False
    for wanted in asked:
        if session_may_become(state, wanted):
            assert not ended or wanted is SessionState.ENDED
            state = wanted
            ended = ended or state is SessionState.ENDED
