"""An administrator has a login sign in by itself before the office comes in, by keyboard alone; how it went is on two pages."""

import pytest

from tests.e2e.conftest import NARROW

pytestmark = pytest.mark.browser


def test_a_login_gets_its_early_time_by_keyboard_alone(screen, office) -> None:
    account_id = office.accounts["harborline"]
    ana = screen("Ana")
    page, keys = ana.go("/accounts"), ana.page.keyboard
    login = page.locator(f"#{account_id}")
    login.locator("summary").focus()
    keys.press("Enter")
    login.get_by_label("Sign in by itself on working days at").focus()
    keys.type("0715AM")
    place = login.get_by_label("For, and by the clock of")
    place.focus()
    keys.type("Saguaro Family Dental Tucson")
    login.get_by_role("button", name="Save the time").focus()
    keys.press("Enter")
    page.get_by_text("Saved. How it went last").wait_for()
    login = page.locator(f"#{account_id}")
    if login.get_attribute("open") is None:
        login.locator("summary").press("Enter")
    login.get_by_text("07:15 on working days, by the clock of Saguaro Family Dental Tucson").wait_for()
    ana.picture("early_sign_in")
    assert ana.faults() == []
    page.set_viewport_size(NARROW)
    assert ana.too_wide() == []
    ana.go("/script-health").get_by_role("heading", name="Early sign-ins").wait_for()
    ana.picture("early_sign_ins_health")
    assert ana.faults() == []
    assert ana.too_wide() == []
