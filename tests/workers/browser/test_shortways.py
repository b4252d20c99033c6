"""A lookup's short ways on a real page: what can be pressed and filled as it stands, what is left to Playwright, what is waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import CDPSession, Error, Page, Route, async_playwright

from broker.base.settings import Settings
from workers.browser.find import find
from workers.browser.ownworld import OwnWorld, world_of
from workers.browser.reading import LOOK
from workers.browser.shortways import AIM, fill, press

pytestmark = pytest.mark.browser
HOST = "https://portal.example"
HTML = """<title>Harbor</title><a id=next href="/next">Next</a> <a id=busy href="/other">Next</a><p id=name>Ada Dunmore</p>
<form method=post action="/close"><button id=close>Close</button></form>
<button id=off disabled>Off</button><button id=under>Under</button>
<div style="position:fixed;inset:auto 0 0 0;height:40px;background:#fff" id=bar>bar</div>
<button style="position:fixed;bottom:5px;left:5px;z-index:-1" id=covered>Covered</button>
<p style="margin-top:3000px"><button id=far>Far</button></p>
<form><input id=member><input id=born type=date><input id=fixed readonly></form>
<script>
  Object.defineProperty(HTMLElement.prototype, 'innerText', { get() { return 'Somebody Else'; } });
  document.querySelectorAll = () => [];
  window.heard = [];
  const busy = () => { const end = Date.now() + 1500; while (Date.now() < end); };
  document.getElementById('busy').onclick = () => setTimeout(busy);
  for (const kind of ['input', 'change']) document.addEventListener(kind, (e) => heard.push(`${kind} ${e.target.id}`));
</script>"""
Test = Callable[[Page, CDPSession, OwnWorld], Awaitable[None]]


def link(selector: str) -> list[Any]:
    return [["locator", [selector], {}]]


def on_the_page(test: Test, hold: asyncio.Event | None = None, asked: asyncio.Event | None = None) -> None:
    async def serve(route: Route) -> None:
        if route.request.url.endswith("/other"):  # in another process, as Chromium may do at any time
            apart = {"Cross-Origin-Opener-Policy": "same-origin"}
            await route.fulfill(content_type="text/html", headers=apart, body="<p id=name>Second page</p>")
            return
        if not route.request.url.endswith("/next"):
            await route.fulfill(content_type="text/html", body=HTML)
            return
        if asked is not None and hold is not None:
            asked.set()
            await hold.wait()
        await route.fulfill(content_type="text/html", body="<p id=name>Second page</p>")

    async def within() -> None:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
            page = await browser.new_page()
            await page.route("**/*", serve)
            await page.goto(f"{HOST}/first")
            cdp = await page.context.new_cdp_session(page)
            await cdp.send("Page.enable")
            await test(page, cdp, world_of(page))
            await browser.close()

    asyncio.run(within())


def test_what_cannot_be_pressed_as_it_stands_is_left_to_playwright() -> None:
    async def test(page: Page, cdp: CDPSession, world: OwnWorld) -> None:
        for selector in ("#off", "#covered", "#far", "#nowhere", "button"):
            assert await world.ask(AIM, link(selector)) is None, selector
        assert (await world.ask(AIM, link("#next")))["form"] is None
        assert (await world.ask(AIM, link("#close")))["form"] == {"method": "post", "action": f"{HOST}/close"}
        await page.evaluate("() => document.querySelector('#name').attachShadow({ mode: 'open' })")
        assert await world.ask(AIM, link("#next")) is None

    on_the_page(test)


def test_the_page_that_was_asked_for_stands_when_the_press_is_over() -> None:
    hold, asked = asyncio.Event(), asyncio.Event()

    async def test(page: Page, cdp: CDPSession, world: OwnWorld) -> None:
        aim = await world.ask(AIM, link("#next"))
        guard: Any = SimpleNamespace(blocked=0)
        pressing = asyncio.ensure_future(press(cdp, guard, aim["x"], aim["y"], 20))
        await asyncio.wait({pressing, asyncio.ensure_future(asked.wait())}, return_when=asyncio.FIRST_COMPLETED)
        assert not pressing.done()
        hold.set()
        await pressing
        told = await world.ask(LOOK, link("#name"), "text")
        assert told["cells"][0][0] == "Second page"

    on_the_page(test, hold, asked)


def test_a_page_that_arrives_while_the_old_one_is_still_busy_is_no_fault() -> None:
    async def test(page: Page, cdp: CDPSession, world: OwnWorld) -> None:
        aim = await world.ask(AIM, link("#busy"))
        guard: Any = SimpleNamespace(blocked=0)
        await press(cdp, guard, aim["x"], aim["y"], 20)
        told = await world.ask(LOOK, link("#name"), "text")
        assert told["cells"][0][0] == "Second page"

    on_the_page(test)


def test_a_press_whose_question_ends_with_the_old_page_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chromium ends an evaluation when the next page gets a process of its own."""

    async def test(page: Page, cdp: CDPSession, world: OwnWorld) -> None:
        aim = await world.ask(AIM, link("#next"))
        send = cdp.send

        async def ended(method: str, told: Any = None) -> Any:
            answer = await send(method, told)
            if method == "Runtime.evaluate":
                raise Error("CDPSession.send: Protocol error (Runtime.evaluate): Inspected target navigated or closed")
            return answer

        monkeypatch.setattr(cdp, "send", ended)
        guard: Any = SimpleNamespace(blocked=0)
        await press(cdp, guard, aim["x"], aim["y"], 20)
        monkeypatch.undo()
        told = await world.ask(LOOK, link("#name"), "text")
        assert told["cells"][0][0] == "Second page"

    on_the_page(test)


def test_no_script_of_the_portal_bends_what_is_read() -> None:
    async def test(page: Page, cdp: CDPSession, world: OwnWorld) -> None:
        assert await page.evaluate("() => document.getElementById('name').innerText") == "Somebody Else"
        told = await world.ask(LOOK, link("#name"), "text")
        assert told["cells"][0][0] == "Ada Dunmore"

    on_the_page(test)


def test_fields_are_filled_as_by_a_person_and_the_page_hears_of_it() -> None:
    async def test(page: Page, cdp: CDPSession, world: OwnWorld) -> None:
        assert await fill(cdp, world, link("#member"), "old")
        assert await fill(cdp, world, link("#member"), "HD100042731")
        assert await fill(cdp, world, link("#born"), "1984-03-17")
        assert not await fill(cdp, world, link("#fixed"), "x")
        assert await page.input_value("#member") == "HD100042731"
        assert await page.input_value("#born") == "1984-03-17"
        assert not await fill(cdp, world, link("#born"), "17 March")
        assert set(await page.evaluate("() => heard")) >= {"input member", "input born", "change born"}

    on_the_page(test)
