"""A choice in a list may send its form: what that starts is waited for, which Playwright does for clicks and not for choices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from playwright.async_api import Error, Page

from workers.browser.tasks import keep


@asynccontextmanager
async def settled(page: Page, limit_s: float) -> AsyncIterator[None]:
    """Within, one act. At the end the page or frame that the act asked for has arrived, or stopped trying.

    Raises TimeoutError when it does neither in `limit_s` seconds: the old page may still stand, and must not be read.
    """
    cdp = await page.context.new_cdp_session(page)
    coming: set[str] = set()
    changed = asyncio.Event()

    def asked(event: dict[str, Any]) -> None:
        if event.get("disposition") == "currentTab":
            coming.add(event["frameId"])

    def arrived(event: dict[str, Any]) -> None:
        if "parentId" not in event["frame"]:  # the whole page is waited for below, by its state
            coming.discard(event["frame"]["id"])
            changed.set()

    def stopped(event: dict[str, Any]) -> None:
        coming.discard(event["frameId"])
        changed.set()

    cdp.on("Page.frameRequestedNavigation", asked)
    cdp.on("Page.frameNavigated", arrived)
    cdp.on("Page.frameStoppedLoading", stopped)
    try:
        await cdp.send("Page.enable")
        yield
        async with asyncio.timeout(limit_s):
            with suppress(Error):  # answered after what the act asked for was told, or cut off by the next page
                await cdp.send("Runtime.evaluate", {"expression": "0"})
            while coming:
                changed.clear()
                await changed.wait()
            await page.wait_for_load_state("domcontentloaded")
    finally:
        keep(_let_go(cdp), "detach")


async def _let_go(cdp: Any) -> None:
    with suppress(Error):
        await cdp.detach()
