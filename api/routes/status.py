"""How Portunus stands, for administrators: what runs, what is ill, what to do about it. `portunus status` is its twin."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from starlette.responses import Response

from api.access import HereNow, permits
from api.pages import page
from api.standing import standing
from broker.identity.policy import Permission

router = APIRouter()
SICK = ("down", "gone", "unlinked")
"""Health of a mailbox or phone that needs a person."""
LOOKERS = [permits(Permission.STATUS_VIEW)]


@router.get("/status", dependencies=LOOKERS)
def status(request: Request, here: HereNow) -> Response:
    """The page; reload it to look again."""
    told = standing(here.portunus, here.actor)
    ill = [part for part in told["parts"] if part["state"] in ("silent", "down", "alarm")]
    sick = [one for one in told["endpoints"] if one["health"] in SICK]
    manages = Permission.ACCOUNT_MANAGE in here.held
    return page(request, "status.html", told=told, ill=ill, sick=sick, manages=manages)


@router.get("/api/v1/status", dependencies=[permits(Permission.STATUS_VIEW, watching=True)])
def data(here: HereNow) -> dict[str, Any]:
    """The same as data."""
    told: dict[str, Any] = jsonable_encoder(standing(here.portunus, here.actor))
    return told
