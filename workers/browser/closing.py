"""A page that is to go does go: a browser forgets that it was asked to when the page's next document comes at that very moment."""

import asyncio
import contextlib

from playwright.async_api import Error, Page

from workers.browser.tasks import keep

AGAIN_S = 0.5
"""A page closes in hundredths of a second; one that runs a program of its own, in about one (the browser sees to that)."""
TIMES = 12


async def closed(page: Page) -> bool:
    """Close it without asking the page. False: it is still there after several requests, and whoever owns it must not go on.

    Playwright asks once and waits for ever, so the browser is asked again by itself.
    """
    if page.is_closed():
        return True
    gone = asyncio.Event()
    page.once("close", lambda _: gone.set())
    asking = keep(_asked(page), "close a page")
    try:
        for _ in range(TIMES):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await gone.wait()
            if page.is_closed():
                return True
            with contextlib.suppress(Error, TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await _ask_again(page)
        return page.is_closed()
    finally:
        asking.cancel()


async def _asked(page: Page) -> None:
    with contextlib.suppress(Error):
        await page.close()


async def _ask_again(page: Page) -> None:
    cdp = await page.context.new_cdp_session(page)
    target = (await cdp.send("Target.getTargetInfo"))["targetInfo"]["targetId"]
    await cdp.send("Target.closeTarget", {"targetId": target})
