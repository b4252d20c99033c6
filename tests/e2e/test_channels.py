"""The channel pages in a real browser: set up and tried by hand, no axe violation, telephone-sized."""

import re

import pytest

from api.channel_kinds import KINDS
from broker.base.actor import system
from broker.codes import service as codes
from broker.directory.models import DeliveryEndpoint
from tests import factories
from tests.e2e.conftest import NARROW

pytestmark = pytest.mark.browser


def careful(window, name: str) -> None:
    """Look at the page wide and narrow."""
    window.picture(name)
    assert window.faults() == []
    window.page.set_viewport_size(NARROW)
    window.picture(f"{name}_narrow")
    assert window.too_wide() == []
    window.page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_channel_has_a_readable_page(screen, kind) -> None:
    window = screen("Ana")
    page = window.go(f"/channels/kind/{kind}")
    for part in ("Health", "Try it", "Logins that use it", "Set it up"):
        page.get_by_role("region", name=part, exact=True).wait_for()
    careful(window, f"kind_{kind}")


@pytest.mark.parametrize("kind", ["email", "desk", "passkey"])
def test_the_pages_are_as_readable_in_the_dark(screen, kind) -> None:
    window = screen("Ana", color_scheme="dark")
    window.go(f"/channels/kind/{kind}")
    window.picture(f"kind_{kind}_dark")
    assert window.faults() == []


def test_a_mailbox_is_added_and_says_how_to_try_it(screen) -> None:
    window = screen("Ana")
    page = window.go("/channels")
    careful(window, "channels")
    page.get_by_role("link", name="Add a mailbox").click()
    mailbox = page.get_by_role("region", name="Add a mailbox")
    mailbox.get_by_label("Name, as your people say it").fill("Codes of the west")
    mailbox.get_by_label("Its e-mail address").fill("codes.west@saguaro.test")
    mailbox.get_by_label("IMAP host").fill("imap.saguaro.test")
    mailbox.get_by_label("Password or app password").fill("Marble-Crane-3305")
    mailbox.get_by_role("button", name="Add the mailbox").click()
    page.get_by_role("heading", name="Test message").wait_for()
    assert page.get_by_text("No receiving server is named").is_visible()
    careful(window, "channel_mailbox")


def test_a_number_is_added_and_its_key_shown_once(screen) -> None:
    window = screen("Ana")
    page = window.go("/channels/kind/sms")
    phone = page.get_by_role("region", name="Add a telephone number for text messages")
    phone.get_by_label("Name, as your people say it").fill("West desk")
    phone.get_by_label("Number, with the country").fill("+1 602 555 0177")
    phone.get_by_role("button", name="Add the number").click()
    assert re.fullmatch(r"whsec_\S{44}", page.locator("#made-secret").inner_text())
    careful(window, "channel_phone")
    page.get_by_role("button", name="Remove West desk").click()
    page.get_by_text("Removed. What came to it stays").wait_for()
    assert page.get_by_role("link", name="West desk").count() == 0


def arrive(office, text: str, number: str) -> None:
    """A mail comes to the office's mailbox, as the watcher hands it over."""
    with office.portunus.unit(system("mailwatch")) as work:
        box = work.db.query(DeliveryEndpoint).filter_by(name="Code mailbox").one()
        arrival = factories.arrival(work, box, text, sender="ana@saguaro.test", subject="Trying it out")
        codes.receive(work, office.portunus.vault, box, arrival)


def test_a_test_mail_is_waited_for_and_shown_masked(screen, office) -> None:
    arrive(office, "An older mail", "1")
    window = screen("Ana")
    page = window.go("/channels/kind/email")
    page.get_by_role("button", name="I send one now: wait for it").press("Enter")
    page.get_by_text("Waiting for the next message").wait_for()
    arrive(office, "My number is 482913", "2")
    page.get_by_text("It came. This is what Portunus made of it").wait_for()
    shown = page.get_by_role("article", name="Message from ana@saguaro.test")
    shown.get_by_text("My number is 111111").wait_for()
    shown.get_by_text("Nobody asked for a code here.").wait_for()
    shown.get_by_text("No portal set up here would read a code in it.").wait_for()
    assert (page.get_by_text("482913").count(), page.get_by_text("An older mail").count()) == (0, 0)
    careful(window, "kind_email_tried")


def test_one_rings_oneself_at_the_desks_page(screen) -> None:
    window = screen("Ana")
    page = window.go("/channels/kind/desk")
    page.get_by_role("button", name="Ring me now").press("Enter")
    page.get_by_text("It rang.").wait_for()


def test_a_template_is_tried_before_it_is_saved(screen) -> None:
    window = screen("Ana")
    page = window.go("/portals/harborline/templates/email")
    page.get_by_label("Senders, one on a line").fill("security@harborline.sim.test")
    page.get_by_label("Words shortly before the code, one on a line").fill("your code is")
    page.get_by_role("button", name="Try it on the messages below").click()
    page.get_by_text("Tried, not saved.").wait_for()
    careful(window, "template")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("It counts from the next sign-in on.").wait_for()


def test_a_login_is_given_its_way(screen) -> None:
    window = screen("Ana")
    page = window.go("/accounts")
    way = page.get_by_role("link", name="How it gets its code", include_hidden=True).first.get_attribute("href")
    window.go(str(way))
    careful(window, "account_codes")
    desk = page.get_by_role("region", name="From a person at the code desk")
    desk.get_by_role("button", name="Use the code desk").click()
    page.get_by_text("The next sign-in gets its code this way.").wait_for()


def test_the_code_report_is_readable(screen) -> None:
    window = screen("Ana")
    window.go("/code-report")
    careful(window, "code_report")
