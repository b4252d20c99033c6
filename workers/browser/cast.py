"""Pictures of one tab over its DevTools session: lossless, only the latest kept, acknowledged at once."""

import asyncio
import contextlib
from base64 import b64decode
from typing import Any

from playwright.async_api import CDPSession, Error, Page

from workers.browser.tasks import keep

FIRST_S = 0.4
"""A still page's cast begins with its picture (46 to 110 ms after the start, Chromium 140); asked for after this."""


class Cast:
    """A screencast of one page. `latest` is taken by whoever shows it; what was not taken in time is forgotten."""

    def __init__(self, page: Page, cdp: CDPSession) -> None:
        self._page = page
        self.cdp = cdp
        self.arrived = asyncio.Event()
        """Set by each picture; whoever shows them puts an event of its own here."""
        self._latest: str | None = None
        self._begun = asyncio.Event()
        self._stopped = False
        self._looked_at = asyncio.Event()
        self._looked_at.set()

    def rest(self, resting: bool) -> None:
        """While it rests nobody looks: Chromium is not told that its pictures came, and makes no more than two."""
        self._looked_at.clear() if resting else self._looked_at.set()

    async def start(self) -> None:
        """Begin. The first picture comes by itself soon, and is asked for when it does not."""
        self.cdp.on("Page.screencastFrame", self._take)
        # without `sendLastFrame` the last of a burst is lost while two are not acknowledged yet (late by 0.1 s: 1 of 25)
        told = {"format": "png", "everyNthFrame": 1, "sendLastFrame": True}
        await self.cdp.send("Page.startScreencast", told)
        keep(self._first(), "first picture")

    async def _first(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                await self._begun.wait()
        if self._begun.is_set() or self._stopped:
            return
        with contextlib.suppress(Error):
            await self.again()

    async def again(self) -> None:
        """One picture now, even of a still page."""
        shot = await self.cdp.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True})
        if self._latest is None:
            self._arrive(shot["data"])

    def take(self) -> bytes | None:
        """The newest picture as PNG, once."""
        data, self._latest = self._latest, None
        return b64decode(data) if data is not None else None

    def stop(self) -> None:
        """End the cast; the page itself goes on. Nobody waits: a page with an open dialog does not answer."""
        self._stopped = True
        self._looked_at.set()  # or an acknowledgement would wait for ever
        keep(self._detach(), "detach")

    async def _detach(self) -> None:
        with contextlib.suppress(Error):
            await self.cdp.detach()

    def _take(self, params: dict[str, Any]) -> None:
        if self._stopped:
            return
        self._arrive(params["data"])
        keep(self._ack(params["sessionId"]), "ack")

    def _arrive(self, data: str) -> None:
        self._latest = data
        self._begun.set()
        self.arrived.set()

    async def _ack(self, session_id: int) -> None:
        await self._looked_at.wait()
        with contextlib.suppress(Error):
            await self.cdp.send("Page.screencastFrameAck", {"sessionId": session_id})
