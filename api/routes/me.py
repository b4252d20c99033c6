"""One's own page: where am I signed in, my password, my second factor."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, signed_in
from api.pages import page
from api.routes.login import offer_page
from broker.base.errors import BrokerError, Incomplete, NotFound, Refused, TooMany
from broker.base.unit import Unit
from broker.identity import limits, logins, passwords, policy, second_factor, sign_in
from broker.identity.models import Login
from broker.identity.policy import NOTHING_THERE, ROLE_WORDS, Role

router = APIRouter()

Text = Annotated[str, Form()]
MINE = [signed_in("one's own sign-ins and password")]
MY_FACTOR = "/me/second-factor"


@router.get("/me", dependencies=MINE)
def me(request: Request, here: HereNow) -> Response:
    return _page(request, here)


@router.post("/me/sign-ins/{login_id}/end", dependencies=MINE)
def end(here: HereNow, login_id: str) -> Response:
    with here.unit() as work:
        row = work.db.get(Login, login_id)
        if row is None or row.user_id != here.actor.id:
            raise NotFound(NOTHING_THERE)
        logins.end(work, row, "ended by its user")
    return RedirectResponse("/me", 303)


@router.post("/me/password", dependencies=MINE)
def change_password(
    request: Request, here: HereNow, current: Text = "", password: Text = "", again: Text = ""
) -> Response:
    assert here.login is not None
    user = here.login.user
    try:
        if user.password_hash is not None:
            _check_current(here, user.email, current, user.password_hash)
        if password != again:
            raise Incomplete("The two new passwords differ. Type the same one twice.")
        kept = passwords.hashed(password, about=(user.name, user.email))
    except (Incomplete, Refused, TooMany) as no:
        return _page(request, here, no)
    with here.unit() as work:
        sign_in.change_password(work, _own(work, here), kept)
    return _page(request, here, words="The new password is saved. Your other sign-ins have ended.")


@router.get(MY_FACTOR, dependencies=MINE)
def second_factor_page(request: Request) -> Response:
    return page(request, "enrol.html", words="", offer=None, begun=False, action=MY_FACTOR)


@router.post(f"{MY_FACTOR}/new", dependencies=MINE)
def new_second_factor(request: Request, here: HereNow) -> Response:
    with here.unit() as work:
        offer = second_factor.offer_second_factor(work, here.portunus.vault, _own(work, here))
    return offer_page(request, offer, MY_FACTOR)


@router.post(MY_FACTOR, dependencies=MINE)
def enrol(request: Request, here: HereNow, code: Text = "") -> Response:
    with here.unit() as work:
        checked = second_factor.confirm_second_factor(work, here.portunus.vault, _own(work, here), code)
    if checked.token is None:
        no = checked.refusal() or Refused(second_factor.WRONG)
        return page(request, "enrol.html", status=no.status, words=no.message, offer=None, begun=True, action=MY_FACTOR)
    return _page(request, here, words="The second step is set up. You will be asked for a code at the next sign-in.")


def _check_current(here: Here, email: str, current: str, kept: str) -> None:
    """The present password, under the same limit as signing in: an unlocked screen must not be a place to guess."""
    with here.unit() as work:
        reserved = limits.reserve(work, email)
    if reserved is None:
        raise limits.too_many()
    if not passwords.fits(current, kept):
        raise Refused("The current password is wrong. Type it again.")
    with here.unit() as work:
        limits.take_back(work, reserved)


def _own(work: Unit, here: Here) -> Login:
    assert here.login is not None
    row = work.db.get(Login, here.login.id)
    if row is None or row.ended_at is not None:
        raise Refused("This sign-in has ended. Sign in again.")
    return row


def _page(request: Request, here: Here, no: BrokerError | None = None, words: str = "") -> Response:
    with here.reading() as work:
        user = _own(work, here).user
        rows = [
            {
                "id": row.id,
                "device": row.device,
                "address": row.address or "",
                "since": row.created_at,
                "seen": row.seen_at,
            }
            for row in logins.standing(work, here.actor.id)
        ]
        roles = {
            ROLE_WORDS[Role(grant.role)] for grant in policy.grants_of(work) if grant.role in Role.__members__.values()
        }
        values = {"email": user.email, "has_password": user.password_hash is not None}
        values["has_second_factor"] = user.totp_secret_id is not None
    return page(
        request,
        "me.html",
        status=no.status if no else 200,
        words=no.message if no else words,
        wrong=no is not None,
        logins=rows,
        roles=sorted(roles),
        **values,
    )
