"""A login's new authenticator: one person asks for it, another approves, and the next sign-in sets it up."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from api.access import HereNow, permits
from broker.base.errors import Incomplete
from broker.codes import enrolment
from broker.directory import service as directory
from broker.identity.policy import Permission, require

router = APIRouter()
KEEPERS = [permits(Permission.SECRET_STORE)]
Text = Annotated[str, Form(max_length=20)]


@router.post("/accounts/{account_id}/enrolment", dependencies=KEEPERS)
def ask(here: HereNow, account_id: str) -> Response:
    """Ask for it."""
    with here.unit() as work:
        account = directory.account_by_id(work, account_id)
        require(work, Permission.SECRET_STORE, account=account)
        enrolment.ask(work, account)
    return _back(account_id)


@router.post("/accounts/{account_id}/enrolment/{enrolment_id}", dependencies=KEEPERS)
def decide(here: HereNow, account_id: str, enrolment_id: str, what: Text = "") -> Response:
    """Approve what somebody else asked for, withdraw it, or say whether the portal knows a captured seed."""
    with here.unit() as work:
        match what:
            case "approve":
                enrolment.approve(work, enrolment_id)
            case "withdraw":
                enrolment.withdraw(work, enrolment_id)
            case "known" | "unknown":
                enrolment.settle(work, here.portunus.vault, enrolment_id, known=what == "known")
            case _:
                raise Incomplete("Say what: approve, withdraw, known or unknown.")
    return _back(account_id)


def _back(account_id: str) -> Response:
    return RedirectResponse(f"/accounts/{account_id}/codes#enrolment", 303)
