"""Signals inside one process."""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager


class MemorySignals:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self._lock = threading.Lock()
        self._waiters: list[tuple[tuple[str, ...], queue.SimpleQueue[str]]] = []
        self._listeners: list[tuple[tuple[str, ...], asyncio.AbstractEventLoop, asyncio.Queue[str]]] = []

    def send(self, channel: str) -> None:
        self.sent.append(channel)
        with self._lock:
            for channels, waiting in self._waiters:
                if channel in channels:
                    waiting.put(channel)
            for channels, loop, listening in self._listeners:
                if channel in channels and not loop.is_closed():
                    loop.call_soon_threadsafe(listening.put_nowait, channel)

    @asynccontextmanager
    async def listen(self, *channels: str) -> "AsyncIterator[MemoryEar]":
        inbox: asyncio.Queue[str] = asyncio.Queue()
        entry = (channels, asyncio.get_running_loop(), inbox)
        with self._lock:
            self._listeners.append(entry)

        try:
            yield MemoryEar(inbox)
        finally:
            with self._lock:
                self._listeners.remove(entry)

    def wait(self, *channels: str, timeout_s: float) -> Iterator[str]:
        inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
        entry = (channels, inbox)
        with self._lock:
            self._waiters.append(entry)
        end = time.monotonic() + timeout_s
        try:
            while (left := end - time.monotonic()) > 0:
                try:
                    yield inbox.get(timeout=left)
                except queue.Empty:
                    return
        finally:
            with self._lock:
                self._waiters.remove(entry)


class MemoryEar:
    def __init__(self, inbox: asyncio.Queue[str]) -> None:
        self._inbox = inbox

    async def wait(self, timeout_s: float) -> str | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._inbox.get()
        except TimeoutError:
            return None
