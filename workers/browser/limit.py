"""How long a run of a script may take: the script's own time, not that which it waits for somebody else's sign-in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Limit:
    """So many seconds, for one run. Time that is `waived` comes on top."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: asyncio.Timeout | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Raises `TimeoutError` when what is within takes longer."""
        self._running = asyncio.timeout(self._seconds)
        async with self._running:
            yield

    @contextmanager
    def waived(self) -> Iterator[None]:
        """What is within does not count; whoever waits limits that by other means."""
        running, clock = self._running, asyncio.get_running_loop()
        ends = running.when() if running is not None else None
        if running is None or ends is None or running.expired():
            yield
            return
        since = clock.time()
        running.reschedule(None)
        try:
            yield
        finally:
            if not running.expired():
                running.reschedule(ends + clock.time() - since)
