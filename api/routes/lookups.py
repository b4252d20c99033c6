"""Lookups as data: ask, look, list, cancel, listen; the results' JSON Schema. Pages are in `lookup_pages`."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from io import BytesIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.openapi.utils import get_openapi
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, permits, signed_in
from api.idempotency import once
from broker.base.errors import BrokerError, Conflict, Incomplete
from broker.base.unit import Unit
from broker.identity import service as identity
from broker.identity.policy import Permission
from broker.lookups import fhir, payments, schema, showing
from broker.lookups import service as lookups
from broker.lookups.ask import LONGEST_AGE_S
from broker.lookups.failures import FAILURES
from broker.lookups.models import Lookup

router = APIRouter()
ASKERS = [permits(Permission.LOOKUP_RUN, keys=True)]
WATCHERS = [permits(Permission.LOOKUP_RUN, keys=True, watching=True)]
TICK_S = 2.0
LONGEST_S = 600.0
SCHEMAS: dict[str, type[BaseModel]] = {
    "eligibility": schema.EligibilityResult,
    "claim_status": schema.ClaimStatusResult,
}
MARGIN = 60
"""Pixels around a value that are shown with it."""


class Soon(BaseModel):
    """How soon an answer is wanted, and how old it may be."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    priority: Literal["interactive", "normal", "batch"] = "normal"
    deadline: datetime | None = None
    max_age_s: int | None = Field(default=None, ge=0, le=LONGEST_AGE_S, description="a result this recent will do")


class NewLookup(Soon, lookups.Ask):
    """What to ask, and how soon: the body of a POST to /api/v1/lookups."""


class ErrorKind(BaseModel):
    """One line of the closed list of failures."""

    model_config = ConfigDict(from_attributes=True)

    retry: str
    words: str
    human_action: str
    x12_aaa: str | None


@router.post("/api/v1/lookups", status_code=202, dependencies=ASKERS)
def submit(
    here: HereNow,
    told: dict[str, Any],
    response: Response,
    idempotency_key: Annotated[str | None, Header(max_length=100)] = None,
) -> dict[str, Any]:
    """202 with where to look; the same Idempotency-Key asks once (24 h), with another body it answers 422."""
    asked, soon = _parsed(told)
    with here.unit() as work:

        def submitted() -> str:
            return lookups.submit(
                work,
                here.portunus.vault,
                asked,
                priority=lookups.PRIORITIES[soon.priority],
                deadline=soon.deadline,
                max_age_s=soon.max_age_s,
            ).id

        lookup_id = once(work, "lookup", idempotency_key, json.dumps(told, sort_keys=True), submitted)
        shown = as_data(work, lookups.own(work, lookup_id))
    response.headers["Location"] = f"/api/v1/lookups/{lookup_id}"
    return shown


def _parsed(told: dict[str, Any]) -> tuple[lookups.Ask, Soon]:
    soon = {name: value for name, value in told.items() if name in Soon.model_fields}
    try:
        when = Soon.model_validate(soon)
    except ValueError as wrong:
        raise Incomplete("priority, deadline (ISO 8601 with zone) or max_age_s cannot be read.") from wrong
    if when.deadline is not None and when.deadline.tzinfo is None:
        raise Incomplete("The deadline needs a time zone, such as 2026-11-21T17:00:00-07:00.")
    return lookups.parsed({name: value for name, value in told.items() if name not in soon}), when


@router.get("/api/v1/lookups", dependencies=WATCHERS)
def listing(
    here: HereNow,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = showing.PAGE,
    state: Annotated[str | None, Query(max_length=20)] = None,
    batch_id: Annotated[str | None, Query(max_length=60)] = None,
) -> dict[str, Any]:
    """Newest first; `next_cursor` leads on. Without patients: those come one lookup at a time, each on record."""
    with here.reading() as work:
        rows = lookups.listed(work, cursor=cursor, limit=limit, state=state, batch_id=batch_id)
        return {
            "data": [as_data(work, row) for row in rows],
            "next_cursor": rows[-1].id if len(rows) == limit else None,
        }


@router.get("/api/v1/lookups/{lookup_id}", dependencies=ASKERS)
def get(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """How it stands; with `question` and, once it is done, `result`."""
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "api")
        result = lookups.result_of(work, here.portunus.vault, row)
        question = showing.question_of(work, here.portunus.vault, row)
        return as_data(work, row) | {"question": question, "result": result}


