"""What the page looks like in the end is what is shown, however late its pictures are acknowledged."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.workers.browser.test_facade import on_the_page
from workers.browser.cast import Cast
from workers.browser.facade import Facade
from workers.browser.screen import Sight

pytestmark = pytest.mark.browser
BURST = """() => new Promise((done) => {
  let left = 8;
  const next = () => { document.body.style.background = `rgb(${left * 20}, 0, 0)`; if (left--) requestAnimationFrame(next); else done(); };
  next();
})"""
BLACK = (0, 0, 0)


AHEAD = 3
"""Chromium makes two before it waits to hear of one, and may ask for the first of all once more."""


class Counted(Cast):
    """Counts what comes."""

    came = 0

    def _arrive(self, data: str) -> None:
        self.came += 1
        super()._arrive(data)


class Tardy(Cast):
    """Acknowledges nothing until it may, as a host that has much to do."""

    may: asyncio.Event

    async def _ack(self, session_id: int) -> None:
        await self.may.wait()
        await super()._ack(session_id)


def test_the_last_picture_of_a_burst_comes_when_the_others_are_acknowledged_late() -> None:
    async def test(facade: Facade, page: Page) -> None:
        del facade
        await page.set_content("<body style='background: #fff'>")
        cast = Tardy(page, await page.context.new_cdp_session(page))
        cast.may = asyncio.Event()
        await cast.start()
        await page.evaluate(BURST)
        await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        cast.may.set()
        sight = Sight()
        async with asyncio.timeout(20):
            while sight.picture is None or tuple(sight.picture[400, 640]) != BLACK:
                await cast.arrived.wait()
                cast.arrived.clear()
                if (png := cast.take()) is not None:
                    sight.see(png)
        cast.stop()

    on_the_page(test)


def test_no_picture_is_made_that_nobody_takes() -> None:
    async def test(facade: Facade, page: Page) -> None:
        del facade
        await page.set_content("<body style='background: #fff'>")
        cast = Counted(page, await page.context.new_cdp_session(page))
        await cast.start()
        for _ in range(4):  # some thirty pictures' worth of change
            await page.evaluate(BURST)
        untaken = cast.came
        assert untaken <= AHEAD
        cast.take()
        await page.evaluate(BURST)
        assert cast.came <= untaken + AHEAD
        cast.stop()

    on_the_page(test)
