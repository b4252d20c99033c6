"""Grace answers for the billers: she looks on, Maria cannot miss it, and a tab changes hands; all by keyboard."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def opened(office, portal: str) -> str:
    """Maria's tab, signed in."""
    lease: str = office.open("Maria", portal)
    office.until_ready(lease)
    return lease


def test_watching_is_seen_by_both_and_ends_when_she_leaves(screen, office) -> None:
    maria, grace = screen("Maria"), screen("Grace")
    maria.go(f"/tabs/{opened(office, 'harborline')}")
    maria.page.wait_for_function("() => window.portunusViewer?.frames > 0")
    expect(maria.page.locator("#watched")).to_be_hidden()
    grace.go("/open-tabs")
    grace.page.get_by_role("form", name="Harborline").get_by_label("Why?").focus()
    grace.page.keyboard.type("Quality review of denials")
    grace.page.keyboard.press("Tab")
    expect(grace.page.get_by_role("button", name="Watch Maria Lopez, Harborline")).to_be_focused()
    grace.page.keyboard.press("Enter")
    grace.page.wait_for_function("() => window.portunusWatch && window.portunusWatch.drawn > 0")
    expect(maria.page.get_by_role("alert").filter(has_text="Grace Kim watches this tab now.")).to_be_visible()
    assert maria.page.title().startswith("👁")
    for window, name in ((maria, "watched_tab"), (grace, "watching")):
        window.picture(name)
        assert window.faults() == []
        assert window.page.locator(".watermark").get_attribute("data-name") in ("Maria Lopez", "Grace Kim")
    grace.page.get_by_role("link", name="Stop watching").click()
    expect(maria.page.locator("#watched")).to_be_hidden()
    assert not maria.page.title().startswith("👁")


def test_a_tab_is_handed_over_with_a_note_and_taken_over_again(screen, office) -> None:
    maria, dan, grace = screen("Maria"), screen("Dan"), screen("Grace")
    maria.go(f"/tabs/{opened(office, 'northgate')}")
    maria.page.wait_for_function("() => window.portunusViewer?.frames > 0")
    maria.page.get_by_role("button", name="Hand over").focus()
    maria.page.keyboard.press("Enter")
    box = maria.page.get_by_role("dialog", name="Hand this tab over")
    expect(box.get_by_label("To")).to_have_text("Dan WhitfieldGrace Kim")
    maria.picture("hand_over")
    assert maria.faults() == []
    box.get_by_label("To").focus()
    maria.page.keyboard.press("Home")
    maria.page.keyboard.press("Tab")
    maria.page.keyboard.type("Please print the EOB")
    maria.page.keyboard.press("Enter")
    maria.page.wait_for_url("**/")

    dan.go("/")
    dan.page.locator("#mine a").click()
    expect(dan.page.locator(".handed")).to_have_text("Maria Lopez handed it to you: Please print the EOB")
    dan.page.wait_for_function("() => window.portunusViewer?.frames > 0")
    dan.picture("handed_over_tab")
    assert dan.faults() == []

    grace.go("/open-tabs")
    grace.page.get_by_role("form", name="Dan Whitfield").get_by_label("Why?").fill("Dan has left for the day")
    grace.page.get_by_role("button", name="Take over from Dan").click()
    grace.page.wait_for_url("**/tabs/*")
    expect(dan.page.locator("#waiting-words")).to_have_text("Grace Kim took this tab over: Dan has left for the day")
    dan.picture("taken_over")
