"""What a script is asked: IDs as portals keep them, days it can or cannot ask for, sums of what is printed."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from carrier_scripts.kit import Answer, Asked, NoAnswer, Seen, totals
from carrier_scripts.kit.lookups import SOON
from carrier_scripts.kit.reading import money, same_id

TODAY = "2026-11-22"


def test_a_member_id_is_the_same_however_its_card_writes_it() -> None:
    asked = Asked.from_json({"member_id": "hd-100 042-731", "claim_number": "hc2630100017"})
    assert (asked.member_id, asked.claim_number) == ("HD100042731", "HC2630100017")
    assert asked.is_member(Seen("HD 100042731", 0))
    assert not asked.is_member(Seen("HD100042732", 0))
    assert not same_id("-", "")


@pytest.mark.parametrize("told", [{"today": TODAY}, {"today": TODAY, "service_date": TODAY}])
def test_today_can_be_asked_for_everywhere(told: dict) -> None:
    asked = Asked.from_json(told)
    asked.only_today()
    assert asked.day == date.fromisoformat(TODAY)


def test_an_appointment_soon_is_answered_as_of_today() -> None:
    day = date.fromisoformat(TODAY) + SOON
    Asked.from_json({"today": TODAY, "service_date": day.isoformat()}).only_today()
    assert Answer(today_only=True).to_json()["today_only"] is True


@pytest.mark.parametrize("away", [-1, SOON.days + 1])
def test_a_portal_without_a_field_for_the_day_answers_for_none_long_ahead_or_over(away: int) -> None:
    day = date.fromisoformat(TODAY) + timedelta(days=away)
    asked = Asked.from_json({"today": TODAY, "service_date": day.isoformat()})
    with pytest.raises(NoAnswer) as no:
        asked.only_today()
    assert no.value.code == "date_not_supported"
    assert asked.day == day


def test_a_sum_that_is_not_printed_is_computed_from_every_line_or_not_at_all() -> None:
    lines = [{"charge": money(Seen("$10.00", 1)), "paid": money(Seen("$8.00", 2))} for _ in range(2)]
    claim: dict = {"lines": lines, "paid": money(Seen("$15.00", 3))}
    totals(claim)
    assert (claim["charge"].value, claim["charge"].computed, claim["paid"].value) == (
        Decimal("20.00"),
        True,
        Decimal("15.00"),
    )
    without: dict = {"lines": [*lines, {"charge": None, "paid": None}]}
    totals(without)
    assert "charge" not in without
