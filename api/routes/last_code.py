"""Who received the last code for this portal at this location: one answer, with its proof to take away."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.audit import service as audit
from broker.base.errors import NotFound
from broker.directory.models import Location, Portal
from broker.identity.policy import NOTHING_THERE, Permission, reach
from broker.tabs import service as tabs
from broker.tabs.service import LastCode

router = APIRouter()
ASKERS = [permits(Permission.LAST_CODE)]


@router.get("/last-code", dependencies=ASKERS)
def ask(request: Request, here: HereNow, portal: str = "", location: str = "") -> Response:
    """The question, and the answer when both are chosen."""
    answer, error = None, ""
    if portal and location:
        try:
            answer = _answer(here, portal, location)
        except NotFound as nothing:
            error = nothing.message
    with here.reading() as work:
        where = reach(work, Permission.LAST_CODE)
        portals = [(row.key, row.name) for row in work.db.scalars(select(Portal).order_by(Portal.name))]
        places = [
            (row.key, row.name)
            for row in work.db.scalars(select(Location).order_by(Location.name))
            if where.covers(location_id=row.id)
        ]
    return page(
        request,
        "last_code.html",
        portals=portals,
        locations=places,
        portal=portal,
        location=location,
        answer=answer,
        error=error,
    )


@router.get("/last-code/proof", dependencies=ASKERS)
def proof(here: HereNow, portal: str, location: str) -> Response:
    """The entry with its inclusion proof; `python broker/audit/verify.py FILE` checks it anywhere."""
    answer = _answer(here, portal, location)
    with here.unit() as work:
        lines = list(audit.proof_bundle(answer.proof, audit.log_key(work, here.portunus.keyring)))
    headers = {"Content-Disposition": f'attachment; filename="last-code-{answer.proof.index}.jsonl"'}
    return Response("".join(f"{line}\n" for line in lines), media_type="application/jsonl", headers=headers)


@router.get("/api/v1/last-code", dependencies=ASKERS)
def data(here: HereNow, portal: str, location: str) -> dict[str, Any]:
    """The answer as data."""
    return asdict(_answer(here, portal, location))


def _answer(here: Here, portal: str, location: str) -> LastCode:
    """Raises `NotFound` in the same words for what does not exist and for what is not at the asker's places."""
    with here.unit() as work:
        try:
            return tabs.last_code(work, audit.log_key(work, here.portunus.keyring), portal, location)
        except NotFound:
            raise NotFound(NOTHING_THERE) from None
