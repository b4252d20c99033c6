"""What a portal's page must not reach: the machine's files, the browser's own pages, hidden tabs, a clipboard, a worker that stays."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.waiting import soon
from tests.workers.browser.test_stream import Record, a_page, watching
from workers.browser.live import LiveSession
from workers.browser.messages import FRAME

pytestmark = pytest.mark.browser
ODD = [
    "file:///etc/passwd",
    "chrome://version",
    "view-source:https://portal.test/",
    "devtools://devtools/bundled/inspector.html",
    "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai/index.html",
    "filesystem:https://portal.test/temporary/x",
]


async def _on_portal(live: LiveSession, page: Page) -> None:
    await live.context.route(
        "https://portal.test/**", lambda route: route.fulfill(body="<body>portal", content_type="text/html")
    )
    await page.goto("https://portal.test/")


WAYS = [
    "window.open({0})",
    "(() => {{ const a = document.createElement('a'); a.href = {0}; a.target = '_blank'; document.body.append(a); a.click(); }})()",
    "(() => {{ const f = document.createElement('iframe'); f.src = {0}; document.body.append(f); }})()",
    "location.href = {0}",
]


def test_a_page_cannot_lead_to_files_or_the_browsers_own_pages() -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            for address in ODD:
                await _on_portal(live, page)
                for way in WAYS:
                    await page.evaluate(way.format(repr(address)))
                await page.wait_for_timeout(200)
                shown = [frame.url for tab in live.tabs for frame in tab.page.frames]
                assert not any(one.startswith(address.partition(":")[0] + ":") for one in shown)

    asyncio.run(play())


def test_every_new_tab_is_a_tab_she_sees() -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            await _on_portal(live, page)
            await page.evaluate("document.body.innerHTML = '<a href=/next>next</a>'")
            await page.click("a", button="middle")
            await page.click("a", modifiers=["Control"])
            await page.click("a", modifiers=["Shift"])
            await soon(lambda: len(live.tabs) == 4)
            assert len(live.context.pages) == len(live.tabs)

    asyncio.run(play())


def test_the_browsers_commands_open_nothing() -> None:
    async def play() -> None:
        async with a_page() as (live, page), watching(live, Record()) as viewer:
            await viewer.until(lambda data: data[0] == FRAME)
            for key in ("F12", "F5", "t", "n", "o", "s", "u", "l"):
                code = key if len(key) > 1 else f"Key{key.upper()}"
                viewer.say(t="key", k="down", key=key, code=code, kc=0, m=0 if len(key) > 1 else 2)
                viewer.say(t="key", k="up", key=key, code=code, kc=0, m=0)
            await viewer.click(page, "#name")
            await viewer.event("click")
            assert (len(live.context.pages), await page.evaluate("document.readyState")) == (1, "complete")

    asyncio.run(play())


REFUSED = {
    "clipboard": "navigator.clipboard.readText()",
    "place": "new Promise((yes, no) => navigator.geolocation.getCurrentPosition(yes, no))",
    "microphone": "navigator.mediaDevices.getUserMedia({ audio: true })",
    "notifications": "Notification.requestPermission().then((answer) => { if (answer !== 'granted') throw answer; })",
}


def test_a_page_gets_nothing_of_the_machine() -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            await _on_portal(live, page)
            got = {
                what: await page.evaluate(f"() => {asked}.then(() => 'given', () => 'refused')")
                for what, asked in REFUSED.items()
            }
            assert got == dict.fromkeys(REFUSED, "refused")

    asyncio.run(play())
