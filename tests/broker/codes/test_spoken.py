"""What voices read out, as speech recognition writes it, and the code in it."""

import pytest

from broker.codes.matching import Rule, find_codes
from broker.codes.spoken import written

SIX = Rule(pattern=r"\d{6}")
EIGHT = Rule(pattern="[A-Z0-9]{8}")


@pytest.mark.parametrize(
    "said",
    [
        "Your code is four eight two nine one three.",
        "Your code is 4. 8. 2. 9. 1. 3.",
        "Your code is 4, 8, 2, 9, 1, 3. Again, 4, 8, 2, 9, 1, 3.",
        "Your code is 4 8 2 9 1 3 4 8 2 9 1 3",
        "Your verification code is: four, eight, two, nine, one, three. Once more: four, eight, two, nine, one, three. Goodbye.",
        "Your code is 482 913",
        "Your code is 482913.",
        "Your code is FOUR EIGHT TWO NINE ONE THREE",
        "Your code is forty-eight twenty-nine thirteen",
        "Your code is forty eight twenty nine thirteen.",
        "your code is four 8 two 9 one 3",
    ],
)
def test_six_digits_are_found_however_they_were_said(said: str) -> None:
    assert [one.code for one in find_codes("", written(said), SIX)] == ["482913"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("zero oh seven double three one", "007331"),
        ("triple five two one niner", "555219"),
        ("twenty ten thirty", "201030"),
    ],
)
def test_zeros_doubles_and_tens(said: str, code: str) -> None:
    assert written(said) == code


def test_letters_are_spelled() -> None:
    said = "Your code is kilo, seven, mike, four, x-ray, two, papa, nine. I repeat."
    assert [one.code for one in find_codes("", written(said), EIGHT)] == ["K7M4X2P9"]


def test_a_call_that_says_two_codes_is_left_to_a_person() -> None:
    said = "Your code is 4 8 2 9 1 3. Your old code was 1 1 1 2 2 2."
    assert [one.code for one in find_codes("", written(said), SIX)] == ["482913", "111222"]


@pytest.mark.parametrize(
    "said",
    [
        "Press one to hear it again.",
        "Call us at one of two offices.",
        "This is for you to keep.",
        "",
        "...",
        "one-" * 900,
    ],
)
def test_ordinary_words_are_no_code(said: str) -> None:
    assert find_codes("", written(said), SIX) == []


def test_a_telephone_number_is_no_code() -> None:
    assert find_codes("", written("Call 6 0 2 5 5 5 0 1 3 4 with questions."), SIX) == []
