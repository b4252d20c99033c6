"""Colleagues' open tabs: look on, take over, end; and handing one's own tab to a colleague."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, WebSocket, WebSocketDisconnect
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, here, permits, signed_in
from api.door import AWAY, REFUSED, end, first_ticket, in_unit, seat, text_of
from api.pages import page
from broker.base.errors import BrokerError, Refused
from broker.identity.policy import Permission
from broker.ports.browserhost import StreamPipe
from broker.tabs import service as tabs

router = APIRouter()
OVERSEERS = [signed_in("colleagues' tabs: watching, taking over or ending them, each by its own right")]
LOOK_AGAIN_S = 1.0
OVER = "This tab has ended or has another holder now, or your sign-in has ended. Go back to Open tabs."
Reason = Annotated[str, Form(max_length=300)]
ANY_OF = frozenset({Permission.TAB_WATCH, Permission.TAB_TAKE_OVER, Permission.TAB_END_ANY})


@router.get("/open-tabs", dependencies=OVERSEERS)
def listing(request: Request, here: HereNow) -> Response:
    """Tabs that other people have open at one's places."""
    if not here.held & ANY_OF:
        raise Refused("Your roles do not let you look after other people's tabs.")
    with here.reading() as work:
        rows = tabs.open_tabs(work)
    return page(request, "open_tabs.html", rows=rows)


@router.post("/open-tabs/{lease_id}/watch", dependencies=[permits(Permission.TAB_WATCH)])
def watch(request: Request, here: HereNow, lease_id: str, reason: Reason = "") -> Response:
    """The page to look on from; the ticket in it opens the socket once within 15 s."""
    with here.unit() as work:
        row = tabs.may_watch(work, lease_id)
        session = row.portal_session
        shown: dict[str, Any] = {
            "lease_id": row.id,
            "holder": row.holder_name,
            "what": f"{session.account.portal.name} · {session.location.name}",
            "reason": reason.strip(),
        }
        token = tabs.watch_ticket(work, lease_id, reason)
    may_take = Permission.TAB_TAKE_OVER in here.held
    return page(request, "watch.html", ticket=token, may_take_over=may_take, **shown)


@router.post("/open-tabs/{lease_id}/take-over", dependencies=[permits(Permission.TAB_TAKE_OVER)])
def take_over(here: HereNow, lease_id: str, reason: Reason = "") -> Response:
    """Go on in a colleague's tab as it stands."""
    with here.unit() as work:
        lease = tabs.take_over(work, lease_id, reason)
    return RedirectResponse(f"/tabs/{lease.id}", 303)


@router.post("/open-tabs/{lease_id}/end", dependencies=[permits(Permission.TAB_END_ANY)])
def stop(here: HereNow, lease_id: str) -> Response:
    """End a colleague's tab; the portal stays signed in."""
    with here.unit() as work:
        tabs.stop_tab(work, lease_id)
    return RedirectResponse("/open-tabs", 303)


@router.get("/api/v1/tabs/{lease_id}/colleagues", dependencies=[permits(Permission.TAB_HAND_OVER)])
def colleagues(here: HereNow, lease_id: str) -> dict[str, Any]:
    """To whom the holder can hand this tab."""
    with here.reading() as work:
        return {"data": [{"id": one, "name": name} for one, name in tabs.colleagues(work, lease_id)]}


@router.post("/tabs/{lease_id}/hand-over", dependencies=[permits(Permission.TAB_HAND_OVER)])
def hand_over(here: HereNow, lease_id: str, to: Annotated[str, Form()] = "", note: Reason = "") -> Response:
    """Give one's own tab, as it stands, to a colleague."""
    with here.unit() as work:
        tabs.hand_over(work, lease_id, to, note)
    return RedirectResponse("/", 303)


@router.websocket("/tabs/{lease_id}/watch", dependencies=[permits(Permission.TAB_WATCH), Depends(seat)])
async def stream(socket: WebSocket, lease_id: str) -> None:
    """Ticket first, then what the holder is shown; whoever looks on and says anything more is cut off."""
    at = here(socket)
    if socket.query_params:
        await socket.close(REFUSED)
        return
    await socket.accept()
    try:
        token = await first_ticket(socket)
        await in_unit(at, lambda work: tabs.join_watch(work, token, lease_id))
    except (BrokerError, ValueError, TimeoutError) as no:
        words = no.message if isinstance(no, BrokerError) else "No ticket came. Go back to Open tabs."
        await in_unit(at, lambda work: tabs.refused_stream(work, lease_id, words))
        await end(socket, words, REFUSED)
        return
    except WebSocketDisconnect:
        return
    try:
        async with at.portunus.host.watch(lease_id, at.actor.name) as pipe:
            await _show(at, socket, pipe, lease_id)
    except BrokerError as away:
        await end(socket, away.message, AWAY)
    finally:
        await asyncio.shield(in_unit(at, lambda work: tabs.watch_left(work, lease_id)))


async def _show(at: Here, socket: WebSocket, pipe: StreamPipe, lease_id: str) -> None:
    ways = [asyncio.ensure_future(one) for one in (_out(socket, pipe), _silence(socket), _while_allowed(at, lease_id))]
    done, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    await end(socket, OVER, REFUSED if ways[0] not in done else 1000)


async def _out(socket: WebSocket, pipe: StreamPipe) -> None:
    async for message in pipe:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_text(message)


async def _silence(socket: WebSocket) -> None:
    """Returns at the first word: a person who looks on has none, and nothing of it reaches the host."""
    await text_of(socket)


async def _while_allowed(at: Here, lease_id: str) -> None:
    def allowed() -> bool:
        with at.reading() as work:
            return tabs.watches(work, lease_id)

    async with at.portunus.signals.listen("revoked", f"lease:{lease_id}") as ear:
        while await asyncio.to_thread(allowed):
            await ear.wait(LOOK_AGAIN_S)
