"""The audit log: read it page by page, take it away whole."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, permits
from api.pages import page
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.service import LogKey
from broker.identity.policy import Permission, reach

router = APIRouter()
PIECE = 500


@router.get("/audit", dependencies=[permits(Permission.AUDIT_VIEW)])
def log(request: Request, here: HereNow, before: int | None = None, act: str = "") -> Response:
    """Newest first, 100 a page."""
    with here.reading() as work:
        where = reach(work, Permission.AUDIT_VIEW)
        rows = audit.entries(
            work, before=before, act=act or None, location_ids=None if where.everywhere else sorted(where.location_ids)
        )
        shown = [_shown(row.leaf) for row in rows]
    return page(
        request,
        "audit.html",
        rows=shown,
        acts=[one.value for one in Act],
        act=act,
        next_before=rows[-1].index if len(rows) == 100 else None,
    )


@router.get("/audit/export", dependencies=[permits(Permission.AUDIT_EXPORT)])
def export(here: HereNow) -> StreamingResponse:
    """The whole log as JSON Lines for `verify.py`; the export itself is an entry in it."""
    with here.unit() as work:
        key = audit.log_key(work, here.portunus.keyring)
        audit.record(work, Act.LOG_EXPORTED, "audit_log", "all")
    with here.unit() as work:
        audit.sign_checkpoint(work, key)
    headers = {"Content-Disposition": 'attachment; filename="portunus-audit.jsonl"'}
    return StreamingResponse(_lines(here, key), media_type="application/jsonl", headers=headers)


def _lines(here: Here, key: LogKey) -> Iterator[str]:
    """A reading transaction for as long as the download takes; many lines at once, since each piece is a thread's turn."""
    with here.reading() as work:
        lines = audit.export(work, key)
        while piece := "".join(f"{line}\n" for line in islice(lines, PIECE)):
            yield piece


def _shown(leaf: str) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(leaf)
    detail = ", ".join(f"{name} {value}" for name, value in entry["detail"].items() if value is not None)
    return {**entry, "words": " · ".join(part for part in (entry["reason"], detail) if part)}
