"""Batches as data and as files: in, progress, pause, out. Webhooks of a program's own."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, permits
from api.idempotency import of_patients, once
from api.shapes import Batch, BatchList, CreatedWebhook, WebhookList, answers, streams
from broker.base.errors import Incomplete, NotFound
from broker.base.unit import Unit
from broker.identity.policy import Permission
from broker.lookups import batches, exports, hooks, sheets
from broker.lookups.models import LookupBatch

router = APIRouter()
ASKERS = [permits(Permission.LOOKUP_RUN, keys=True)]
WATCHERS = [permits(Permission.LOOKUP_RUN, keys=True, watching=True)]
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/x-ndjson",
}
ACTS = {"pause": batches.pause, "resume": batches.resume, "cancel": batches.cancel, "again": batches.again}


class NewBatch(BaseModel):
    """Many questions at once. A row that cannot be asked is named among the problems; none is dropped."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(max_length=120)
    rows: list[dict[str, Any]] = Field(min_length=1, max_length=sheets.MOST_ROWS)
    not_before: datetime | None = None
    max_age_s: int | None = Field(default=None, ge=0)
    """An answer this much older than the batch's start will do."""


class NewWebhook(BaseModel):
    """Where to be told."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=500)


@router.post(
    "/api/v1/lookup-batches", dependencies=ASKERS, **answers(Batch, 202, "kept: where to look is in `Location`")
)
def create(
    here: HereNow,
    asked: NewBatch,
    response: Response,
    idempotency_key: Annotated[str | None, Header(max_length=100)] = None,
) -> dict[str, Any]:
    """202 with where to look."""
    if asked.not_before is not None and asked.not_before.tzinfo is None:
        raise Incomplete("not_before needs a time zone.")
    names = sorted({name for row in asked.rows for name in row})
    if len(names) > sheets.MOST_COLUMNS:
        raise Incomplete(f"The rows have more than {sheets.MOST_COLUMNS} different fields. Leave some out.")
    rows = [([str(row.get(name, "")) for name in names], _question(row)) for row in asked.rows]
    with here.unit() as work:

        def created() -> str:
            return batches.create(
                work, here.portunus.vault, here.portunus.blobs,
                name=asked.name, headings=names, rows=rows, not_before=asked.not_before, max_age_s=asked.max_age_s,
            ).id  # fmt: skip

        body = of_patients(work, here.portunus.vault, asked.model_dump_json()) if idempotency_key else ""
        batch_id = once(work, "lookup_batch", idempotency_key, body, created)
        shown = as_data(here, work, batches.own(work, batch_id))
    response.headers["Location"] = f"/api/v1/lookup-batches/{batch_id}"
    return shown


def _question(row: dict[str, Any]) -> dict[str, Any]:
    """The row, unless it would pass for one that our reader of files found wrong."""
    return {"problem": "problem: there is no such field."} if "problem" in row else row


@router.get("/api/v1/lookup-batches", dependencies=WATCHERS, **answers(BatchList))
def listing(
    here: HereNow,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Newest first; `next_cursor` leads on."""
    with here.reading() as work:
        rows = batches.listed(work, cursor=cursor, limit=limit)
        return {
            "data": [as_data(here, work, row) for row in rows],
            "next_cursor": rows[-1].id if len(rows) == limit else None,
        }


@router.get("/api/v1/lookup-batches/{batch_id}", dependencies=WATCHERS, **answers(Batch))
def get(here: HereNow, batch_id: str) -> dict[str, Any]:
    """Its counts and the rows that could not be asked."""
    with here.reading() as work:
        return as_data(here, work, batches.own(work, batch_id))


@router.post("/api/v1/lookup-batches/{batch_id}/{act}", dependencies=ASKERS, **answers(Batch))
def change(here: HereNow, batch_id: str, act: str) -> dict[str, Any]:
    """`pause`, `resume`, `cancel`, or `again`: what its rows waited for is put right."""
    if act not in ACTS:
        raise NotFound("There is no such act.")
    with here.unit() as work:
        return as_data(here, work, ACTS[act](work, batch_id))


@router.get(
    "/api/v1/lookup-batches/{batch_id}/export.{form}", dependencies=ASKERS, **streams(*TYPES.values(), words="the file")
)
def export(here: HereNow, batch_id: str, form: str) -> Response:
    """`csv`, `xlsx` or `json`: every row in its order. Cells that look like formulas go out as text."""
    return exported(here, batch_id, form)


def exported(here: Here, batch_id: str, form: str) -> Response:
    """The file, streamed; that the patients leave is on record first. Raises `NotFound`."""
    if form not in TYPES:
        raise NotFound("There is no such form.")
    with here.unit() as work:
        batch = exports.begin(work, batch_id, form)
    headers = {"content-disposition": f'attachment; filename="{batch.id}.{form}"', "x-content-type-options": "nosniff"}
    vault = here.portunus.vault
    if form == "xlsx":
        return Response(
            sheets.as_xlsx(exports.table(here.reading, vault, batch.id)), media_type=TYPES[form], headers=headers
        )
    if form == "csv":
        rows: Iterator[bytes] = sheets.as_csv(exports.table(here.reading, vault, batch.id))
    else:
        rows = (json.dumps(one).encode() + b"\n" for one in exports.documents(here.reading, vault, batch.id))
    return StreamingResponse(rows, media_type=TYPES[form], headers=headers)


def as_data(here: Here, work: Unit, batch: LookupBatch) -> dict[str, Any]:
    """A batch as JSON."""
    found = batches.counts(work, batch)
    state = "cancelled" if batch.cancelled_at else "paused" if batch.paused_at else "done" if found.ended else "running"
    return {
        "id": batch.id,
        "name": batches.description(work, here.portunus.vault, batch).name,
        "state": state,
        "created_at": batch.created_at.isoformat(),
        "not_before": batch.not_before.isoformat() if batch.not_before else None,
        "requested_by": batch.requester_name,
        "rows": found.rows,
        "counts": {
            "read": found.read,
            "problems": found.problems,
            "duplicates": found.duplicates,
            **found.states,
            "queued": found.rows - found.read + found.states.get("queued", 0),
        },
        "problems": [{"row": number, "words": words} for number, words in batches.problems(work, batch)],
    }


# --- webhooks


@router.post("/api/v1/webhooks", dependencies=ASKERS, **answers(CreatedWebhook, 201))
def subscribe(here: HereNow, asked: NewWebhook) -> dict[str, Any]:
    """A new subscriber; `secret` is shown this once. Messages are signed as standardwebhooks.com says."""
    with here.unit() as work:
        row, secret = hooks.subscribe(work, here.portunus.vault, asked.url)
        return {"id": row.id, "url": row.url, "secret": secret}


@router.get("/api/v1/webhooks", dependencies=ASKERS, **answers(WebhookList))
def subscribers(here: HereNow) -> dict[str, Any]:
    """Who is told."""
    with here.reading() as work:
        rows = hooks.of_organization(work)
        return {"data": [{"id": row.id, "url": row.url, "created_at": row.created_at.isoformat()} for row in rows]}


@router.delete("/api/v1/webhooks/{webhook_id}", status_code=204, dependencies=ASKERS)
def unsubscribe(here: HereNow, webhook_id: str) -> Response:
    """Nothing more is sent there."""
    with here.unit() as work:
        hooks.unsubscribe(work, here.portunus.vault, webhook_id)
    return Response(status_code=204)
