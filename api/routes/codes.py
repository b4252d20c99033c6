"""The code desk: who waits for a code that came to your phone or mailbox; one box, no patient data."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError
from broker.codes import presence
from broker.codes import service as codes
from broker.identity.policy import Permission
from broker.tabs import service as tabs
from broker.tabs.tiles import code_request

router = APIRouter()
GIVERS = [permits(Permission.CODE_GIVE)]
WATCHERS = [permits(Permission.CODE_GIVE, watching=True)]
Text = Annotated[str, Form(max_length=40)]
ENDINGS = {how: words for how, words in codes.CALL_RESULTS.items() if how != "code"}
"""How a call to a provider line ends without a code."""


class GivenCode(BaseModel):
    """A code as it was read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: str = Field(min_length=1, max_length=40, repr=False)
    call_reference: str = Field(default="", max_length=40)
    """The provider line's own number of the call it was told in."""


class Declined(BaseModel):
    """Why the code cannot be given: `not_ours` or `phone_gone`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: str = Field(max_length=20)


class Call(BaseModel):
    """What happens in a call to a provider line: `began`, `answered`, or how it ended without a code."""

    model_config = ConfigDict(extra="forbid", strict=True)

    act: str = Field(max_length=20)
    reference: str = Field(default="", max_length=40)


@router.get("/codes", dependencies=GIVERS)
def desk(request: Request, here: HereNow) -> Response:
    """Requests that wait, oldest first, and what became of the codes given here."""
    return _page(request, here)


@router.post("/codes/{request_id}", dependencies=GIVERS)
def give_form(
    request: Request, here: HereNow, request_id: str, value: Text = "", call_reference: Text = ""
) -> Response:
    """Hand in a code."""
    try:
        _give(here, request_id, value, call_reference)
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


@router.post("/codes/{request_id}/call", dependencies=GIVERS)
def call_form(request: Request, here: HereNow, request_id: str, act: Text = "", reference: Text = "") -> Response:
    """Say what happens in a call to the provider line."""
    try:
        _call(here, request_id, act, reference)
    except BrokerError as no:
        return _page(request, here, no)
    return RedirectResponse("/codes", 303)


@router.get("/api/v1/codes", dependencies=WATCHERS)
def pending(here: HereNow, lease: Annotated[str, Query(max_length=60)] = "") -> dict[str, Any]:
    """Requests that wait (`data`), and codes you gave in the last quarter of an hour with the portal's answer (`given`).

    `lease`: only what this tab of yours waits for.
    """
    if not lease:
        _sits(here)
    seen = _seen(here)
    if lease:
        with here.reading() as work:
            waiting = code_request(work, tabs.own_lease(work, lease).portal_session)
        seen["data"] = [row for row in seen["data"] if waiting is not None and row["id"] == waiting.id]
    return seen


@router.post("/api/v1/codes/{request_id}", status_code=202, dependencies=GIVERS)
def give(here: HereNow, request_id: str, given: GivenCode) -> dict[str, str]:
    """Hand in a code."""
    _give(here, request_id, given.value, given.call_reference)
    return {"id": request_id, "state": "matched"}


@router.post("/api/v1/codes/{request_id}/decline", dependencies=GIVERS)
def decline(here: HereNow, request_id: str, said: Declined) -> dict[str, str]:
    """Say that it cannot be given here; whoever waits is told, others may still give it."""
    _decline(here, request_id, said.why)
    return {"id": request_id, "state": "declined"}


@router.post("/api/v1/codes/{request_id}/call", dependencies=GIVERS)
def call(here: HereNow, request_id: str, said: Call) -> dict[str, str]:
    """A call to the provider line: one person at a time; who waits and who else sits at the desk see it."""
    _call(here, request_id, said.act, said.reference)
    return {"id": request_id, "act": said.act}


def _call(here: Here, request_id: str, act: str, reference: str) -> None:
    with here.unit() as work:
        match act:
            case "began":
                codes.begin_call(work, request_id)
            case "answered":
                codes.call_answered(work, request_id)
            case _:
                codes.end_call(work, request_id, act, reference)


def _give(here: Here, request_id: str, value: str, call_reference: str = "") -> None:
    with here.unit() as work:
        codes.give(work, here.portunus.vault, request_id, value, call_reference)


def _decline(here: Here, request_id: str, why: str) -> None:
    with here.unit() as work:
        codes.decline(work, request_id, why)


def _seen(here: Here) -> dict[str, Any]:
    with here.reading() as work:
        waiting = [
            {
                **asdict(row),
                "asked_at": row.asked_at.isoformat(),
                "deadline": row.deadline.isoformat(),
                "calling": _calling(row.calling),
                "call_at": row.call_at.isoformat() if row.call_at else None,
            }
            for row in codes.pending(work)
        ]
        given = [{**asdict(row), "given_at": row.given_at.isoformat()} for row in codes.given(work)]
    return {"data": waiting, "given": given}


def _calling(call: codes.Calling | None) -> dict[str, Any] | None:
    if call is None:
        return None
    answered_at = call.answered_at.isoformat() if call.answered_at else None
    return {"by": call.by, "mine": call.mine, "began_at": call.began_at.isoformat(), "answered_at": answered_at}


def _sits(here: Here) -> None:
    """Whoever has the desk open can give codes: sign-ins whose mailbox is down begin only then."""
    with here.reading() as work:
        due = presence.due(work)
    if due:
        with here.unit() as work:
            presence.sit(work)


def _page(request: Request, here: Here, no: BrokerError | None = None) -> Response:
    _sits(here)
    seen = _seen(here)
    error = no.message if no else ""
    return page(
        request,
        "codes.html",
        status=no.status if no else 200,
        pending=seen["data"],
        given=seen["given"],
        error=error,
        endings=ENDINGS,
        manages=Permission.ACCOUNT_MANAGE in here.held,
    )
