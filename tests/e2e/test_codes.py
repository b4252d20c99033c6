"""Codes at eight in the morning: four that wait at the front desk's telephone, and one in the biller's own hand."""

import pytest

from tests.e2e.office import PORTALS
from tests.e2e.stand_ins import DESK, right_code

pytestmark = pytest.mark.browser


def box(window, portal: str):
    return window.page.locator(".code-request", has_text=PORTALS[portal])


def outcome(window, portal: str):
    return window.page.locator(".given li", has_text=PORTALS[portal])


def test_four_codes_wait_and_dan_gives_three_by_keyboard_and_refuses_one(screen, office) -> None:
    dan = screen("Dan")
    page, keys = dan.go("/codes"), dan.page.keyboard
    page.get_by_text("Nobody waits for a code").wait_for()
    for portal in DESK[:4]:
        office.open("Maria", portal)
        box(dan, portal).wait_for()  # they come by themselves, in the order asked
    assert page.title().startswith("(4)")
    first = page.evaluate("async () => (await (await fetch('/api/v1/codes')).json()).data[0]")
    at = page.evaluate("(asked) => new Date(asked).toLocaleTimeString()", first["asked_at"])
    for words in (first["portal_name"], first["login_tail"], f"Asked at {at}"):
        box(dan, DESK[0]).get_by_text(words).first.wait_for()  # so that a code goes into the right box
    dan.picture("desk_four")
    page.wait_for_function("() => document.activeElement.classList.contains('code-box')")
    keys.type(right_code(DESK[0]))
    keys.press("Enter")
    outcome(dan, DESK[0]).get_by_text("The portal took it: signed in.").wait_for()

    second = box(dan, DESK[1]).get_by_label("Code")
    second.fill("12")
    keys.press("Enter")
    box(dan, DESK[1]).get_by_role("alert").wait_for()  # says what is wrong, keeps the box
    second.fill("000000")
    keys.press("Enter")
    outcome(dan, DESK[1]).get_by_text("The portal did not take it.").wait_for()

    third = box(dan, DESK[2]).get_by_label("Code")
    third.fill("99")
    box(dan, DESK[3]).get_by_role("button", name="Not ours").click()
    box(dan, DESK[3]).wait_for(state="detached")
    assert third.input_value() == "99"  # what is typed for another stays
    dan.picture("desk_given")
    assert dan.faults() == []

    maria = screen("Maria")
    tile = maria.go("/").locator("[data-tile]", has_text=PORTALS[DESK[3]])
    tile.get_by_text("Dan Whitfield: this code does not come to us.").wait_for()


def test_the_biller_types_the_code_she_has_on_the_page_that_waits(screen, office) -> None:
    maria = screen("Maria")
    lease = office.open("Maria", "blue_mesa")
    maria.go(f"/tabs/{lease}")
    code = maria.page.get_by_label("Do you have the code?")
    code.wait_for()
    maria.picture("tab_waits_for_code")
    assert maria.faults() == []
    code.fill(right_code("blue_mesa"))
    maria.page.keyboard.press("Enter")
    maria.page.locator("#stage canvas").wait_for()
