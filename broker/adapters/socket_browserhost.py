"""The browser host over its Unix socket: HTTP for hints, one WebSocket per viewer."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException

from broker.base.errors import Conflict, Unavailable

BASE = "http://browserhost"
AWAY = "The browser host does not answer: see portunus doctor."
BIG_FRAME = 64 * 1024 * 1024


class SocketBrowserHost:
    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def run_attempt(self, attempt_id: str) -> None:
        self._hint(f"/attempts/{attempt_id}")

    def run_lookups(self, lease_id: str) -> None:
        self._hint(f"/leases/{lease_id}/lookups")

    def expect(self, lease_id: str) -> None:
        self._hint(f"/leases/{lease_id}/expect")

    def end_session(self, portal_session_id: str) -> None:
        self._hint(f"/portal-sessions/{portal_session_id}/end")

    def status(self) -> dict[str, Any]:
        try:
            numbers: dict[str, Any] = self._client.get(f"{BASE}/status").raise_for_status().json()
            return numbers
        except (httpx2.HTTPError, ValueError) as away:
            raise Unavailable(AWAY) from away

    @asynccontextmanager
    async def stream(self, lease_id: str) -> AsyncIterator[ClientConnection]:
        async with self._connected(f"/leases/{lease_id}/stream") as connection:
            yield connection

    @asynccontextmanager
    async def watch(self, lease_id: str, name: str) -> AsyncIterator[ClientConnection]:
        async with self._connected(f"/leases/{lease_id}/watch") as connection:
            await connection.send(json.dumps({"who": name}))
            yield connection

    def try_out(self, asked: dict[str, Any]) -> str:
        try:
            answer = self._client.post(f"{BASE}/try-outs", json=asked)
            told: dict[str, str] = answer.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as away:
            raise Unavailable(AWAY) from away
        if "no" in told:
            raise Conflict(told["no"], code="trying-already")
        return told["id"]

    @asynccontextmanager
    async def watch_try_out(self, tryout_id: str, who: str) -> AsyncIterator[ClientConnection]:
        async with self._connected(f"/try-outs/{tryout_id}") as connection:
            await connection.send(json.dumps({"who": who}))
            yield connection

    @asynccontextmanager
    async def _connected(self, path: str) -> AsyncIterator[ClientConnection]:
        try:
            connection = await unix_connect(
                str(self._socket),
                f"ws://browserhost{path}",
                compression=None,
                max_size=BIG_FRAME,
                open_timeout=10,
            )
        except (OSError, WebSocketException, TimeoutError) as away:
            raise Unavailable(AWAY) from away
        async with connection:
            yield connection

    def _hint(self, path: str) -> None:
        """The host re-reads the row; when it is away the sweeper asks again."""
        with contextlib.suppress(httpx2.HTTPError):
            self._client.post(BASE + path)

    @cached_property
    def _client(self) -> httpx2.Client:
        """Made once: reading the system's certificates takes 40 ms. No connection is kept, the host may be another by the next call."""
        transport = httpx2.HTTPTransport(uds=str(self._socket), limits=httpx2.Limits(max_keepalive_connections=0))
        return httpx2.Client(transport=transport, timeout=5)
