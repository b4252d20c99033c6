"""A page that is to go does go, though the browser may forget that it was asked; and what must end well is not cut off."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright

from broker.base.settings import Settings
from workers.browser import closing
from workers.browser.closing import closed
from workers.browser.find import find
from workers.browser.tasks import cancelled, keep, seen_through

ROUNDS = 40
"""The browser forgets about one close in fifteen that comes at that moment."""


class Portal:
    """Answers `/` at once, and `/late` when it is told to."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.address = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Portal"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readline()
        if b"/late" in asked:
            await self.answers.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>Portal</h1>")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def browser_and_portal() -> AsyncIterator[tuple[BrowserContext, Portal]]:
    async with async_playwright() as playwright, Portal().running() as portal:
        browser = await playwright.chromium.launch(executable_path=find(Settings()).path, args=["--no-sandbox"])
        try:
            yield await browser.new_context(), portal
        finally:
            await browser.close()


async def on_its_way(context: BrowserContext, portal: Portal) -> Page:
    """A page whose next document is awaited, by nobody of ours any more."""
    page = await context.new_page()
    await page.goto(portal.address)
    going = keep(page.goto(f"{portal.address}/late"), "go to a late page")
    await page.wait_for_event("request")
    await cancelled(going)
    return page


def test_a_page_whose_next_document_comes_while_it_is_closed_is_closed() -> None:
    async def test() -> None:
        async with browser_and_portal() as (context, portal):
            for turn in range(ROUNDS):
                portal.answers.clear()
                page = await on_its_way(context, portal)
                asyncio.get_running_loop().call_later(turn % 20 / 1000, portal.answers.set)
                assert await closed(page)
            assert context.pages == []

    asyncio.run(test())


def test_a_page_that_runs_a_program_without_end_is_closed() -> None:
    async def test() -> None:
        async with browser_and_portal() as (context, portal):
            page = await context.new_page()
            await page.goto(portal.address)
            await page.evaluate("setTimeout(() => { for (;;); }, 0)")
            assert await closed(page)

    asyncio.run(test())


def test_a_page_that_was_closed_already_is_closed() -> None:
    async def test() -> None:
        async with browser_and_portal() as (context, _):
            page = await context.new_page()
            await page.close()
            assert await closed(page)

    asyncio.run(test())


def test_a_page_that_stays_is_said_to_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    async def deaf(_: Page) -> None:
        await asyncio.Event().wait()

    async def not_asked(_: Page) -> None:
        return None

    async def test() -> None:
        async with browser_and_portal() as (context, _):
            monkeypatch.setattr(closing, "AGAIN_S", 0.01)
            monkeypatch.setattr(closing, "_asked", deaf)
            monkeypatch.setattr(closing, "_ask_again", not_asked)
            assert not await closed(await context.new_page())

    asyncio.run(test())


def test_what_is_seen_through_ends_however_often_the_one_who_waits_is_cancelled() -> None:
    ended = []

    async def slowly(may: asyncio.Event) -> str:
        await may.wait()
        ended.append("well")
        return "kept"

    async def test() -> None:
        may = asyncio.Event()
        waiting = keep(seen_through(slowly(may), "slowly"), "who waits")
        for _ in range(2):
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        may.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert ended == ["well"]
        assert await seen_through(slowly(may), "slowly") == "kept"

    asyncio.run(test())
