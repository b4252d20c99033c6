"""Open, watch, extend and end tabs: pages for people, the same as JSON under /api/v1."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Form, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.idempotency import once
from api.pages import page
from broker.base.errors import Conflict, Refused
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.identity import second_factor, sign_in
from broker.identity.models import Login
from broker.identity.policy import Permission
from broker.scripts import service as scripts
from broker.tabs import service as tabs
from broker.tabs.models import Lease

router = APIRouter()
OPENERS = [permits(Permission.TAB_OPEN)]
Text = Annotated[str, Form()]
CODE = re.compile(r"\d{3} ?\d{3}")
WRONG = "That is not your password, and no code of your app either. Try again."


class OpenTab(BaseModel):
    """What to open, where, and what for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account_id: str = Field(max_length=40)
    location_id: str = Field(max_length=40)
    purpose: str = Field(min_length=1, max_length=200)


class ShownAgain(BaseModel):
    """A code of one's authenticator app, or one's password."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    value: str = Field(min_length=1, max_length=500, repr=False)


@router.post("/tabs", dependencies=OPENERS)
def open_form(
    here: HereNow,
    afterwards: BackgroundTasks,
    tile: Text = "",
    account_id: Text = "",
    location_id: Text = "",
    purpose: Text = "",
) -> Response:
    """Open from the launcher (`tile`: account and location, a colon between); the tab's page shows how far it is.

    While that page loads, the browser host begins with the sign-in, or gets the first picture ready.
    """
    if tile:
        account_id, _, location_id = tile.partition(":")
    with here.unit() as work:
        lease = tabs.open_tab(work, account_id, location_id, purpose or "Not said")
    afterwards.add_task(here.portunus.host.expect, lease.id)
    return RedirectResponse(f"/tabs/{lease.id}", 303)


@router.get("/tabs/{lease_id}", dependencies=OPENERS)
def tab(request: Request, here: HereNow, lease_id: str) -> Response:
    """The tab itself: progress while signing in, then the stream. The page of one that is ready brings its first ticket along."""
    with here.reading() as work:
        told = shown(work, tabs.own_lease(work, lease_id))
    ready = told["state"] == "ready" and not told["locked"]
    return page(request, "tab.html", tab=told, ticket=_first_ticket(here, lease_id) if ready else "")


def _first_ticket(here: Here, lease_id: str) -> str:
    """None (empty) for a tab that ended just now: the page asks for one itself, and hears why."""
    try:
        with here.unit() as work:
            return tabs.ticket(work, lease_id)
    except Conflict:
        return ""


@router.post("/tabs/{lease_id}/end", dependencies=OPENERS)
def end_form(here: HereNow, lease_id: str, *, sign_out: Annotated[bool, Form()] = False) -> Response:
    """Give the tab back; the portal stays signed in for the next one, unless the holder wants it signed out too."""
    with here.unit() as work:
        (tabs.sign_out if sign_out else tabs.end_tab)(work, lease_id)
    return RedirectResponse("/", 303)


# --- the same as data


@router.post("/api/v1/tabs", status_code=202, dependencies=OPENERS)
def open_tab(
    here: HereNow,
    asked: OpenTab,
    response: Response,
    afterwards: BackgroundTasks,
    idempotency_key: Annotated[str | None, Header(max_length=100)] = None,
) -> dict[str, Any]:
    """202 with where to look; the same Idempotency-Key opens once (24 h), with another body it answers 422."""
    with here.unit() as work:

        def opened() -> str:
            return tabs.open_tab(work, asked.account_id, asked.location_id, asked.purpose).id

        lease_id = once(work, "open_tab", idempotency_key, asked.model_dump_json(), opened)
        told = shown(work, tabs.own_lease(work, lease_id))
    response.headers["Location"] = f"/api/v1/tabs/{lease_id}"
    afterwards.add_task(here.portunus.host.expect, lease_id)
    return told


@router.get("/api/v1/tabs/{lease_id}", dependencies=OPENERS)
def get_tab(here: HereNow, lease_id: str) -> dict[str, Any]:
    """Where the tab is: signing_in, needs_code, ready or ended, in words."""
    with here.reading() as work:
        return shown(work, tabs.own_lease(work, lease_id))


@router.post("/api/v1/tabs/{lease_id}/ticket", dependencies=OPENERS)
def ticket(here: HereNow, lease_id: str) -> dict[str, str]:
    """A one-time ticket for the stream, good for 15 s."""
    with here.unit() as work:
        return {"ticket": tabs.ticket(work, lease_id)}


@router.post("/api/v1/tabs/{lease_id}/unlock", dependencies=OPENERS)
def unlock(here: HereNow, lease_id: str, shown_again: ShownAgain) -> dict[str, Any]:
    """Uncover a tab nobody touched for a while: by a code of one's own authenticator app, or by one's password."""
    words, how = shown_again.value, "code"
    with here.reading() as work:
        tabs.own_lease(work, lease_id)
    if CODE.fullmatch(words):
        _right_code(here, words)
    else:
        how = "phrase"
        _right_password(here, words)
    with here.unit() as work:
        return shown(work, tabs.unlock(work, lease_id, how))


@router.post("/api/v1/tabs/{lease_id}/extend", dependencies=OPENERS)
def extend(here: HereNow, lease_id: str) -> dict[str, Any]:
    """More time in this tab."""
    with here.unit() as work:
        return shown(work, tabs.extend(work, lease_id))


@router.post("/api/v1/tabs/{lease_id}/end", dependencies=OPENERS)
def end(here: HereNow, lease_id: str, *, sign_out: bool = False) -> dict[str, Any]:
    """Give the tab back; with `sign_out` the portal session ends too."""
    with here.unit() as work:
        lease = tabs.own_lease(work, lease_id)
        (tabs.sign_out if sign_out else tabs.end_tab)(work, lease_id)
        return shown(work, lease)


def _login(here: Here, work: Unit) -> Login:
    """The sign-in's row in this transaction. Raises `Refused` when it has just ended, or for a program."""
    row = work.db.get(Login, here.login.id) if here.login is not None else None
    if row is None or row.ended_at is not None:
        raise Refused("This sign-in has ended. Sign in again.")
    return row


