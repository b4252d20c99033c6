"""How long a sign-in waits for its code: as long as the channel's own way takes, and no longer than anybody should wait."""

from datetime import timedelta

import pytest

from broker.codes.models import CodeRequest
from broker.directory import service as directory
from broker.directory.models import MfaMethod
from broker.directory.service import Fact
from broker.tabs import service as tabs
from broker.tabs.patience import LATER_S, LONGEST_S, UNKNOWN_CALL_S, code_wait_s

MOST_S = 600


@pytest.mark.parametrize(
    ("way", "known", "seconds"),
    [
        ("email", {}, MOST_S),
        ("email", {"code_ttl_s": 300}, 300),
        ("email", {"code_ttl_s": 900, "delivery_p95_s": 40}, MOST_S),
        ("email", {"code_ttl_s": 300, "delivery_p95_s": 40}, 300),
        ("email", {"code_ttl_s": 600, "delivery_p95_s": 900}, 900 + LATER_S),
        ("desk", {"delivery_p95_s": 900}, 900 + LATER_S),
        ("sms", {"delivery_p95_s": 90_000}, LONGEST_S),
        ("totp", {"code_ttl_s": 30, "delivery_p95_s": 900}, MOST_S),
        ("recovery", {"code_ttl_s": 30}, MOST_S),
        ("provider_line", {"code_ttl_s": 900, "delivery_p95_s": 720}, 720 + MOST_S),
        ("provider_line", {"code_ttl_s": 300, "delivery_p95_s": 720}, 720 + 300),
        ("provider_line", {}, UNKNOWN_CALL_S + MOST_S),
        ("provider_line", {"delivery_p95_s": 90_000}, LONGEST_S),
    ],
)
def test_the_wait_follows_what_is_known_of_the_channel(way: str, known: dict[str, int], seconds: int) -> None:
    assert code_wait_s(way, known, MOST_S) == seconds


def test_a_call_with_a_long_hold_outlasts_the_usual_wait_and_the_host_is_told(office) -> None:
    with office.portunus.unit(office.ana) as work:
        method = work.db.query(MfaMethod).one()
        method.channel, method.endpoint, method.template = "desk", None, method.template | {"by": "provider_line"}
        fact = Fact(value=1200, source="asked the carrier", verified_on=work.clock.now().date())
        directory.record_behaviour(work, directory.portal_by_key(work, "harborline"), "delivery_p95_s", fact)
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    with office.portunus.reading(office.maria) as work:
        request = work.db.get_one(CodeRequest, request_id)
        waits = request.deadline - request.asked_at
    assert waits == timedelta(seconds=claim.code_wait_s)
    assert waits >= timedelta(seconds=1200)
