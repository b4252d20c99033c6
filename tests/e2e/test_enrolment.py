"""A new authenticator is asked for on the login's page, in a real browser."""

import pytest

from tests.e2e.conftest import NARROW

pytestmark = pytest.mark.browser


def test_ana_asks_and_is_told_that_somebody_else_must_approve(screen, office) -> None:
    ana = screen("Ana")
    page = ana.go(f"/accounts/{office.accounts['harborline']}/codes")
    ana.picture("enrolment_none")
    page.get_by_role("button", name="Ask for it").press("Enter")
    asked = page.locator("section", has=page.get_by_role("heading", name="A new authenticator, set up by Portunus"))
    asked.get_by_text("Ana Petrova asked for it. Somebody else must approve.").wait_for()
    assert asked.get_by_role("button", name="Approve").count() == 0
    ana.picture("enrolment_asked")
    assert ana.faults() == []
    page.set_viewport_size(NARROW)
    ana.picture("enrolment_asked_narrow")
    assert ana.too_wide() == []
    asked.get_by_role("button", name="Not wanted").press("Enter")
    page.get_by_role("button", name="Ask for it").wait_for()
