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
    "stopped": "Stopped",
    "failed": "Did not work",
    "attended": "By hand",
    "off": "Off",
}


@router.get("/", dependencies=[permits(Permission.TAB_OPEN)])
def launcher(request: Request, here: HereNow) -> Response:
    """The page, complete without any script."""
    shown = _tiles(here)
    with here.reading() as work:
        down = scripts.downtimes(work, {tile["portal_key"] for tile in shown})
    mine = [tile for tile in shown if tile["lease_id"]]
    return page(request, "launcher.html", tiles=shown, mine=mine, purposes=PURPOSES, down=down)


@router.get("/api/v1/tiles", dependencies=[permits(Permission.TAB_OPEN)])
def tiles(here: HereNow) -> dict[str, Any]:
    """The tiles as data."""
    return {"data": _tiles(here)}


@router.get("/tiles/events", dependencies=[permits(Permission.TAB_OPEN, watching=True)])
async def events(request: Request, here: HereNow) -> StreamingResponse:
    """The tiles whenever one of them changes, until the sign-in ends or nothing may be opened any more."""
    return StreamingResponse(_changes(request, here), media_type="text/event-stream")


async def _changes(request: Request, here: Here) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    end, last = loop.time() + LONGEST_S, ""
    async with here.portunus.signals.listen("tiles", "revoked") as ear:
        while loop.time() < end and not await request.is_disconnected() and await run_in_threadpool(_stands, here):
            now = json.dumps(await run_in_threadpool(_tiles, here))
            if now != last:
                yield f"data: {now}\n\n"
                last = now
            await ear.wait(TICK_S)


def _stands(here: Here) -> bool:
    """Whether the person is still signed in and may still open something."""
    with here.reading() as work:
        return identity.still_counts(work, here.actor.login_id or "") and may(work, Permission.TAB_OPEN, anywhere=True)


def _tiles(here: Here) -> list[dict[str, Any]]:
    with here.reading() as work:
        return [
            {
                **asdict(tile),
                "deadline": tile.deadline.isoformat() if tile.deadline else None,
                "state_words": STATE_WORDS[tile.state],
            }
            for tile in tabs.tiles(work)
        ]
