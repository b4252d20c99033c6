"""What a run's record says: what the host made of it, not only what the script called it."""

import pytest

from broker.lookups.service import Unanswered
from carrier_scripts.kit.outcomes import Outcome
from workers.browser.lookupruns import _for_the_script
from workers.browser.reports import ended
from workers.browser.scriptrun import Done
from workers.browser.trace import Trace


def trace(why: str) -> Trace:
    return Trace(steps=[{"do": "goto", "where": "/", "ms": 5, "ok": False, "why": why}])


def test_a_page_that_leads_to_a_foreign_host_is_told_apart_from_a_refusal_of_our_own() -> None:
    refused = Done(Outcome.REFUSED, "")
    assert ended(refused, trace("led_away")) == "led_away"
    assert ended(refused, trace("refused")) == "refused"
    assert ended(refused, Trace()) == "refused"
    assert ended(Done(Outcome.SIGNED_IN, ""), trace("led_away")) == "signed_in"


@pytest.mark.parametrize(
    ("code", "outcome", "told"),
    [
        ("bad_answer", Outcome.ANSWERED, "bad_answer"),
        ("patient_not_found", Outcome.ANSWERED, "patient_not_found"),
        ("write_blocked", Outcome.SIGNED_OUT, "write_blocked"),
        ("page_changed", Outcome.UNRECOGNISED, None),
    ],
)
def test_a_lookup_is_what_the_host_made_of_it(code: str, outcome: Outcome, told: str | None) -> None:
    assert _for_the_script(Unanswered(code), Done(outcome, "")) == told
