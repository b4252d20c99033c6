"""How far the opening of a tab is, told as it happens: one socket while the tab's page waits.

A socket and not server-sent events, because a browser opens only six HTTP/1.1 connections to one address: twelve tabs
that wait at 8 am would leave none for the code desk.
"""

import asyncio
import contextlib

from fastapi import APIRouter, Depends, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from api.access import Here, here, permits
from api.door import seat
from api.routes.tabs import shown
from broker.base.errors import BrokerError
from broker.identity.policy import Permission
from broker.tabs import service as tabs

router = APIRouter()
LOOK_AGAIN_S = 1.0
SETTLED = ("ready", "ended")
REFUSED = 1008


@router.websocket(
    "/tabs/{lease_id}/progress", dependencies=[permits(Permission.TAB_OPEN, watching=True), Depends(seat)]
)
async def progress(socket: WebSocket, lease_id: str) -> None:
    """The same JSON as `GET /api/v1/tabs/{id}` whenever it changes; closed once the tab is ready or has ended."""
    at = here(socket)
    try:
        now, session_id, _ = await run_in_threadpool(_look, at, lease_id)
    except BrokerError:
        await socket.close(REFUSED)
        return
    await socket.accept()
    gone = asyncio.ensure_future(_gone(socket))
    try:
        async with at.portunus.signals.listen(f"session:{session_id}", f"lease:{lease_id}", "revoked") as ear:
            told = None
            while not gone.done():
                now, _, stands = await run_in_threadpool(_look, at, lease_id)
                if now != told:
                    await socket.send_json(now)
                    told = now
                if now["state"] in SETTLED or not stands:
                    await socket.close()
                    return
                await ear.wait(LOOK_AGAIN_S)
    except (BrokerError, WebSocketDisconnect, RuntimeError):
        with contextlib.suppress(RuntimeError):
            await socket.close(REFUSED)
    finally:
        gone.cancel()


def _look(at: Here, lease_id: str) -> tuple[dict[str, object], str, bool]:
    with at.reading() as work:
        lease = tabs.own_lease(work, lease_id)
        return shown(work, lease), lease.portal_session_id, tabs.holds(work, lease_id)


async def _gone(socket: WebSocket) -> None:
    """Until the page is left; what it says meanwhile means nothing."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
