"""A result holds only what it can prove, adds up, and says so when the portal does not."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from broker.lookups.evidence import Sighting, agrees
from broker.lookups.schema import EligibilityResult, parse
from broker.lookups.values import npi_is_right
from tests.broker.lookups import results


def test_a_proved_result_goes_round_through_json() -> None:
    made = parse("eligibility", results.eligibility())
    assert parse("eligibility", made.model_dump(mode="json")) == made
    assert made.model_dump(mode="json")["accumulators"][0]["limit"] == "1500"


def refused(told: dict, kind: str = "eligibility") -> str:
    with pytest.raises(ValidationError) as no:
        parse(kind, told)
    said = str(no.value)
    assert "Dunmore" not in said  # what was read is never in the words of an error
    return said


def test_a_value_without_evidence_is_refused() -> None:
    told = results.eligibility()
    del told["provenance"]["fields"]["/coverage/plan_name"]
    assert "no evidence for /coverage/plan_name" in refused(told)


def test_evidence_that_points_nowhere_is_refused() -> None:
    told = results.eligibility()
    told["provenance"]["fields"]["/coverage/group_name"] = [{"raw_text": "x"}]
    assert "points nowhere" in refused(told)


def test_an_amount_that_is_not_in_what_was_seen_is_refused() -> None:
    assert "/accumulators/0/used is not in what was seen" in refused(
        results.eligibility(**{"/accumulators/0/used": "$745.00"})
    )


def test_a_date_that_is_not_in_what_was_seen_is_refused() -> None:
    assert "/patient/birth_date is not in" in refused(results.eligibility(**{"/patient/birth_date": "03/18/1984"}))


def test_a_picture_nobody_kept_is_refused() -> None:
    told = results.eligibility()
    told["provenance"]["fields"]["/coverage/status"][0]["artifact_id"] = "art_unknown"
    assert "unknown artifact" in refused(told)


def test_accumulators_add_up_or_say_that_they_conflict() -> None:
    told = results.eligibility(**{"/accumulators/0/remaining": "$1,000.00"})
    told["accumulators"][0]["remaining"] = "1000"
    assert "say conflict" in refused(told)
    told["accumulators"][0]["conflict"] = True
    told["provenance"]["fields"]["/accumulators/0/conflict"] = [{"raw_text": "x", "computed": True}]
    assert parse("eligibility", told).accumulators[0].conflict


def test_what_plan_and_patient_pay_adds_up_to_a_hundred() -> None:
    told = results.eligibility()
    told["benefits"][0]["patient_pays_percent"] = "30"
    assert "100 %" in refused(told)


def test_fields_the_schema_does_not_know_are_refused() -> None:
    refused(results.eligibility() | {"premium": "12"})


@pytest.mark.parametrize(
    ("npi", "right"),
    [("1999999984", True), ("1999999985", False), ("199999998", False), ("3999999984", False), ("19999999a4", False)],
)
def test_npi_check_digit(npi: str, right: bool) -> None:
    assert npi_is_right(npi) is right


@given(st.integers(10**8, 2 * 10**8 - 1))
def test_exactly_one_last_digit_makes_an_npi(first_nine: int) -> None:
    assert sum(npi_is_right(f"{first_nine}{digit}") for digit in range(10)) == 1


def test_the_published_schema_is_complete() -> None:
    schema = EligibilityResult.model_json_schema()
    assert schema["additionalProperties"] is False
    assert {"coverage", "accumulators", "benefits", "unmapped", "provenance"} <= set(schema["properties"])


@pytest.mark.parametrize(
    ("value", "text", "right"),
    [
        (date(1984, 8, 17), "03/17/1984", False),
        (date(1984, 3, 17), "born 03/17/84", True),
        (date(1984, 3, 17), "Mar. 17, 1984", True),
        (date(2026, 11, 2), "DTM*232*20261102", True),
        (Decimal("5.00"), "-$5.00", False),
        (Decimal("-5.00"), "($5.00)", True),
        (Decimal("-5.00"), "$5.00", False),
        (20, "10-20 visits", True),
        (2, "(2 visits) a year", True),
        ("Ada Dunmore", "DUNMORE, ADA", False),
        ("Dunmore", "DUNMORE, ADA", True),
        ("48213377", "Check 48213378", False),
    ],
)
def test_month_sign_and_text_must_be_in_what_was_seen(value: object, text: str, right: bool) -> None:
    assert agrees(value, [Sighting(raw_text=text)]) is right


def test_a_word_of_ours_need_not_be_printed_and_a_name_must() -> None:
    assert parse("eligibility", results.eligibility(**{"/coverage/status": "In force"})).coverage.status == "active"
    assert "/patient/full_name is not in" in refused(results.eligibility(**{"/patient/full_name": "Boris Kestrel"}))
