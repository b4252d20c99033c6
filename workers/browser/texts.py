"""What elements say, asked in the world of its own that Playwright has in every page anyway.

Its one question for many texts is asked in the page's world, where Playwright's own script must be put first: some 25 ms
of each new document's time. Where elements are few, a question for each costs less.
"""

import asyncio

from playwright.async_api import Locator

FEW = 12


async def inner_texts(locator: Locator, *, timeout_ms: float) -> list[str]:
    """As `Locator.all_inner_texts`. Raises Playwright's `TimeoutError` where one went away meanwhile."""
    count = await locator.count()
    if count > FEW:
        return await locator.all_inner_texts()
    return await asyncio.gather(*(locator.nth(place).inner_text(timeout=timeout_ms) for place in range(count)))
