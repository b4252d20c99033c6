"""A carrier wants a new authenticator: one administrator asks, another approves, and the next sign-in sets it up; nobody sees it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page

from carrier_scripts.lab import founding
from tests.demos import Demo
from tests.walks.conftest import Person
from tests.walks.test_first_day import come_in

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.timeout(200)]
(LOGIN,) = founding.accounts_of("evergreen_medicaid")


@pytest.fixture
def ben(browser: Browser, demo: Demo, people: dict[str, Person]) -> Iterator[Page]:
    """A second administrator, invited by Ana, in a browser of his own."""
    ana = people["Ana"].page
    ana.goto(f"{demo.url}/people")
    form = ana.get_by_role("region", name="Invite somebody")
    form.get_by_label("Name", exact=True).fill("Ben Kahale")
    form.get_by_label("E-mail address").fill("ben@saguaro.test")
    form.get_by_label("Role").select_option("admin")
    form.get_by_role("button", name="Invite").click()
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    page = context.new_page()
    come_in(page, ana.locator("code.once").inner_text(), "seven herons at dawn")
    yield page
    context.close()


def enrolment(page: Page, demo: Demo) -> Locator:
    """What the login's own page says of it now."""
    page.goto(f"{demo.url}/accounts")
    line = page.locator("details.account-line", has_text=LOGIN.username).first
    page.goto(demo.url + str(line.locator("a[href$='/codes']").first.get_attribute("href")))
    return page.get_by_role("region", name="A new authenticator, set up by Portunus")


def test_one_asks_another_approves_and_the_next_sign_in_sets_it_up(
    demo: Demo, people: dict[str, Person], ben: Page
) -> None:
    ana, maria = people["Ana"].page, people["Maria"]
    demo.fault(LOGIN.carrier, "enrolment")

    enrolment(ana, demo).get_by_role("button", name="Ask for it").click()
    asked = enrolment(ana, demo)
    asked.get_by_text("Ana Petrova asked for it. Somebody else must approve.").wait_for()
    assert asked.get_by_role("button", name="Approve").count() == 0

    enrolment(ben, demo).get_by_role("button", name="Approve").click()
    ben.get_by_text("Ana Petrova asked for it. Ben Kahale approved.").wait_for()

    approved = enrolment(ana, demo)
    approved.get_by_text("Ben Kahale approved. The next sign-in before").wait_for()

    maria.open(f"evergreen {LOGIN.locations[0]}")
    maria.page.locator("#stage canvas").wait_for(timeout=60_000)
    report = demo.control.get("/counters", params={"carrier": LOGIN.carrier}).json()["accounts"][LOGIN.username]
    assert (report["logins"], report["password_submits"], report["wrong_codes"]) == (1, 1, 0)
    maria.end()

    enrolment(ana, demo).get_by_role("button", name="Ask for it").wait_for()
    ana.get_by_role("region", name="From recovery codes").get_by_text("8 are stored; none can be shown.").wait_for()
    assert [secret for secret in ("otpauth://totp", "EV-") if secret in ana.content()] == []
