"""The code desk: who waits for a code that came to your phone or mailbox; one box, no patient data."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError
from broker.codes import service as codes
from broker.identity.policy import Permission
from broker.tabs import service as tabs
from broker.tabs.tiles import code_request

router = APIRouter()
GIVERS = [permits(Permission.CODE_GIVE)]
WATCHERS = [permits(Permission.CODE_GIVE, watching=True)]
Text = Annotated[str, Form(max_length=40)]


class GivenCode(BaseModel):
    """A code as it was read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: str = Field(min_length=1, max_length=40, repr=False)


class Declined(BaseModel):
    """Why the code cannot be given: `not_ours` or `phone_gone`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: str = Field(max_length=20)


@router.get("/codes", dependencies=GIVERS)
def desk(request: Request, here: HereNow) -> Response:
    """Requests that wait, oldest first, and what became of the codes given here."""
    return _page(request, here)


@router.post("/codes/{request_id}", dependencies=GIVERS)
def give_form(request: Request, here: HereNow, request_id: str, value: Text = "") -> Response:
    """Hand in a code."""
    try:
        _give(here, request_id, value)
    except BrokerError as no:
        return _page(request, here, no)
    return RedirectResponse("/codes", 303)


@router.post("/codes/{request_id}/decline", dependencies=GIVERS)
def decline_form(request: Request, here: HereNow, request_id: str, why: Text = "") -> Response:
    """Say that it cannot be given here."""
    try:
        _decline(here, request_id, why)
    except BrokerError as no:
        return _page(request, here, no)
    return RedirectResponse("/codes", 303)


@router.get("/api/v1/codes", dependencies=WATCHERS)
def pending(here: HereNow, lease: Annotated[str, Query(max_length=60)] = "") -> dict[str, Any]:
    """Requests that wait (`data`), and codes you gave in the last quarter of an hour with the portal's answer (`given`).

    `lease`: only what this tab of yours waits for.
    """
    seen = _seen(here)
    if lease:
        with here.reading() as work:
            waiting = code_request(work, tabs.own_lease(work, lease).portal_session)
        seen["data"] = [row for row in seen["data"] if waiting is not None and row["id"] == waiting.id]
    return seen


@router.post("/api/v1/codes/{request_id}", status_code=202, dependencies=GIVERS)
def give(here: HereNow, request_id: str, given: GivenCode) -> dict[str, str]:
    """Hand in a code."""
    _give(here, request_id, given.value)
    return {"id": request_id, "state": "matched"}


@router.post("/api/v1/codes/{request_id}/decline", dependencies=GIVERS)
def decline(here: HereNow, request_id: str, said: Declined) -> dict[str, str]:
    """Say that it cannot be given here; whoever waits is told, others may still give it."""
    _decline(here, request_id, said.why)
    return {"id": request_id, "state": "declined"}


def _give(here: Here, request_id: str, value: str) -> None:
    with here.unit() as work:
        codes.give(work, here.portunus.vault, request_id, value)


def _decline(here: Here, request_id: str, why: str) -> None:
    with here.unit() as work:
        codes.decline(work, request_id, why)


def _seen(here: Here) -> dict[str, Any]:
    with here.reading() as work:
        waiting = [
            {**asdict(row), "asked_at": row.asked_at.isoformat(), "deadline": row.deadline.isoformat()}
            for row in codes.pending(work)
        ]
        given = [{**asdict(row), "given_at": row.given_at.isoformat()} for row in codes.given(work)]
    return {"data": waiting, "given": given}


def _page(request: Request, here: Here, no: BrokerError | None = None) -> Response:
    seen = _seen(here)
    error = no.message if no else ""
    return page(
        request, "codes.html", status=no.status if no else 200, pending=seen["data"], given=seen["given"], error=error
    )
