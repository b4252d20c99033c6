"""The structure of a page: which fields, buttons and landmarks it has, by name, and nothing that it says."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Error, Frame, Page

from workers.browser.arrival import ERROR_PAGE

LOOK = (Path(__file__).with_name("inside") / "structure.js").read_text(encoding="utf-8")
LOOK_S = 3.0
FRAME_S = 1.0
MOST_FRAMES = 40
MOST = 400
FRAMESET = re.compile(r"frame(?![\w-])")
"""A feature that only a document made of frames has."""


async def features(page: Page) -> list[str]:
    """The main document's, then those of frames, each behind its frame's name; without repetition.

    Empty when the page cannot be looked at just now, or it is made of frames and one of those cannot.
    """
    try:
        async with asyncio.timeout(LOOK_S):
            main, *frames = page.frames
            found = await _look(main)
            framed = await asyncio.gather(*(_inside(frame) for frame in frames[:MOST_FRAMES]))
    except (Error, TimeoutError):
        return []
    if None in framed and any(FRAMESET.match(one) for one in found):
        return []  # a part of it would look like drift
    return (found + sorted({one for frame in framed if frame for one in frame}))[:MOST]


async def _look(frame: Frame) -> list[str]:
    found = await frame.evaluate(LOOK)
    return [str(one)[:200] for one in found] if isinstance(found, list) else []


async def _inside(frame: Frame) -> list[str] | None:
    """None: it cannot be looked at just now. One that was refused has nothing of the portal's."""
    try:
        async with asyncio.timeout(FRAME_S):
            await frame.wait_for_load_state("domcontentloaded")
            return (
                []
                if frame.url.startswith(ERROR_PAGE)
                else [f"{_name(frame)} > {one}"[:200] for one in await _look(frame)]
            )
    except (Error, TimeoutError):
        return None


def _name(frame: Frame) -> str:
    """Its name, or the path of its address, as the features have names: digits as #."""
    parts = urlsplit(frame.url)
    path = parts.path if parts.scheme in ("http", "https", "about") else parts.scheme  # others have contents for a path
    return re.sub(r"\d+", "#", frame.name or path)[:60]
