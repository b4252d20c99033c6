"""Who is called to the code desk of each location, one after the other."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError, Incomplete, NotFound
from broker.codes import on_call
from broker.directory.models import Location
from broker.identity.policy import NOTHING_THERE, Permission

router = APIRouter()
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]
Texts = Annotated[list[str] | None, Form(max_length=20)]
SPARE = 2
"""Empty lines to fill in."""


@router.get("/on-call", dependencies=KEEPERS)
def orders(request: Request, here: HereNow) -> Response:
    """Each location's order, with a form to change it."""
    return _page(request, here)


@router.post("/on-call/{location_id}", dependencies=KEEPERS)
def set_order(request: Request, here: HereNow, location_id: str, person: Texts = None, after: Texts = None) -> Response:
    """The whole order of one location; lines without a person are left out."""
    try:
        turns = [(who, _seconds(when)) for who, when in zip(person or [], after or [], strict=False) if who]
        with here.unit() as work:
            location = work.db.get(Location, location_id)
            if location is None:
                raise NotFound(NOTHING_THERE)
            on_call.set_order(work, location, turns)
    except Incomplete as no:
        return _page(request, here, no)
    return RedirectResponse(f"/on-call#{location_id}", 303)


def _seconds(text: str) -> int:
    """Raises `Incomplete`."""
    told = text.strip() or "0"
    if not (told.isascii() and told.isdigit() and len(told) <= 5):
        raise Incomplete("Say after how many seconds somebody is called: 0 to 3600.")
    return int(told)


def _page(request: Request, here: Here, error: BrokerError | None = None) -> Response:
    with here.reading() as work:
        desks = on_call.desks(work)
    status, words = (error.status, error.message) if error else (200, "")
    return page(request, "on_call.html", status=status, desks=desks, most=on_call.MOST, spare=SPARE, error=words)
