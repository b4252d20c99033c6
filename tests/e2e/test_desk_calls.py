"""Called to the code desk, and a link for somebody without an account, in a real browser."""

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.directory.models import MfaMethod
from tests.e2e.conftest import NARROW
from tests.e2e.office import PORTALS
from tests.e2e.stand_ins import DESK, right_code

pytestmark = pytest.mark.browser
LISTEN = """() => {
    window.called = [];
    document.getElementById("desk").addEventListener("called", (event) => window.called.push(event.detail));
}"""


@pytest.fixture(autouse=True, scope="module")
def read_by_people(office) -> None:
    """These codes do not come by themselves: people are called at once."""
    with office.portunus.unit(system("test")) as work:
        for method in work.db.scalars(select(MfaMethod).where(MfaMethod.channel == "sms")):
            method.channel, method.endpoint = "desk", None


def at_the_desk(window):
    """Her page of the code desk, with its sound on; `window.called` lists what she was called to."""
    page = window.go("/codes")
    page.evaluate(LISTEN)
    page.get_by_role("button", name="Call me with a sound").click()
    page.get_by_role("button", name="Stop calling me").wait_for()
    return page


def box_of(page, key):
    box = page.locator(".code-request", has_text=PORTALS[key])
    box.wait_for()
    return box


def test_dan_is_called_and_sends_a_link_that_works_once(screen, office) -> None:
    dan = screen("Dan")
    page = at_the_desk(dan)
    office.open("Maria", DESK[0])
    box = box_of(page, DESK[0])
    page.wait_for_function("() => window.called.length === 1")
    box.get_by_role("button", name="Link for somebody").click()
    link = box.get_by_label("Send this to whoever has the code").input_value()
    dan.picture("desk_link_made")
    assert dan.faults() == []

    holder = screen(size=NARROW)
    shown = holder.go(link[link.index("/codes/link/") :])
    holder.picture("desk_link_box")
    assert holder.faults() == []
    assert holder.too_wide() == []
    shown.get_by_label("Code").fill("12")
    shown.keyboard.press("Enter")
    shown.get_by_role("alert").get_by_text("does not look like").wait_for()
    holder.picture("desk_link_wrong_form")
    shown.get_by_label("Code").fill(right_code(DESK[0]))
    shown.keyboard.press("Enter")
    shown.get_by_role("heading", name="Thank you").wait_for()
    holder.picture("desk_link_done")
    box.wait_for(state="detached")
    again = holder.go(link[link.index("/codes/link/") :])
    again.get_by_role("heading", name="This link does not work").wait_for()


def test_the_next_one_is_called_when_the_first_says_no(screen, office) -> None:
    ana = screen("Ana")
    page = ana.go("/on-call")
    phoenix = page.locator(".on-call", has_text="Phoenix")
    for place, (name, seconds) in enumerate((("Dan Whitfield", "0"), ("Ana Petrova", "3600")), 1):
        phoenix.get_by_label(f"Person {place}").select_option(label=name)
        phoenix.get_by_label("After seconds").nth(place - 1).fill(seconds)
    phoenix.get_by_role("button", name="Save").click()
    page.locator(".on-call", has_text="Phoenix").get_by_label("Person 4").wait_for()
    ana.picture("on_call")
    assert ana.faults() == []

    dan = screen("Dan")
    first, second = at_the_desk(dan), at_the_desk(ana)
    office.open("Maria", DESK[1])
    here, there = box_of(first, DESK[1]), box_of(second, DESK[1])
    there.get_by_text("Called: Dan Whitfield", exact=True).wait_for()
    first.wait_for_function("() => window.called.length === 1")
    assert second.evaluate("() => window.called.length") == 0
    dan.picture("codes_called")
    here.get_by_role("button", name="Not ours").click()
    there.get_by_text("Called: Ana Petrova", exact=True).wait_for()
    second.wait_for_function("() => window.called.length === 1")
    ana.picture("codes_escalated")
    assert ana.faults() == []
    ana.page.set_viewport_size(NARROW)
    ana.picture("codes_escalated_narrow")
    assert ana.too_wide() == []
