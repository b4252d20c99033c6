"""Pure decisions: what an outcome says about a script, and what a release's runs call for."""

import pytest

from broker.scripts import judging
from broker.scripts.judging import Tally

GOOD = Tally(20, 0)


@pytest.mark.parametrize(
    ("verb", "outcome", "said"),
    [
        ("sign_in", "signed_in", "worked"),
        ("eligibility", "answered", "worked"),
        ("log_out", "signed_out", "worked"),
        ("log_out", "signed_in", "failed"),
        ("look", "signed_out", "worked"),
        ("sign_in", "led_away", "failed"),
        ("look", "led_away", "failed"),
        ("sign_in", "refused", "neither"),
        ("sign_in", "captcha", "neither"),
        ("eligibility", "bad_answer", "failed"),
        ("eligibility", "write_blocked", "failed"),
        ("eligibility", "patient_not_found", "neither"),
        ("keep_alive", "signed_out", "neither"),
        ("sign_in", "down", "neither"),
    ],
)
def test_what_an_outcome_says_about_a_version_on_trial(verb: str, outcome: str, said: str) -> None:
    assert judging.verdict(verb, outcome, on_trial=True) == said


def test_a_wrong_password_counts_on_trial_at_a_login_that_worked_before_and_nowhere_else() -> None:
    assert judging.verdict("sign_in", "wrong_password", on_trial=True) == "failed"
    assert judging.verdict("sign_in", "wrong_password", on_trial=True, worked_before=False) == "neither"
    assert judging.verdict("sign_in", "wrong_password", on_trial=False) == "neither"


@pytest.mark.parametrize(
    ("trial", "before", "step"),
    [
        (Tally(0, 1), GOOD, "back"),
        (Tally(3, 0), GOOD, "on"),
        (Tally(2, 0), GOOD, "wait"),
        (Tally(3, 1), GOOD, "back"),
        (Tally(3, 1), Tally(0, 9), "on"),
        (Tally(1, 1), Tally(0, 9), "wait"),
        (Tally(3, 20), Tally(0, 9), "back"),
    ],
)
def test_a_broken_predecessor_lets_nothing_on_that_fails_itself(trial: Tally, before: Tally, step: str) -> None:
    assert judging.next_step("canary", trial, before) == step


def test_lookups_that_fail_take_a_version_back_and_lookups_that_work_take_it_nowhere() -> None:
    signed_in = Tally(1, 0)
    assert judging.next_step("canary", signed_in, GOOD, Tally(0, 3), GOOD) == "back"
    assert judging.next_step("canary", signed_in, GOOD, Tally(0, 3), Tally(0, 8)) == "wait"
    assert judging.next_step("canary", signed_in, GOOD, Tally(50, 0), GOOD) == "wait"


def test_a_session_counts_once_and_one_failure_in_it_is_a_failure() -> None:
    runs = [("a", "worked"), ("a", "worked"), ("b", "worked"), ("b", "failed"), ("c", "neither")]
    assert judging.of_sessions(runs) == Tally(1, 1)


def test_three_in_a_row_that_say_nothing_are_seen() -> None:
    assert judging.says_nothing(["neither"] * 3 + ["worked"])
    assert not judging.says_nothing(["neither", "worked", "neither", "neither"])
    assert not judging.says_nothing(["neither"] * 2)
