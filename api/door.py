"""What the sockets of a tab have in common: so many for each person, a ticket in the first message, bounded texts, and a reason
when they end."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from fastapi import WebSocket, WebSocketDisconnect, WebSocketException

from api.access import Here, here
from broker.base.unit import Unit
from broker.identity import logins
from broker.ports.browserhost import StreamPipe

TICKET_PATIENCE_S = 10.0
LARGEST_MESSAGE = 32 * 1024
"""Bytes of one input message: pasted text of 20,000 characters fits."""
REFUSED, AWAY = 1008, 1013
SOCKETS_EACH = 60
"""Open at once for one person, in this process: twelve tabs, each in a few windows, are far fewer."""
T = TypeVar("T")
_open: Counter[str] = Counter()


async def seat(socket: WebSocket) -> AsyncIterator[None]:
    """One of the caller's sockets; beyond `SOCKETS_EACH` the handshake is refused. A dependency, after the access declaration."""
    who = here(socket).actor.id
    if _open[who] >= SOCKETS_EACH:
        raise WebSocketException(REFUSED, "You have too many live pages open. Close some.")
    _open[who] += 1
    try:
        yield
    finally:
        _open[who] -= 1
        if not _open[who]:
            del _open[who]


async def first_ticket(socket: WebSocket) -> str:
    """The ticket of the first message. Raises `TimeoutError` after 10 s, `ValueError` for anything else."""
    async with asyncio.timeout(TICKET_PATIENCE_S):
        first = await text_of(socket)
    said = json.loads(first)
    token = said.get("ticket") if isinstance(said, dict) else None
    if not isinstance(token, str):
        raise ValueError("no ticket")  # noqa: TRY004 - as any unreadable message
    return token


async def text_of(socket: WebSocket) -> str:
    """The next text message. Raises ValueError for a binary or an overlong one."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    if text is None or len(text) > LARGEST_MESSAGE:
        raise ValueError("message")
    return str(text)


async def hand_on(
    at: Here, socket: WebSocket, pipe: StreamPipe, *, by_hand: Callable[[str], bool] = lambda _: True
) -> None:
    """Her page's messages to the host, for ever; while a person sends some (`by_hand`), her sign-in stays alive."""
    login_id, noted = at.actor.login_id, at.portunus.clock.now()
    while True:
        text = await text_of(socket)
        now = at.portunus.clock.now()
        if login_id and now - noted >= logins.SEEN_EVERY and by_hand(text):
            noted = now
            await in_unit(at, lambda work: logins.seen(work, login_id))
        await pipe.send(text)


async def end(socket: WebSocket, words: str, code: int, *, again: bool = False) -> None:
    """Say why, then close; `again` tells the viewer that another try may help. Silent when already closed."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError):
        if words:
            await socket.send_text(json.dumps({"e": "ended", "words": words, "again": again}))
        await socket.close(code)


async def in_unit(at: Here, act: Callable[[Unit], T]) -> T:
    """A writing transaction in a thread."""

    def run() -> T:
        with at.unit() as work:
            return act(work)

    return await asyncio.to_thread(run)
