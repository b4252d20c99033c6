"""The main job without a mouse: from the sign-in page into a streamed portal tab and back."""

import pytest

from tests.e2e.office import PHRASE

pytestmark = pytest.mark.browser


def test_from_sign_in_to_an_open_tab_and_back_by_keyboard_alone(screen, office) -> None:
    maria, window = office.people["Maria"], screen()
    page, keys = window.page, window.page.keyboard
    window.go("/sign-in")
    page.wait_for_function("() => document.activeElement.id === 'email'")
    keys.type(maria.email)
    keys.press("Tab")
    keys.type(PHRASE)
    keys.press("Enter")
    page.get_by_label("Code").wait_for()
    page.wait_for_function("() => document.activeElement.id === 'code'")
    keys.type(office.code("Maria"))
    keys.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'find'")
    keys.type("harborl phoe")
    page.wait_for_function("() => document.querySelectorAll('[data-tile]:not([hidden])').length === 1")
    keys.press("Enter")
    page.locator("#stage canvas").wait_for()
    page.wait_for_function("() => window.portunusViewer.frames > 0")
    window.picture("viewer")
    office.host.inputs.clear()
    keys.type("M4")
    page.wait_for_function("() => window.portunusViewer.frames > 4")
    assert [said["key"] for said in office.host.inputs if said["t"] == "key" and said["k"] == "down"][-2:] == ["M", "4"]
    keys.press("Control+Alt+Escape")
    page.wait_for_function("() => document.activeElement.id === 'end'")
    keys.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'find'")
