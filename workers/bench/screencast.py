"""The physical limit of `bench stream`: what Chromium's own screencast gives on this machine while nobody draws it."""

import asyncio
import time
from typing import Any

from playwright.async_api import Page, Playwright

from workers.bench import daywork
from workers.bench.daywork import FLING_PIXELS, FLINGS, FRAME_S, box
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p50, said
from workers.bench.lab import Straight
from workers.bench.open import straight_home
from workers.browser.tasks import keep

SETTLE_S = 1.0
PAUSE_S = 0.3


async def measure(demo: Demo, playwright: Playwright, runs: int) -> Figures:
    """Milliseconds from a click to the picture's coming, and pictures a second of the scroll, at the lab's own pages."""
    straight = await Straight.start(playwright, demo.lab)
    try:
        page = await straight_home(demo, straight)
        await page.click("#announcement-close")
        stops = await daywork.look_up(page)
        await page.click("#nav-eligibility")
        await page.locator("#member-id").wait_for()
        cast = Pictures(page)
        await cast.start()
        fields = [await box(page, "#member-id"), await box(page, "#service-date")]
        clicks = [await cast.clicked(*_middle(fields[run % 2])) for run in range(runs)]
        await page.mouse.click(*_middle(stops.recent))
        await asyncio.sleep(SETTLE_S)
        return said({"floor_cast_click_p50_ms": p50(clicks), "floor_cast_scroll_fps": round(await cast.flung(), 1)})
    finally:
        await straight.close()


def _middle(at: Any) -> tuple[float, float]:
    return at["x"] + min(at["width"] / 2, 12), at["y"] + at["height"] / 2


class Pictures:
    """A page's screencast, acknowledged at once and looked at by nobody."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._came: list[float] = []
        self._next = asyncio.Event()

    async def start(self) -> None:
        """Pictures as the host has them: PNG, every frame."""
        self._cdp = await self._page.context.new_cdp_session(self._page)
        self._cdp.on("Page.screencastFrame", self._take)
        await self._cdp.send("Page.startScreencast", {"format": "png", "everyNthFrame": 1, "sendLastFrame": True})
        await asyncio.sleep(SETTLE_S)

    def _take(self, params: dict[str, Any]) -> None:
        self._came.append(time.perf_counter())
        self._next.set()
        keep(self._cdp.send("Page.screencastFrameAck", {"sessionId": params["sessionId"]}), "ack")

    async def clicked(self, x: float, y: float) -> float:
        """Milliseconds from pressing to the picture's arrival here."""
        await self._page.mouse.move(x, y)
        await asyncio.sleep(PAUSE_S)
        self._next.clear()
        began = time.perf_counter()
        held = {"x": x, "y": y, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            keep(self._cdp.send("Input.dispatchMouseEvent", {"type": kind, **held}), kind)
        await self._next.wait()
        return (self._came[-1] - began) * 1000

    async def flung(self) -> float:
        """Pictures a second while the page scrolls by a wheel event for each frame of a 60 Hz screen."""
        await self._page.mouse.move(640, 400)
        self._came.clear()
        began = time.perf_counter()
        for turn in range(FLINGS):
            await asyncio.sleep(max(0.0, began + turn * FRAME_S - time.perf_counter()))
            told = {"type": "mouseWheel", "x": 640, "y": 400, "deltaX": 0, "deltaY": FLING_PIXELS}
            keep(self._cdp.send("Input.dispatchMouseEvent", told), "wheel")
        took = time.perf_counter() - began
        return daywork.frames_per_s([at * 1000 for at in self._came], took)
