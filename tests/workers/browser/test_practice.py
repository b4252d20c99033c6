"""Which option, whose page: only one practice may fit, and never a sibling."""

import pytest

from broker.tabs.service import Practice
from workers.browser.practice import chosen, is_signed_in_for

PHOENIX = Practice(
    "loc_1",
    "Saguaro Phoenix",
    ("Saguaro Family Dental of Phoenix PLLC",),
    ("0431",),
    "1999999901",
    "Phoenix",
)
TUCSON = Practice("loc_2", "Old Pueblo", ("Old Pueblo Dental Care PLLC",), ("0587",), "1999999902", "Tucson")
OPTIONS = [
    "Saguaro Family Dental of Phoenix PLLC · TIN ending 0431",
    "Old Pueblo Dental Care PLLC · TIN ending 0587",
]


def test_the_option_with_the_legal_name_is_chosen() -> None:
    assert chosen(OPTIONS, PHOENIX) == OPTIONS[0]
    assert chosen(OPTIONS, TUCSON) == OPTIONS[1]


def test_two_options_that_fit_are_a_persons_choice() -> None:
    assert chosen([OPTIONS[0] + " · Main St", OPTIONS[0] + " · 7th Ave"], PHOENIX) is None


def test_no_option_that_fits_is_a_persons_choice() -> None:
    assert chosen(["Somebody Else DDS", "Another PLLC"], PHOENIX) is None


def test_a_mark_inside_a_longer_number_is_no_mark() -> None:
    assert chosen(["Group 10431", "Group 20587"], PHOENIX) is None


@pytest.mark.parametrize(
    "texts",
    [
        ["Saguaro Family  Dental of PHOENIX PLLC"],
        ["Maria Lopez", "TIN ending 0431"],
        ["NPI 1999999901"],
    ],
)
def test_the_wanted_practice_is_confirmed(texts: list[str]) -> None:
    assert is_signed_in_for(texts, PHOENIX, [TUCSON])


@pytest.mark.parametrize(
    "texts",
    [
        ["Old Pueblo Dental Care PLLC", "TIN ending 0431"],
        ["TIN ending 0587", "call 602-555-0431"],
        ["Welcome back"],
        [],
    ],
)
def test_a_sibling_or_nobody_is_not_confirmed(texts: list[str]) -> None:
    assert not is_signed_in_for(texts, PHOENIX, [TUCSON])


def test_locations_of_one_tax_entity_do_not_rule_each_other_out() -> None:
    mesa = Practice("loc_3", "Mesa", PHOENIX.legal_names, PHOENIX.tin_tails, "1999999903", "Mesa")
    assert is_signed_in_for(["TIN ending 0431"], PHOENIX, [mesa])


def test_a_page_that_names_nobody_is_believed_for_a_single_location() -> None:
    assert is_signed_in_for([], PHOENIX, [])
