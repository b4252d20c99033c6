"""Words on their way between a portal and the person's own clipboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.remote import Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
READ = "() => navigator.clipboard.readText()"
WAYS = {
    "writeText": "navigator.clipboard.writeText('HD1000427315566')",
    "write": "navigator.clipboard.write([new ClipboardItem({ 'text/plain': new Blob(['HD1000427315566'], { type: 'text/plain' }) })])",
    "after a request": "fetch('/').then(() => navigator.clipboard.writeText('HD1000427315566'))",
    "execCommand": """new Promise((done) => { const one = document.createElement('textarea'); one.value = 'HD1000427315566';
        document.body.append(one); one.select(); document.execCommand('copy'); one.remove(); done(); })""",
}


@pytest.fixture(autouse=True)
def one_tab(maria: Viewer) -> Iterator[None]:
    """Each test begins with one tab, and something else on her clipboard."""
    maria.one_tab()
    maria.page.evaluate("() => navigator.clipboard.writeText('before')")
    yield
    maria.one_tab()


def show_secure(remote: Remote, body: str) -> None:
    """A page that has a clipboard: browsers give one to pages by https, and to their own machine's."""
    assert remote.live is not None
    remote.pages["/secure"] = ("text/html", "", f"<!doctype html><title>Claims</title><body>{body}".encode())
    remote.do(remote.live.tabs[0].page.goto(f"http://localhost:{remote.port}/secure"))


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_button_of_the_portal_reaches_her_clipboard(maria: Viewer, remote: Remote, way: str) -> None:
    show_secure(
        remote,
        f'<button onclick="one()">Copy</button><script>const one = () => {WAYS[way]}.then(() => document.title = "done")</script>',
    )
    maria.click("button")
    remote.until("document.title === 'done'")
    maria.page.wait_for_function("async () => await navigator.clipboard.readText() === 'HD1000427315566'")
    maria.says("Copied.")


def test_a_page_copies_nothing_by_itself(maria: Viewer, remote: Remote) -> None:
    show_secure(
        remote,
        "<p>x</p><script>navigator.clipboard.writeText('forged').catch((why) => document.title = why.name);"
        "document.dispatchEvent(new CustomEvent('portunus-copied', { detail: 'forged', bubbles: true }));"
        "getSelection().selectAllChildren(document.body); document.dispatchEvent(new ClipboardEvent('copy', { bubbles: true }))</script>",
    )
    remote.until("document.title === 'NotAllowedError'")
    maria.page.wait_for_function(
        "() => document.title.startsWith('NotAllowedError ·')"
    )  # whatever is told, is told in order
    assert maria.page.evaluate(READ) == "before"


def test_a_long_text_is_copied_whole_and_a_longer_one_says_what_was_cut(maria: Viewer, remote: Remote) -> None:
    remote.show("<textarea id=note></textarea>")
    for length, words in ((150_000, "Copied."), (200_001, "Copied the first 200,000 of 200,001 characters.")):
        remote.see(
            f"(() => {{ const one = document.getElementById('note'); one.value = 'a'.repeat({length}); one.select(); }})()"
        )
        maria.page.locator("#stage textarea").focus()
        maria.page.keyboard.press("Control+c")
        maria.page.wait_for_function(
            f"(wanted) => {READ[6:]}.then((words) => words.length === wanted)", arg=min(length, 200_000)
        )
        maria.says(words)


def test_a_long_text_is_pasted_whole_with_its_odd_letters(maria: Viewer, remote: Remote) -> None:
    remote.show("<textarea id=note></textarea>")
    maria.page.evaluate("() => navigator.clipboard.writeText('a' + '🦷'.repeat(20000))")
    maria.click("#note")
    maria.page.keyboard.press("Control+v")
    remote.until("document.getElementById('note').value === 'a' + '🦷'.repeat(20000)")


def test_where_her_browser_wants_a_press_for_it_there_is_a_button(maria: Viewer, remote: Remote) -> None:
    remote.show("<p id=words>Member HD1000427315566, born 06/15/1984</p>")
    maria.page.evaluate(
        "() => { window.real = navigator.clipboard.writeText; navigator.clipboard.writeText = () => Promise.reject(); }"
    )
    remote.see("getSelection().selectAllChildren(document.getElementById('words'))")
    maria.page.locator("#stage textarea").focus()
    maria.page.keyboard.press("Control+c")
    maria.says("press Copy")
    maria.page.evaluate("() => { navigator.clipboard.writeText = window.real; }")
    maria.page.locator("#copied-fields").get_by_role("button", name="Copy", exact=True).click()
    maria.says("Copied.")
    assert maria.page.evaluate(READ) == "Member HD1000427315566, born 06/15/1984"
    expect(maria.page.locator("#stage textarea")).to_be_focused()
