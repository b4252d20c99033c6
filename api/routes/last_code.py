"""Who received the last code for this portal at this location: one answer, with its proof to take away."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.audit import service as audit
from broker.audit.service import LogKey
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
    answer, error, verifier = None, "", ""
    if portal and location:
        try:
            key, request_id = _asked(here, portal, location)
            answer, verifier = _answer(here, key, request_id), key.verifier
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
        verifier=verifier,
        error=error,
    )


@router.get("/last-code/proof", dependencies=ASKERS)
def proof(here: HereNow, portal: str, location: str) -> Response:
    """The code's whole way as a proof file; `python broker/audit/verify.py FILE --key KEY` checks it anywhere."""
    key, request_id = _asked(here, portal, location)
    with here.reading() as work:
        lines = list(tabs.prove_code(work, key, request_id))
    headers = {"Content-Disposition": f'attachment; filename="last-code-{request_id}.jsonl"'}
    return Response("".join(f"{line}\n" for line in lines), media_type="application/jsonl", headers=headers)


@router.get("/api/v1/last-code", dependencies=ASKERS)
def data(here: HereNow, portal: str, location: str) -> dict[str, Any]:
    """The answer as data."""
    return asdict(_answer(here, *_asked(here, portal, location)))


def _asked(here: Here, portal: str, location: str) -> tuple[LogKey, str]:
    """A short writing unit; what takes time is read without one.

    Raises `NotFound` in the same words for what does not exist and for what is not at the asker's places.
    """
    with here.unit() as work:
        key = audit.log_key(work, here.portunus.keyring)
        try:
            return key, tabs.ask_last_code(work, key, portal, location)
        except NotFound:
            raise NotFound(NOTHING_THERE) from None


def _answer(here: Here, key: LogKey, request_id: str) -> LastCode:
    with here.reading() as work:
        return tabs.last_code(work, key, request_id)
