"""The structure of a page: which fields, buttons and landmarks it has, by name, and nothing that it says."""

import asyncio
from pathlib import Path

from playwright.async_api import Error, Page

LOOK = (Path(__file__).with_name("inside") / "structure.js").read_text(encoding="utf-8")
LOOK_S = 3.0


async def features(page: Page) -> list[str]:
    """Sorted, without repetition; empty when the page cannot be looked at just now."""
    try:
        async with asyncio.timeout(LOOK_S):
            found = await page.evaluate(LOOK)
    except (Error, TimeoutError):
        return []
    return [str(one)[:200] for one in found] if isinstance(found, list) else []
