"""A browser host that only remembers what it was asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from broker.base.errors import Unavailable
from broker.ports.browserhost import StreamPipe


class MemoryBrowserHost:
    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.ended: list[str] = []
        self.lookups: list[str] = []
        self.expected: list[str] = []

    def run_attempt(self, attempt_id: str) -> None:
        self.attempts.append(attempt_id)

    def run_lookups(self, lease_id: str) -> None:
        self.lookups.append(lease_id)

    def expect(self, lease_id: str) -> None:
        self.expected.append(lease_id)

    def end_session(self, portal_session_id: str) -> None:
        self.ended.append(portal_session_id)

    @asynccontextmanager
    async def stream(self, lease_id: str) -> AsyncIterator[StreamPipe]:
        raise Unavailable("No browser host runs in this test.")
        yield

    @asynccontextmanager
    async def watch(self, lease_id: str, name: str) -> AsyncIterator[StreamPipe]:
        raise Unavailable("No browser host runs in this test.")
        yield

    def try_out(self, asked: dict[str, Any]) -> str:
        raise Unavailable("No browser host runs in this test.")

    @asynccontextmanager
    async def watch_try_out(self, tryout_id: str, who: str) -> AsyncIterator[StreamPipe]:
        raise Unavailable("No browser host runs in this test.")
        yield

    def status(self) -> dict[str, Any]:
        return {"node": "test", "sessions": 0}
