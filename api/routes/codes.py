"""The code desk: who waits for a code that came to your phone or mailbox; one box, no patient data."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError
from broker.codes import service as codes
from broker.identity.policy import Permission

router = APIRouter()
GIVERS = [permits(Permission.CODE_GIVE)]


class GivenCode(BaseModel):
    """A code as it was read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: str = Field(min_length=1, max_length=40, repr=False)


@router.get("/codes", dependencies=GIVERS)
def desk(request: Request, here: HereNow) -> Response:
    """Requests that wait, oldest first."""
    return page(request, "codes.html", pending=_pending(here), words="", error="")


@router.post("/codes/{request_id}", dependencies=GIVERS)
def give_form(
    request: Request, here: HereNow, request_id: str, value: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Hand in a code."""
    try:
        _give(here, request_id, value)
    except BrokerError as no:
        return page(request, "codes.html", status=no.status, pending=_pending(here), words="", error=no.message)
    return RedirectResponse("/codes?sent=1", 303)


@router.get("/api/v1/codes", dependencies=GIVERS)
def pending(here: HereNow) -> dict[str, Any]:
    """Requests that wait, as data."""
    return {"data": _pending(here)}


@router.post("/api/v1/codes/{request_id}", status_code=202, dependencies=GIVERS)
def give(here: HereNow, request_id: str, given: GivenCode) -> dict[str, str]:
    """Hand in a code."""
    _give(here, request_id, given.value)
    return {"id": request_id, "state": "matched"}


def _give(here: Here, request_id: str, value: str) -> None:
    with here.unit() as work:
        codes.give(work, here.portunus.vault, request_id, value)


def _pending(here: Here) -> list[dict[str, Any]]:
    with here.reading() as work:
        return [
            {**asdict(row), "asked_at": row.asked_at.isoformat(), "deadline": row.deadline.isoformat()}
            for row in codes.pending(work)
        ]
