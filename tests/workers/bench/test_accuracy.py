"""The judge of answers: what is missing, what is wrong, what should not be there; nothing is passed over."""

from typing import Any

import pytest

from broker.lookups.schema import parse
from tests.broker.lookups import results
from workers.bench.accuracy import Score, Truth, facts


def result() -> dict[str, Any]:
    return parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)


def truth() -> Truth:
    return Truth(
        {
            "service_date": "2026-11-21",
            "payer": {"name": "Harborline"},
            "patient": {"member_id": "HD100042731", "birth_date": "1984-03-17", "full_name": "Ada Dunmore"},
            "coverage": {"status": "active", "plan_name": "Choice"},
            "accumulators": [{"kind": "annual_maximum", "limit": "1500", "used": "475", "remaining": "1025"}],
            "benefits": [{"category": "restorative_basic", "plan_pays_percent": 80, "patient_pays_percent": 20}],
        }
    )


def judged(told: dict[str, Any], right: Truth | None = None) -> tuple[int, int, int]:
    score = Score()
    score.add(right or truth(), told)
    return score.right, score.wrong, score.unmapped


def test_every_value_that_was_seen_is_right() -> None:
    assert judged(result()) == (len(facts(result())), 0, 0) == (14, 0, 0)


@pytest.mark.parametrize(
    ("part", "changed", "wrong"),
    [
        ("coverage", {"status": "inactive", "plan_name": "Choice"}, 1),
        ("service_date", "2026-11-20", 1),
        ("payer", {"portal": "harborline", "name": "Another"}, 1),
        ("accumulators", [], 4),
        ("benefits", [{"category": "implants", "plan_pays_percent": "80", "patient_pays_percent": "20"}], 6),
    ],
)
def test_a_value_that_is_another_or_not_there_is_wrong(part: str, changed: Any, wrong: int) -> None:
    assert judged(result() | {part: changed})[1] == wrong


def test_a_value_that_the_carrier_does_not_show_is_wrong() -> None:
    told = result()
    told["coverage"]["missing_tooth_clause"] = True
    told["provenance"]["fields"]["/coverage/missing_tooth_clause"] = [{"raw_text": "Applies"}]
    assert judged(told)[1] == 1


def test_what_has_no_place_must_be_named_and_nothing_else_may_be() -> None:
    right, told = truth(), result()
    right.unmapped["Spend-down"] = "$125.00"
    assert judged(told, right)[1:] == (1, 0)
    told["unmapped"] = [{"why": "unplaced", "label": "Spend-down", "text": "$125.00"}]
    assert judged(told, right)[1:] == (0, 1)
    assert judged(told)[1:] == (1, 0)
