"""One tab as it is shown now: its pictures, its hands, and what pictures cannot show. Only the active tab has a view."""

import asyncio
import base64
import contextlib
from collections.abc import Callable
from typing import Any

from playwright.async_api import CDPSession, Error

from workers.browser import tiles
from workers.browser.cast import Cast
from workers.browser.input import Hands
from workers.browser.live import LiveSession, Tab
from workers.browser.mirror import Mirror, look_on
from workers.browser.screen import Sight
from workers.browser.tasks import keep
from workers.browser.unseen import Unseen

LEAST, MOST = (320, 240), (2560, 1600)
"""Of a tab's picture, in pixels."""
FIRST_S = 2.0
PACK_AFTER_S = 0.4
ASK_AGAIN_S = (0.4, 0.8, 1.6, 3.2)
"""Waits after a new size until its picture should have come."""
UNTOLD = 50
"""Events kept for whoever comes."""
ZOOMS = (0.5, 0.67, 0.75, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)


class View:
    """From the moment a tab is shown until another is."""

    def __init__(self, live: LiveSession, tab: Tab, cdp: CDPSession) -> None:
        self._live = live
        self.tab = tab
        self.cast = Cast(tab.page, cdp)
        self.hands = Hands(cdp)
        self.unseen = Unseen(live, tab.page, self._heard)
        self.first: bytes | None = None
        """The first picture as it came, or packed meanwhile, where it was taken in before anybody could see it."""
        self._tell: Callable[[dict[str, Any]], None] | None = None
        self._untold: list[dict[str, Any]] = []
        self.sight = Sight()
        self.mirror: Mirror | None = None
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, live: LiveSession, tab: Tab) -> "View":
        """Show this tab, to whoever `attend`s. Raises Playwright's `Error` when it is gone or crashed."""
        await tab.page.bring_to_front()
        cdp = await live.new_cdp(tab.page)
        view = cls(live, tab, cdp)
        try:
            await view.unseen.start(cdp)
            await view.hands.start()
            if live.size is not None:
                await view.resize(*live.size)
            await view.cast.start()
        except BaseException:
            view.leave()
            raise
        return view

    def attend(self, arrived: asyncio.Event, tell: Callable[[dict[str, Any]], None]) -> None:
        """From now on `arrived` is set by each picture, and `tell` hears the unseen; what came before is told now."""
        self._tell, self.cast.arrived = tell, arrived
        for event in self._untold:
            tell(event)
        self._untold.clear()
        arrived.set()

    def _heard(self, event: dict[str, Any]) -> None:
        if self._tell is not None:
            self._tell(event)
        else:
            self._untold.append(event)
            del self._untold[:-UNTOLD]

    async def see_first(self) -> None:
        """Take the first picture in, ahead of need; not waited for longer than a person would."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                await self.cast.arrived.wait()
        png = self.cast.take()
        if png is not None:
            await asyncio.to_thread(self.sight.see, png)
            self.first = png
            keep(self._pack_first(), "pack the first picture")

    async def _pack_first(self) -> None:
        """Whoever takes long to come has a long line: for her it is worth the time."""
        unpacked, picture = self.first, self.sight.picture
        await asyncio.sleep(PACK_AFTER_S)
        if self.first is not unpacked or picture is None:
            return
        packed = await asyncio.to_thread(tiles.packed, picture)
        if self.first is unpacked:
            self.first = packed

    def leave(self) -> None:
        """Stop showing it; the page goes on, at the size the scripts know."""
        self.hands.release_all()
        self.reflect(None)
        self.unseen.stop()
        self.cast.stop()

    def reflect(self, tell: Callable[[dict[str, Any]], None] | None) -> None:
        """Mirror the page for a screen reader, or stop it (None)."""
        if self._looking is not None:
            self._looking.cancel()
        self.mirror, self._looking = None, None
        if tell is not None:
            self.mirror = Mirror(self._live.context, self.tab.page, self.cast.cdp)
            self._looking = keep(look_on(self.mirror, tell), "mirror")

    def redrawn(self) -> None:
        """There is a new picture: the mirror looks again."""
        if self.mirror is not None:
            self.mirror.changed.set()

    async def resize(self, width: int, height: int) -> None:
        """Fit the tab to the viewer's window, in CSS pixels; detaching undoes it.

        One pixel for each, whatever her screen has: of a tab with more, Chromium 156 takes the mouse's places for others after
        a screenshot (tried November 2026). Its screencast has one pixel for each besides, whatever is emulated: only a browser
        started with `--force-device-scale-factor=2` casts twice as many, and then for everybody in it.
        """
        width, height = (
            max(least, min(most, one)) for one, least, most in zip((width, height), LEAST, MOST, strict=True)
        )
        self._live.size = (width, height)
        told = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self.cast.cdp.send("Emulation.setDeviceMetricsOverride", told)
        keep(self._drawn_at(width, height), "a picture of the new size")

    async def _drawn_at(self, width: int, height: int) -> None:
        """On a busy machine the cast may end with a picture of the size before: then one is asked for."""
        for wait_s in ASK_AGAIN_S:
            await asyncio.sleep(wait_s)
            picture = self.sight.picture
            if self._live.size != (width, height) or picture is None or picture.shape[:2] == (height, width):
                return
            with contextlib.suppress(Error):
                await self.cast.again()

    async def zoom(self, factor: float) -> None:
        """Larger or smaller letters, as a browser's zoom; kept when the tab goes to another page."""
        nearest = min(ZOOMS, key=lambda one: abs(one - factor))
        self.tab.zoom = nearest
        await self.unseen.ask(f"zoom({nearest})")

    async def printed(self) -> bytes | None:
        """The page as a PDF, or None when it cannot be printed."""
        await self.unseen.ask("printing(true)")
        with contextlib.suppress(Error):
            told = await self.cast.cdp.send("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
            return base64.b64decode(told["data"])
        return None

    async def after_print(self) -> None:
        """The portal's own wish to print counts again."""
        await self.unseen.ask("printing(false)")
