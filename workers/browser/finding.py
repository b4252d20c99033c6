"""Words found on a page: in all of its frames, counted and marked as if they were one document."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from playwright.async_api import CDPSession, Error

Asks = Callable[[str], Awaitable[Any]]
"""Asks one frame's world of ours; None when the frame is gone."""


class Finding:
    """Which of the places found is shown now."""

    def __init__(self) -> None:
        self._at = -1

    async def find(self, frames: Mapping[str, Asks], main: CDPSession, words: str, step: int) -> dict[str, int]:
        """Mark every place that has the words and go to the first, or `step` on from the last. `frames`: by id, the main one first."""
        told = await asyncio.gather(*(ask(f"seek({json.dumps(words)})") for ask in frames.values()))
        counts = [int(one or 0) for one in told]
        every = sum(counts)
        self._at = ((self._at + step if step else 0) % every) if every else -1
        before = 0
        for (frame, ask), count in zip(frames.items(), counts, strict=True):
            here = self._at - before
            before += count
            place = await ask(f"here({here if 0 <= here < count else -1})")
            if place is not None and frame != next(iter(frames)):
                await _into_view(main, frame, place)
        return {"n": self._at + 1, "of": every}


async def _into_view(main: CDPSession, frame: str, place: dict[str, float]) -> None:
    """Scroll the page to that place of a frame: a frame of another host cannot scroll the page it stands in."""
    with contextlib.suppress(Error):
        owner = await main.send("DOM.getFrameOwner", {"frameId": frame})
        await main.send("DOM.scrollIntoViewIfNeeded", {"backendNodeId": owner["backendNodeId"], "rect": place})
