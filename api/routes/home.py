"""The launcher: every portal the person may open, its state, and what to do next; live by server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, permits
from api.pages import page
from broker.identity import service as identity
from broker.identity.policy import Permission, may
from broker.scripts import service as scripts
from broker.tabs import service as tabs

router = APIRouter()
TICK_S = 2.0
LONGEST_S = 600.0
PURPOSES = ("Claim follow-up", "Eligibility", "Payment posting", "Pre-authorization", "Appeal", "Other")
STATE_WORDS = {
    "cold": "Not signed in",
    "signing_in": "Signing in",
    "needs_code": "Needs a code",
    "warm": "Ready",
    "parked": "Asleep",
    "yours": "Open",
    "in_use": "In use",
    "stopped": "Stopped",  # or what stopped it: locked, wrong password, …
    "failed": "Did not work",
    "down": "Down",
    "attended": "By hand",
    "off": "Off",
}


@router.get("/", dependencies=[permits(Permission.TAB_OPEN)])
def launcher(request: Request, here: HereNow) -> Response:
    """The page, complete without any script."""
    shown, down = _shown(here)
    mine = [tile for tile in shown if tile["lease_id"]]
    return page(request, "launcher.html", tiles=shown, mine=mine, purposes=PURPOSES, down=down)


@router.get("/api/v1/tiles", dependencies=[permits(Permission.TAB_OPEN)])
def tiles(here: HereNow) -> dict[str, Any]:
    """The tiles as data."""
    return {"data": _shown(here)[0]}


@router.get("/tiles/events", dependencies=[permits(Permission.TAB_OPEN, watching=True)])
async def events(request: Request, here: HereNow) -> StreamingResponse:
    """The tiles and the portals that are down, whenever something of them changes, until the sign-in ends or nothing may be opened any more."""
    return StreamingResponse(_changes(request, here), media_type="text/event-stream")


async def _changes(request: Request, here: Here) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    end, last = loop.time() + LONGEST_S, ""
    async with here.portunus.signals.listen("tiles", "revoked") as ear:
        while loop.time() < end and not await request.is_disconnected() and await run_in_threadpool(_stands, here):
            now_shown, down = await run_in_threadpool(_shown, here)
            now = json.dumps({"tiles": now_shown, "down": down})
            if now != last:
                yield f"data: {now}\n\n"
                last = now
            await ear.wait(TICK_S)


def _stands(here: Here) -> bool:
    """Whether the person is still signed in and may still open something."""
    with here.reading() as work:
        return identity.still_counts(work, here.actor.login_id or "") and may(work, Permission.TAB_OPEN, anywhere=True)


def _shown(here: Here) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The tiles, and for each portal among them that is down: since when, and what to do meanwhile."""
    with here.reading() as work:
        found = tabs.tiles(work)
        down = {tile.portal_key for tile in found if tile.down_since}
        outages = scripts.downtimes(work, down) if down else []
    return [_as_data(tile) for tile in found], [_outage(one) for one in outages]


def _as_data(tile: tabs.Tile) -> dict[str, Any]:
    return {
        **asdict(tile),
        "deadline": tile.deadline.isoformat() if tile.deadline else None,
        "down_since": tile.down_since.isoformat() if tile.down_since else None,
        "state_words": _state_words(tile),
    }


def _state_words(tile: tabs.Tile) -> str:
    """A login that a portal stopped says how: Locked, Wrong password, Password expired, …"""
    if tile.stopped_by:
        return tile.stopped_by.replace("_", " ").capitalize()
    return STATE_WORDS[tile.state]


def _outage(one: scripts.Downtime) -> dict[str, Any]:
    when = f"Since {one.since:%H:%M} UTC; last seen down at {one.seen_at:%H:%M} UTC. Meanwhile:"
    return {"portal_key": one.portal_key, "portal": one.portal, "when": when, "steps": one.steps}
