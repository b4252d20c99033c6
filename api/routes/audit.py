"""The audit log: ask it by act, person, portal account, location and day; take it away whole."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, permits
from api.act_words import in_words
from api.days import day
from api.pages import page
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.service import LogKey
from broker.base.errors import Incomplete
from broker.base.unit import Unit
from broker.directory.models import Location, PortalAccount
from broker.identity import logbook
from broker.identity.logbook import Asked
from broker.identity.policy import Permission, reach

router = APIRouter()
READERS = [permits(Permission.AUDIT_VIEW)]
PIECE = 500
PAGE = 100
Text = Annotated[str, Query(max_length=60)]
Index = Annotated[int | None, Query(ge=0, le=2**62)]


@router.get("/audit", dependencies=READERS)
def log(
    request: Request,
    here: HereNow,
    before: Index = None,
    act: Text = "",
    actor: Text = "",
    account: Text = "",
    location: Text = "",
    since: Text = "",
    until: Text = "",
) -> Response:
    """Newest first, 100 a page."""
    chosen = {"act": act, "actor": actor, "account": account, "location": location, "since": since, "until": until}
    error = ""
    try:
        asked = _asked(**chosen)
    except Incomplete as no:
        asked, error = Asked(), no.message
    with here.reading() as work:
        names = _names(work)
        rows = [_shown(row.leaf, names) for row in logbook.entries(work, asked, before=before, limit=PAGE)]
        actors = logbook.actors(work)
    return page(
        request,
        "audit.html",
        status=422 if error else 200,
        rows=rows,
        chosen=chosen,
        error=error,
        acts=sorted(((one.value, in_words(one.value)) for one in Act), key=lambda pair: pair[1]),
        actors=actors,
        accounts=sorted(names["account"].items(), key=lambda pair: pair[1]),
        locations=sorted(names["location"].items(), key=lambda pair: pair[1]),
        next_before=rows[-1]["index"] if len(rows) == PAGE else None,
    )


@router.get("/api/v1/audit", dependencies=READERS)
def data(
    here: HereNow,
    before: Index = None,
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    act: Text = "",
    actor: Text = "",
    account: Text = "",
    location: Text = "",
    since: Text = "",
    until: Text = "",
) -> dict[str, Any]:
    """The same as data: each entry exactly as it was hashed; `next_before` leads to the next page."""
    asked = _asked(act, actor, account, location, since, until)
    with here.reading() as work:
        rows = logbook.entries(work, asked, before=before, limit=limit)
        entries = [json.loads(row.leaf) for row in rows]
    return {"data": entries, "next_before": rows[-1].index if len(rows) == limit else None}


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


def _asked(act: str, actor: str, account: str, location: str, since: str, until: str) -> Asked:
    """Raises `Incomplete` for a day that is none."""
    first, last = day(since), day(until)
    return Asked(act, actor, account, location, first, last + timedelta(days=1) if last else None)


def _names(work: Unit) -> dict[str, dict[str, str]]:
    """What the ids in entries are called, as far as the reader may know."""
    where = reach(work, Permission.AUDIT_VIEW)
    places, logins = select(Location), select(PortalAccount)
    if not where.everywhere:
        places = places.where(Location.organization_id == where.organization_id)
        logins = logins.where(PortalAccount.organization_id == where.organization_id)
    return {
        "location": {row.id: row.name for row in work.db.scalars(places)},
        "account": {row.id: f"{row.portal.name} …{row.username[-3:]}" for row in work.db.scalars(logins)},
    }


def _shown(leaf: str, names: dict[str, dict[str, str]]) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(leaf)
    detail = ", ".join(f"{name} {value}" for name, value in entry["detail"].items() if value is not None)
    at_what = (names["account"].get(entry["account"] or ""), names["location"].get(entry["location"] or ""))
    return {
        **entry,
        "said": in_words(entry["act"]),
        "where": " · ".join(part for part in at_what if part),
        "words": " · ".join(part for part in (entry["reason"], detail) if part),
    }
