"""Sign-ins that failed, for those who look after accounts and those who audit; the portal's page only for a reason."""

from base64 import b64encode
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from api.access import HereNow, permits
from api.pages import page
from broker.base.errors import Incomplete
from broker.identity.policy import Permission
from broker.tabs import service as tabs

router = APIRouter()
VIEWERS = [permits(Permission.ACCOUNT_VIEW)]


@router.get("/failed-sign-ins", dependencies=VIEWERS)
def listing(request: Request, here: HereNow, account: Annotated[str, Query(max_length=40)] = "") -> Response:
    """The newest fifty, of one account or of all."""
    with here.reading() as work:
        rows = tabs.failed_sign_ins(work, account or None)
    return page(request, "failed_sign_ins.html", rows=rows, only=account)


@router.get("/failed-sign-ins/{attempt_id}", dependencies=VIEWERS)
def ask(request: Request, here: HereNow, attempt_id: str) -> Response:
    """What is known of it, and: why do you want to see the page?"""
    with here.reading() as work:
        row = tabs.failed_sign_in(work, attempt_id)
    return page(request, "failed_sign_in.html", row=row, picture="", opened=False, error="")


@router.post("/failed-sign-ins/{attempt_id}", dependencies=VIEWERS)
def show(
    request: Request, here: HereNow, attempt_id: str, reason: Annotated[str, Form(max_length=300)] = ""
) -> Response:
    """The masked picture; who looked and why is recorded before it is unsealed."""
    with here.reading() as work:
        row = tabs.failed_sign_in(work, attempt_id)
    try:
        with here.unit() as work:
            found = tabs.open_picture(work, here.portunus.vault, here.portunus.blobs, attempt_id, reason)
    except Incomplete as no:
        told = {"row": row, "picture": "", "opened": False, "error": no.message}
        return page(request, "failed_sign_in.html", status=no.status, **told)
    picture = f"data:image/png;base64,{b64encode(found).decode()}" if found else ""
    answer = page(request, "failed_sign_in.html", row=row, picture=picture, opened=True, error="")
    answer.headers["Cache-Control"] = "no-store"
    return answer
