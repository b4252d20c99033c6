"""The viewer's door: the stream of one tab both ways. Tickets are in `tabs.py`.

The edge has checked `Host` and the exact `Origin` before this. Start uvicorn with `--ws-per-message-deflate false` and
`--ws-max-size 65536`: nothing is decompressed, and a message that is too large ends before it is read.
"""

import asyncio
import json

import structlog
from fastapi import APIRouter, Depends, WebSocket, WebSocketDisconnect

from api.access import Here, here, permits
from api.door import AWAY, REFUSED, end, first_ticket, hand_on, in_unit, seat
from broker.base.errors import BrokerError, Refused
from broker.identity.policy import Permission
from broker.ports.browserhost import StreamPipe
from broker.tabs import service as tabs
from broker.tabs.models import Lease

router = APIRouter()

LOOK_AGAIN_S = 1.0
OVER = "This tab has ended, or your sign-in has. Go back to Portals to open it again."
log = structlog.get_logger("door")


@router.websocket("/tabs/{lease_id}/stream", dependencies=[permits(Permission.TAB_OPEN), Depends(seat)])
async def stream(socket: WebSocket, lease_id: str) -> None:
    """Ticket first, then bytes both ways until either side ends it or the holder may no longer be there."""
    at = here(socket)
    if socket.query_params:
        await _note_refusal(at, lease_id, "something in the address")
        await socket.close(REFUSED)
        return
    await socket.accept()
    try:
        await _join(at, socket, lease_id)
    except (BrokerError, ValueError, TimeoutError) as no:
        words = no.message if isinstance(no, BrokerError) else "No ticket came. Reload the page."
        await _note_refusal(at, lease_id, words)
        await end(
            socket,
            words,
            REFUSED,
            again=isinstance(no, TimeoutError) or (isinstance(no, Refused) and no.code == "ticket"),
        )
        return
    except WebSocketDisconnect:
        return
    try:
        async with at.portunus.host.stream(lease_id) as pipe:
            await _both_ways(at, socket, pipe, lease_id)
    except BrokerError as away:
        await end(socket, away.message, AWAY, again=True)
    finally:
        await asyncio.shield(in_unit(at, lambda work: tabs.left(work, lease_id)))


async def _join(at: Here, socket: WebSocket, lease_id: str) -> None:
    token = await first_ticket(socket)
    await in_unit(at, lambda work: tabs.join(work, token, lease_id))


async def _both_ways(at: Here, socket: WebSocket, pipe: StreamPipe, lease_id: str) -> None:
    ways = {
        asyncio.ensure_future(_out(socket, pipe)): "host",
        asyncio.ensure_future(hand_on(at, socket, pipe, by_hand=_by_hand)): "viewer",
        asyncio.ensure_future(_watch(at, lease_id)): "revoked",
    }
    done, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    who = {ways[task] for task in done}
    for task in done:
        failure = task.exception()
        if isinstance(failure, ValueError):
            await end(socket, "This page sent something Portunus does not understand. Reload it.", REFUSED)
        elif failure is not None and not isinstance(failure, WebSocketDisconnect | RuntimeError | OSError | EOFError):
            log.error("a stream failed", kind=type(failure).__name__)
    if "revoked" in who:
        await end(socket, await asyncio.to_thread(_why, at, lease_id), REFUSED)
    await end(socket, "", 1000, again="host" in who)


async def _out(socket: WebSocket, pipe: StreamPipe) -> None:
    async for message in pipe:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_text(message)


def _by_hand(text: str) -> bool:
    """Whether a person did this; the viewer acknowledges pictures, and notices a lost focus, by itself."""
    try:
        said = json.loads(text)
    except ValueError:
        return False  # the host ends the stream for it
    return isinstance(said, dict) and said.get("t") not in (None, "ack", "blur")


async def _watch(at: Here, lease_id: str) -> None:
    """Returns when the lease, the sign-in or the right is gone; asked every second, and at once when signalled."""
    async with at.portunus.signals.listen("revoked", f"lease:{lease_id}") as ear:
        while await asyncio.to_thread(_holds, at, lease_id):
            await ear.wait(LOOK_AGAIN_S)


def _why(at: Here, lease_id: str) -> str:
    """Who has it now, or why it is over, as far as that is known."""
    with at.reading() as work:
        lease = work.db.get(Lease, lease_id)
        return tabs.opening(work, lease)[1] if lease is not None and lease.ended_at is not None else OVER


def _holds(at: Here, lease_id: str) -> bool:
    with at.reading() as work:
        return tabs.holds(work, lease_id)


async def _note_refusal(at: Here, lease_id: str, why: str) -> None:
    await in_unit(at, lambda work: tabs.refused_stream(work, lease_id, why))
