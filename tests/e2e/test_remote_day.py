"""What a day at the tab brings: its end comes near, fields are copied for the practice's own program, the line is slow."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from broker.tabs.models import Lease
from tests.e2e.office import HOST
from tests.e2e.remote import Link, Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
SLOW = Link(bytes_per_s=125_000, delay_s=0.1)
"""1 Mbit/s; 200 ms there and back."""


@pytest.fixture(autouse=True)
def one_tab(maria: Viewer) -> None:
    """Each test begins with one tab."""
    maria.one_tab()


def left_s(remote: Remote, lease: str, set_to: float | None = None) -> float:
    """Seconds until the tab ends; first set, where that is asked."""
    with remote.office.portunus.unit(HOST) as work:
        row = work.db.get(Lease, lease)
        assert row is not None
        if set_to is not None:
            row.expires_at = work.clock.now() + timedelta(seconds=set_to)
        return (row.expires_at - work.clock.now()).total_seconds()


def test_a_tab_whose_last_minute_begins_says_so_and_goes_on_with_more_time(maria: Viewer, remote: Remote) -> None:
    lease = maria.url.rpartition("/")[2]
    remote.show("<input id=name>")
    expect(maria.page.locator("#ending")).to_be_hidden()
    left_s(remote, lease, set_to=50)
    maria.back_again()
    expect(maria.page.locator("#ending")).to_be_visible()
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+Alt+e")
    maria.says("You have more time.")
    expect(maria.page.locator("#ending")).to_be_hidden()
    assert left_s(remote, lease) > 60
    maria.click("#name")
    maria.page.keyboard.type("goes on")
    remote.until("document.getElementById('name').value === 'goes on'")


@pytest.mark.parametrize(
    ("kind", "value"), [("Number", "HD1000427315566"), ("Date", "06/15/1984"), ("Amount", "$1,204.50")]
)
def test_a_member_number_a_date_and_an_amount_are_copied_each_alone(
    maria: Viewer, remote: Remote, kind: str, value: str
) -> None:
    remote.show(
        "<p id=words>Member HD1000427315566, born 06/15/1984, paid $1,204.50</p><input id=other aria-label=Other>"
    )
    remote.see("getSelection().selectAllChildren(document.getElementById('words'))")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+c")
    maria.says("Copied.")  # the fields of what was copied before are gone
    maria.page.get_by_role("button", name=f"{kind} {value}").press("Enter")
    maria.says(f"Copied {value}.")
    assert maria.page.evaluate("() => navigator.clipboard.readText()") == value
    maria.click("#other")
    maria.page.keyboard.press("Control+v")
    remote.until(f"document.getElementById('other').value === '{value}'")


def test_a_slow_line_loses_no_click_and_no_letter(maria: Viewer, remote: Remote) -> None:
    remote.show(
        "<input id=name><button onclick=\"document.title = 'sent ' + document.getElementById('name').value\">Send</button>"
    )
    remote.link = SLOW
    maria.back_again()
    maria.click("#name")
    maria.page.keyboard.type("Ann Example, HD1000427315566")
    maria.click("button")
    remote.until("document.title === 'sent Ann Example, HD1000427315566'")
    maria.page.wait_for_function("() => document.title.startsWith('sent Ann Example')")
    remote.link = None
    maria.back_again()
