"""How lookups and batches go on, as server-sent events that a browser's EventSource can follow and take up again."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, bearer, permits
from api.routes.lookup_batches import as_data as batch_data
from api.routes.lookups import as_data
from api.shapes import streams
from broker.base.errors import BrokerError, Incomplete
from broker.base.unit import Unit
from broker.identity import keys
from broker.identity import service as identity
from broker.identity.policy import Permission
from broker.lookups import batches
from broker.lookups import service as lookups

router = APIRouter()
WATCHERS = [permits(Permission.LOOKUP_RUN, keys=True, watching=True)]
EVENTS = streams("text/event-stream", words="messages; `data` is the same JSON as a GET answers")
TICK_S = 2.0
GAP_S = 0.5
"""Between two messages: a batch changes many times a second."""
BEAT_S = 15.0
"""After so long without a change a comment goes out, so that nobody in between closes the connection."""
LONGEST_S = 600.0
"""Then the stream ends; whoever goes on with `Last-Event-ID` hears only what is new."""
RETRY_MS = 2000
Last = Annotated[str | None, Header(alias="last-event-id", max_length=40)]
Look = Callable[[], tuple[dict[str, Any], bool]]
"""What is told, and whether it is the last word. Raises `NotFound`, `Refused`: also when the right has gone meanwhile."""


@router.get("/api/v1/lookups/{lookup_id}/events", dependencies=WATCHERS, **EVENTS)
async def of_lookup(request: Request, here: HereNow, lookup_id: str, last_event_id: Last = None) -> Response:
    """The lookup without its patient, now and whenever it changes, until it has ended; 204 when all is told."""

    def look() -> tuple[dict[str, Any], bool]:
        with here.reading() as work:
            _still_here(request, here, work)
            told = as_data(work, lookups.own(work, lookup_id))
            return told, told["ended_at"] is not None

    return await _answer(request, here, f"lookup:{lookup_id}", look, last_event_id)


@router.get("/api/v1/lookup-batches/{batch_id}/events", dependencies=WATCHERS, **EVENTS)
async def of_batch(request: Request, here: HereNow, batch_id: str, last_event_id: Last = None) -> Response:
    """The batch with its counts, now and whenever they change, until every row is through; 204 when all is told."""

    def look() -> tuple[dict[str, Any], bool]:
        with here.reading() as work:
            _still_here(request, here, work)
            told = batch_data(here, work, batches.own(work, batch_id))
            going = told["counts"]["queued"] + told["counts"].get("running", 0)
            return told, not going and told["state"] in ("done", "cancelled")

    return await _answer(request, here, f"batch:{batch_id}", look, last_event_id)


def _still_here(request: Request, here: Here, work: Unit) -> None:
    """A sign-in that ended or a key that was revoked ends its streams too."""
    key = bearer(request)
    if key is not None:
        stands = keys.actor_of_key(work, key, here.actor.address) is not None
    else:
        stands = identity.still_counts(work, here.actor.login_id or "")
    if not stands:
        raise Incomplete("Sign in again.")


async def _answer(request: Request, here: Here, topic: str, look: Look, last: str | None) -> Response:
    told, ended = await run_in_threadpool(look)
    if ended and last == _number(json.dumps(told)):
        return Response(status_code=204)  # the one answer after which an EventSource does not come again
    return StreamingResponse(_messages(request, here, topic, look, last), media_type="text/event-stream")


async def _messages(request: Request, here: Here, topic: str, look: Look, last: str | None) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST_S
    said = loop.time()
    yield f"retry: {RETRY_MS}\n\n"
    async with here.portunus.signals.listen(topic, "revoked") as ear:
        while loop.time() < end and not await request.is_disconnected():
            try:
                now, ended = await run_in_threadpool(look)
            except BrokerError:
                return
            told = json.dumps(now)
            if (number := _number(told)) != last:
                yield f"id: {number}\ndata: {told}\n\n"
                last, said = number, loop.time()
            elif loop.time() - said > BEAT_S:
                yield ": nothing new\n\n"
                said = loop.time()
            if ended:
                return
            await asyncio.sleep(GAP_S)
            await ear.wait(TICK_S)


def _number(told: str) -> str:
    """The message's id: the same for the same state, in every process."""
    return hashlib.sha256(told.encode()).hexdigest()[:16]