def _right_code(here: Here, code: str) -> None:
    with here.unit() as work:
        checked = second_factor.shown_again(work, here.portunus.vault, _login(here, work), code)
    if checked.token is None:
        raise checked.refusal() or Refused(second_factor.WRONG, code="wrong-sign-in")


def _right_password(here: Here, password: str) -> None:
    with here.unit() as work:
        tried = sign_in.begin_sign_in(work, _login(here, work).user.email)
    right = tried.right(password)  # takes a quarter of a second: no transaction is open meanwhile
    with here.unit() as work:
        same = sign_in.said_again(work, tried, _login(here, work), right=right)
    if not same:
        raise Refused(WRONG, code="wrong-sign-in")


def shown(work: Unit, lease: Lease) -> dict[str, Any]:
    """A tab as its holder may see it."""
    state, words, deadline = tabs.opening(work, lease)
    session = lease.portal_session
    return {
        "id": lease.id,
        "state": state,
        "words": words,
        "deadline": deadline.isoformat() if deadline else None,
        "expires_at": lease.expires_at.isoformat(),
        "locked": lease.locked_at is not None,
        "portal": session.account.portal.name,
        "portal_key": session.account.portal.key,
        "provider_line": session.account.portal.provider_line,
        "down": "down" in (session.end_reason, lease.end_reason),
        "fallback": scripts.fallback(
            directory.behaviour(work, session.account.portal), session.account.portal.provider_line
        ),
        "location": session.location.name,
        "login_tail": "…" + session.account.username[-3:],
        "account_id": session.account_id,
        "location_id": lease.location_id,
        "purpose": lease.purpose,
        "handed": tabs.handed_words(work, lease),
    }
