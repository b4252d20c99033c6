"""Wait for something that another process, thread or task does. For time itself there is `tests.fakes.clock`."""

import asyncio
import time
from collections.abc import Callable

STEP_S = 0.05


def until(what: Callable[[], object], seconds: float = 30, why: Callable[[], object] = lambda: "") -> None:
    """Until `what()` holds; fails after `seconds`, saying `why()`."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"it did not happen in time {why()}"
        time.sleep(STEP_S)


async def soon(what: Callable[[], object], seconds: float = 30) -> None:
    """The same on an event loop, which goes on meanwhile."""
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(STEP_S / 2)
