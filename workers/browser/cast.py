"""Pictures of one tab over its DevTools session: lossless, only the latest kept, acknowledged when it is taken.

Chromium makes two more than were acknowledged. So it draws the next one while this one is looked at, and none that nobody takes:
of a scroll on two cores every second picture was made for nothing when each was acknowledged on arrival.
"""

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
        self._owed: list[int] = []
        """Pictures that Chromium has not been told to have come."""

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
        owed, self._owed = self._owed, []
        for session_id in owed:
            keep(self._ack(session_id), "ack")
        return b64decode(data) if data is not None else None

    def stop(self) -> None:
        """End the cast; the page itself goes on. Nobody waits: a page with an open dialog does not answer."""
        self._stopped = True
        keep(self._detach(), "detach")

    async def _detach(self) -> None:
        with contextlib.suppress(Error):
            await self.cdp.detach()

    def _take(self, params: dict[str, Any]) -> None:
        if self._stopped:
            return
        self._owed.append(params["sessionId"])
        self._arrive(params["data"])

    def _arrive(self, data: str) -> None:
        self._latest = data
        self._begun.set()
        self.arrived.set()

    async def _ack(self, session_id: int) -> None:
        with contextlib.suppress(Error):
            await self.cdp.send("Page.screencastFrameAck", {"sessionId": session_id})
