"""Who looks on while somebody else works: the same messages, after the holder was told; nothing comes back."""

import asyncio
import json
from typing import Protocol

from workers.browser.messages import FRAME, UPDATE

MOST_WAITING = 64


class Ear(Protocol):
    """The end of a socket that is only written to."""

    async def send_bytes(self, data: bytes) -> None: ...

    async def send_text(self, data: str) -> None: ...


class Watcher:
    """One person who looks on. Messages come from the holder's stream, so that they are recorded; no stream, no picture."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.admitted = False
        """Whether the holder has been told."""
        self._waiting: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        self._in_step = False
        """Whether all since the last whole picture was passed on: changes make no sense without it."""

    def offer(self, data: bytes) -> None:
        """Pass a message on, unless the holder does not know yet. One who is too slow goes on at the next whole picture."""
        if not self.admitted:
            return
        if data[0] == FRAME:
            self._in_step = True
        elif data[0] == UPDATE and not self._in_step:
            return
        if self._waiting.qsize() >= MOST_WAITING:
            self._in_step = False
            while not self._waiting.empty():
                self._waiting.get_nowait()
            return
        self._waiting.put_nowait(data)

    def say(self, words: str) -> None:
        """A line for her alone; it is not part of the recording."""
        self._waiting.put_nowait(json.dumps({"e": "notice", "words": words}))

    def end(self, words: str) -> None:
        """There is nothing more to see."""
        self._waiting.put_nowait(json.dumps({"e": "ended", "words": words}))
        self._waiting.put_nowait(None)

    async def run(self, socket: Ear) -> None:
        """Until it ends. Whoever calls this cancels it when she leaves."""
        while (message := await self._waiting.get()) is not None:
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_text(message)
