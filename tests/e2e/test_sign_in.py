"""Signing in through the real pages: with password and telephone, the first time by link, and every dead end's way on."""

import re

import pyotp
import pytest

from tests.e2e.office import PHRASE

pytestmark = pytest.mark.browser


def enter(screen, person, phrase=PHRASE):
    screen.page.get_by_label("E-mail address").fill(person.email)
    screen.page.get_by_label("Password").fill(phrase)
    screen.page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("name", "first_page"),
    [("Maria", "Portals"), ("Dan", "Portals"), ("Ana", "Accounts"), ("Audrey", "Last code")],
)
def test_everybody_signs_in_and_starts_where_her_work_is(screen, office, name, first_page) -> None:
    person, window = office.people[name], screen()
    window.go("/sign-in")
    enter(window, person)
    window.page.get_by_label("Code").fill(office.code(name))
    window.page.keyboard.press("Enter")
    window.page.get_by_role("button", name="Sign out").wait_for()
    assert window.page.title().startswith(first_page)
    assert window.page.get_by_role("link", name=person.name).is_visible()
    window.page.get_by_role("button", name="Sign out").click()
    window.page.wait_for_url(re.compile("/sign-in$"))
    window.go("/start")
    assert "/sign-in" in window.page.url


def test_the_first_time_by_link_with_a_password_and_a_telephone_of_ones_own(screen, office) -> None:
    window = screen()
    window.go(office.link(office.newcomer("Nora Quill")))
    window.page.get_by_role("button", name="Sign in").click()
    window.page.get_by_label("New password", exact=True).fill("seven herons at dawn")
    window.page.get_by_label("New password again").fill("seven herons at dawn")
    window.picture("choose_password")
    assert window.faults() == []
    window.page.keyboard.press("Enter")
    window.page.get_by_role("button", name="Begin").click()
    seed = window.page.locator(".seed").inner_text().replace(" ", "")
    window.picture("second_step")
    assert window.faults() == []
    window.page.get_by_label("Code from the app").fill(pyotp.TOTP(seed).now())
    window.page.keyboard.press("Enter")
    window.page.get_by_label("Find a portal or location").wait_for()


def test_a_wrong_password_keeps_the_address_and_says_what_to_do(screen, office) -> None:
    window = screen()
    window.go("/sign-in")
    enter(window, office.people["Dan"], "not his password")
    window.page.get_by_role("alert").wait_for()
    window.picture("sign_in_wrong")
    assert "Check both" in window.page.get_by_role("alert").inner_text()
    assert window.page.get_by_label("E-mail address").input_value() == office.people["Dan"].email
    assert window.page.evaluate("document.activeElement.id") == "password"
    assert window.faults() == []


def test_a_used_link_says_whom_to_ask(screen, office) -> None:
    window = screen()
    link = office.link(office.newcomer("Sam Reyes"))
    window.go(link)
    window.picture("sign_in_link")
    assert window.faults() == []
    window.page.get_by_role("button", name="Sign in").click()
    late = screen()
    late.go(link)
    late.picture("sign_in_link_used")
    assert "administrator" in late.page.locator("main").inner_text()
    assert late.page.get_by_role("link", name="Go to the sign-in page").is_visible()
    assert late.faults() == []


def test_after_a_pause_one_comes_back_to_the_same_page(screen, office) -> None:
    window = screen()
    window.go("/last-code")
    enter(window, office.people["Audrey"])
    window.page.get_by_label("Code").fill(office.code("Audrey"))
    window.page.keyboard.press("Enter")
    window.page.wait_for_url(re.compile("/last-code$"))
