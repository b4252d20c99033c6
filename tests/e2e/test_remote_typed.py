"""What is typed and chosen is in the recording as words beside its pictures; of a secret field only that something was."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.remote import Remote, Viewer
from tests.waiting import until as eventually
from workers.browser.messages import EVENT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
CANARY = "canary-Xq7pL"
FORM = """<form onsubmit="return false"><label>Member ID <input id=member></label><label>Year <select id=year><option>2025<option>2026</select></label>
<label><input id=active type=checkbox> Active only</label><label>Born <input id=born type=date value=1984-03-17></label>
<label>Password <input id=word type=password></label><label>Code <input id=code autocomplete=one-time-code></label><input id=last></form>"""


@pytest.fixture(autouse=True)
def form(maria: Viewer, remote: Remote) -> Iterator[None]:
    maria.one_tab()
    remote.sent.clear()
    remote.show(FORM)
    yield


def typed(remote: Remote) -> list[dict[str, Any]]:
    """The events of that kind, without their name."""
    events = [json.loads(one[12:]) for one in remote.sent if one[0] == EVENT]
    return [{key: value for key, value in one.items() if key != "e"} for one in events if one["e"] == "typed"]


def told(remote: Remote, *wanted: dict[str, Any]) -> None:
    """These came, in this order and no others."""
    eventually(lambda: typed(remote) == list(wanted), why=lambda: typed(remote))


def test_words_are_told_once_she_leaves_the_field(maria: Viewer, remote: Remote) -> None:
    maria.click("#member")
    maria.page.keyboard.type("HD1000427315566")
    maria.page.keyboard.press("Tab")
    told(remote, {"field": "Member ID", "v": "HD1000427315566"})


def test_words_that_are_sent_by_enter_are_told_before_the_page_goes(maria: Viewer, remote: Remote) -> None:
    remote.show("<form action=/next><label>Claim <input id=claim name=claim></label></form>")
    maria.click("#claim")
    maria.page.keyboard.type("HL2629300015")
    maria.page.keyboard.press("Enter")
    remote.until("location.pathname === '/next'")
    told(remote, {"field": "Claim", "v": "HL2629300015"})


def test_words_are_told_where_she_pauses(maria: Viewer, remote: Remote) -> None:
    maria.click("#member")
    maria.page.keyboard.type("HD1")
    told(remote, {"field": "Member ID", "v": "HD1"})


def test_a_choice_a_tick_and_a_date_are_told_by_their_words(maria: Viewer, remote: Remote) -> None:
    maria.click("#year")
    maria.page.locator(".remote-list").get_by_role("option", name="2026").click()
    remote.until("document.getElementById('year').value === '2026'")
    maria.click("#active")
    remote.until("document.getElementById('active').checked")
    told(remote, {"field": "Year", "v": "2026"}, {"field": "Active only", "v": "on"})


@pytest.mark.parametrize("field", ["word", "code"])
def test_a_secret_is_typed_and_nothing_of_it_told(maria: Viewer, remote: Remote, field: str) -> None:
    maria.click(f"#{field}")
    maria.page.keyboard.type(CANARY)
    remote.until(f"document.getElementById('{field}').value === '{CANARY}'")
    maria.page.keyboard.press("Tab")
    told(remote, {"field": {"word": "Password", "code": "Code"}[field], "secret": True})
    assert not [one for one in remote.sent if CANARY.encode() in one]


def test_what_a_page_writes_by_itself_is_nobodys_typing(maria: Viewer, remote: Remote) -> None:
    maria.click("#last")
    remote.see(
        "(document.getElementById('member').value = 'forged', document.getElementById('member').dispatchEvent(new Event('change', { bubbles: true })))"
    )
    maria.page.keyboard.type("x")
    maria.page.keyboard.press("Tab")
    told(remote, {"field": "", "v": "x"})


def test_the_recording_of_a_tab_that_is_open_shows_what_came_since(maria: Viewer, remote: Remote) -> None:
    assert remote.live is not None
    assert remote.live.recorder is not None
    player = maria.page.context.new_page()
    player.goto(f"{maria.url.partition('/tabs/')[0]}/recordings/{remote.live.recorder.recording_id}")
    player.get_by_label("Why do you view it?").fill("What did I type?")
    player.keyboard.press("Enter")
    expect(player.locator("#player-status")).to_contain_text("It is still running")
    expect(player.locator("#timeline")).not_to_contain_text("HD1999000111222")
    maria.click("#member")
    maria.page.keyboard.type("HD1999000111222")
    maria.page.keyboard.press("Tab")
    told(remote, {"field": "Member ID", "v": "HD1999000111222"})
    player.get_by_role("button", name="Show what came since").click()
    expect(player.locator("#timeline")).to_contain_text("typed “HD1999000111222” in Member ID")
    expect(player.get_by_role("button", name="Show what came since")).to_be_visible()
    player.close()
