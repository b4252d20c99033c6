"""Pictures of one tab over its DevTools session: lossless, only the latest kept, acknowledged at once."""

import asyncio
import contextlib
from base64 import b64decode
from typing import Any

from playwright.async_api import CDPSession, Error, Page

from workers.browser.tasks import keep


class Cast:
    """A screencast of one page. `latest` is taken by whoever shows it; what was not taken in time is forgotten."""

    def __init__(self, page: Page, cdp: CDPSession, arrived: asyncio.Event) -> None:
        self._page = page
        self.cdp = cdp
        self._arrived = arrived
        self._latest: str | None = None
        self._stopped = False

    async def start(self) -> None:
        """Begin; a first picture is forced, since a still page sends none."""
        self.cdp.on("Page.screencastFrame", self._take)
        await self.cdp.send("Page.startScreencast", {"format": "png", "everyNthFrame": 1})
        shot = await self.cdp.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True})
        if self._latest is None:
            self._latest = shot["data"]
        self._arrived.set()

    def take(self) -> bytes | None:
        """The newest picture as PNG, once."""
        data, self._latest = self._latest, None
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
        self._latest = params["data"]
        self._arrived.set()
        keep(self._ack(params["sessionId"]), "ack")

    async def _ack(self, session_id: int) -> None:
        with contextlib.suppress(Error):
            await self.cdp.send("Page.screencastFrameAck", {"sessionId": session_id})
