"""What a portal does by itself, and how long it waits for somebody to do something: said to the person at the tab."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.remote import Remote, Viewer
from workers.browser import byhand, guard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
ALONE = "<p id=words>words</p><script>globalThis.save = () => { const a = document.createElement('a'); a.href = '/eob'; a.download = ''; a.click(); }</script>"
LEFT = "The portal signs you out in 1 min unless you do something in its page."


@pytest.fixture(autouse=True)
def one_tab(maria: Viewer, remote: Remote) -> Iterator[None]:
    """Each test begins with one tab."""
    maria.one_tab()
    yield
    remote.signs_out_s = None


def test_a_file_that_comes_by_itself_is_not_taken_until_she_lets_one_come(
    maria: Viewer, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byhand, "PRESSED_S", 0.0)
    remote.pages["/eob"] = ("application/pdf", "attachment; filename=eob.pdf", b"%PDF-1.4\n%%EOF")
    remote.show(ALONE)
    maria.page.mouse.move(*maria.point("#words"))
    remote.see("save()")
    row = maria.page.locator("#files .blocked-file")
    expect(row).to_contain_text("The portal sent a file by itself. It was not taken.")
    maria.says("Portunus blocked a file that the portal sent by itself.")
    row.get_by_role("button", name="Let one come for two minutes").click()
    maria.says("For two minutes a file may come by itself.")
    remote.see("save()")
    taken = maria.page.locator("#files li").first
    expect(taken).to_contain_text("eob.pdf")
    taken.get_by_role("button", name="away").click()


def test_pop_ups_beyond_what_a_tab_may_open_are_said(
    maria: Viewer, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_TABS", 3)
    remote.show("<h1>Claims</h1>")
    remote.see("[0, 1, 2, 3, 4].forEach(() => open('/popup'))")
    expect(maria.page.locator("#remote-tabs [role=tab]")).to_have_count(3)
    maria.says("Portunus closed a new tab: 3 of this portal are open.")


def test_the_portals_own_time_out_counts_from_her_last_request_and_not_from_the_mouse(
    maria: Viewer, remote: Remote
) -> None:
    remote.show(
        "<button onclick=\"fetch('/').then(() => document.title = 'asked')\">Search</button><p onclick=\"document.title = 'pressed'\">row</p>"
    )
    remote.signs_out_s = 60.0
    maria.page.evaluate("() => window.portunusViewer.cut()")
    maria.says(LEFT)
    assert remote.live is not None
    before = remote.live.heard_at
    maria.page.mouse.move(*maria.point("p"))
    maria.click("p")
    remote.until("document.title === 'pressed'")
    remote.see("fetch('/').then(() => 1)")  # she pressed, and something was asked for
    assert remote.live.heard_at > before
    heard = remote.live.heard_at
    remote.live.pressed_at -= byhand.PRESSED_S + 1
    maria.page.mouse.move(*maria.point("button"))
    maria.page.wait_for_function("() => document.querySelector('#stage canvas').style.cursor === 'default'")
    remote.see("fetch('/').then(() => 1)")  # by itself, while the mouse moves
    assert remote.live.heard_at == heard
    maria.click("button")
    remote.until("document.title === 'asked'")
    assert remote.live.heard_at > heard