@router.get("/api/v1/lookups/{lookup_id}/state", dependencies=WATCHERS)
def state_of(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """How it stands, without any patient: for those who poll."""
    with here.reading() as work:
        return as_data(work, lookups.own(work, lookup_id))


@router.post("/api/v1/lookups/{lookup_id}/cancel", dependencies=ASKERS)
def cancel(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """Take it out of the queue; 409 when the portal has been asked."""
    with here.unit() as work:
        return as_data(work, lookups.cancel(work, lookup_id))


@router.post("/api/v1/lookups/{lookup_id}/retry", dependencies=ASKERS)
def retry(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """What a person had to put right is put right."""
    with here.unit() as work:
        return as_data(work, lookups.again(work, lookup_id))


@router.get("/api/v1/lookups/{lookup_id}/previous", dependencies=ASKERS)
def previous(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """The last answer to the same question before this one."""
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "previous")
        return {"result": lookups.previous(work, here.portunus.vault, row)}


@router.get("/api/v1/lookups/{lookup_id}/events", dependencies=WATCHERS)
async def events(request: Request, here: HereNow, lookup_id: str) -> StreamingResponse:
    """Server-sent events: the state whenever it changes, until it has ended."""
    await run_in_threadpool(_look, here, lookup_id)
    return StreamingResponse(_changes(request, here, lookup_id), media_type="text/event-stream")


async def _changes(request: Request, here: Here, lookup_id: str) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    end, last = loop.time() + LONGEST_S, ""
    async with here.portunus.signals.listen(f"lookup:{lookup_id}", "revoked") as ear:
        while loop.time() < end and not await request.is_disconnected():
            try:
                now = await run_in_threadpool(_look, here, lookup_id)
            except BrokerError:
                return
            told = json.dumps(now)
            if told != last:
                yield f"event: {now['state']}\ndata: {told}\n\n"
                last = told
            if now["ended_at"] is not None or now["state"] == "needs_human":
                return
            await ear.wait(TICK_S)


def _look(here: Here, lookup_id: str) -> dict[str, Any]:
    """Raises `NotFound`, `Refused`: also when the right has gone meanwhile."""
    with here.reading() as work:
        if here.login is not None and not identity.still_counts(work, here.actor.login_id or ""):
            raise Incomplete("Sign in again.")
        return as_data(work, lookups.own(work, lookup_id))


@router.get("/api/v1/lookups/{lookup_id}/artifacts/{artifact_id}", dependencies=ASKERS)
def artifact(here: HereNow, lookup_id: str, artifact_id: str, box: str | None = None) -> Response:
    """A kept picture or PDF. `box` (x,y,width,height): only that part; the rest is masked."""
    with here.unit() as work:
        kept, data = lookups.artifact(work, here.portunus.vault, here.portunus.blobs, lookup_id, artifact_id)
        kind = kept.kind
    if kind != "screenshot":
        name = "explanation.pdf" if kind == "pdf" else "file"
        headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
        return Response(
            data, media_type="application/pdf" if kind == "pdf" else "application/octet-stream", headers=headers
        )
    return Response(_masked(data, box) if box else data, media_type="image/png")


@router.get("/api/v1/lookups/{lookup_id}/payments", dependencies=ASKERS)
def payments_of(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """What the 835 files say that were fetched with this lookup, linked to its claims."""
    with here.unit() as work:
        return {"data": payments.of_lookup(work, here.portunus.vault, here.portunus.blobs, lookup_id)}


def _masked(png: bytes, box: str) -> bytes:
    """The value in its row and a little above and below it, all but the row grey."""
    try:
        x, y, w, h = (float(part) for part in box.split(","))
    except ValueError as wrong:
        raise Incomplete("box is x,y,width,height.") from wrong
    with Image.open(BytesIO(png)) as whole:
        wide, high = whole.size
        left, right = 0, wide
        top, bottom = max(0, int(y) - MARGIN), min(high, int(y + h) + MARGIN)
        if bottom <= top or x >= wide:
            raise Incomplete("That part is not on the picture.")
        region = whole.convert("RGB").crop((left, top, right, bottom))
        value = region.crop((int(x) - left, int(y) - top, int(x + w) - left + 1, int(y + h) - top + 1))
        shade = Image.blend(region, Image.new("RGB", region.size, (226, 228, 232)), 0.82)
        row = (0, max(0, int(y) - top - 2), region.size[0], min(region.size[1], int(y + h) - top + 3))
        shade.paste(region.crop(row), row[:2])
        shade.paste(value, (int(x) - left, int(y) - top))
        out = BytesIO()
        shade.save(out, "PNG")
        return out.getvalue()


@router.get("/api/v1/lookups/{lookup_id}/fhir", dependencies=ASKERS)
def as_fhir(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """The result as a FHIR R4B Bundle: CoverageEligibilityResponse, or a ClaimResponse per claim. 409 when there is none yet."""
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "fhir")
        result = lookups.result_of(work, here.portunus.vault, row)
    if result is None:
        raise Conflict("This lookup has no result.")
    entries = [{"resource": one} for one in fhir.exported(result)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@router.get("/api/v1/openapi.json", dependencies=[signed_in("no secret: how to call this API", keys=True)])
def openapi(request: Request) -> dict[str, Any]:
    """OpenAPI of everything under /api/v1."""
    whole = get_openapi(title="Portunus", version="1", routes=request.app.routes)
    return whole | {"paths": {path: told for path, told in whole["paths"].items() if path.startswith("/api/v1/")}}


@router.get("/api/v1/schemas", dependencies=[signed_in("no secret: the shape of results", keys=True)])
def schemas() -> dict[str, Any]:
    """JSON Schema (2020-12) of a question and of each result, and the closed list of failures."""
    return {
        "lookup": NewLookup.model_json_schema(),
        **{name: model.model_json_schema(mode="serialization") for name, model in SCHEMAS.items()},
        "failures": {code: ErrorKind.model_validate(one).model_dump() for code, one in FAILURES.items()},
    }


def as_data(work: Unit, row: Lookup) -> dict[str, Any]:
    """One lookup without its patient, as JSON."""
    shown = asdict(lookups.shown(work, row))
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in shown.items()}
