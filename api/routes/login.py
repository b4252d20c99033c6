"""Signing in: password or link first, then the second factor. Nobody learns here who has an account."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, cookie_name, half_way, public, signed_in, visitor
from api.pages import home, page
from api.qr import picture
from broker.base.errors import BrokerError, Incomplete, Refused, TooMany
from broker.base.unit import Unit
from broker.identity import links, logins, passwords, second_factor, sign_in
from broker.identity.models import Login
from broker.identity.sign_in import Step

router = APIRouter()

Text = Annotated[str, Form()]
_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9_./-]{0,200}")
ENROL = "/sign-in/second-factor"
START = "/start"


@router.get("/sign-in", dependencies=[public("the way in")])
def form(request: Request, here: HereNow, next: str = "") -> Response:  # noqa: A002 - the name people know from URLs
    if here.login is not None:
        return _go("/sign-in/continue" if here.login.second_factor_at is None else home(here))
    return page(request, "sign_in.html", words="", email="", next=own_path(next))


@router.post("/sign-in", dependencies=[public("the way in")])
def password(request: Request, here: HereNow, email: Text = "", password: Text = "", next: Text = "") -> Response:  # noqa: A002
    nobody, device = visitor(request), device_words(request)
    try:
        with here.portunus.unit(nobody) as work:
            tried = sign_in.begin_sign_in(work, email)
        right = tried.right(password)
        with here.portunus.unit(nobody) as work:
            begun = sign_in.finish_sign_in(work, tried, right=right, device=device)
        if begun is None:
            raise sign_in.wrong()
    except (Refused, TooMany) as no:
        values = {"words": no.message, "email": email[:200], "next": own_path(next)}
        return _patient(page(request, "sign_in.html", status=no.status, **values), no)
    return _signed_in(here, begun[1], _with_next("/sign-in/continue", own_path(next)))


@router.get("/sign-in/help", dependencies=[public("what to do when one cannot sign in")])
def sign_in_help(request: Request, here: HereNow) -> Response:
    return page(request, "sign_in_help.html", contact=_contact(here))


@router.get("/sign-in/link/{token}", dependencies=[public("whoever has the link; looking does not use it up")])
def link(request: Request, here: HereNow, token: str) -> Response:
    with here.portunus.reading(visitor(request)) as work:
        works = links.peek_link(work, token)
    return page(request, "sign_in_link.html", status=200 if works else 410, works=works, contact=_contact(here))


@router.post("/sign-in/link/{token}", dependencies=[public("whoever has the link, once")])
def follow_link(request: Request, here: HereNow, token: str) -> Response:
    try:
        with here.portunus.unit(visitor(request)) as work:
            login, cookie = links.use_link(work, token, device_words(request))
    except Refused:
        return page(request, "sign_in_link.html", status=410, works=False, contact=_contact(here))
    return _signed_in(here, cookie, "/sign-in/continue" if login.second_factor_at is None else START)


@router.get("/sign-in/continue", dependencies=[half_way("what the sign-in still lacks")])
def go_on(request: Request, here: HereNow, next: str = "") -> Response:  # noqa: A002
    login = _login(here)
    step = sign_in.next_step(login)
    if step is Step.PASSWORD:
        return _password_page(request, login)
    if step is Step.ENROL:
        return page(request, "enrol.html", words="", offer=None, begun=False, action=ENROL)
    if step is Step.CODE:
        return page(request, "second_factor.html", words="", next=own_path(next))
    return _go(own_path(next) or START)


@router.post("/sign-in/password", dependencies=[half_way("a link leads to choosing a password")])
def choose_password(request: Request, here: HereNow, password: Text = "", again: Text = "") -> Response:
    login = _login(here)
    if sign_in.next_step(login) is not Step.PASSWORD:
        return _go("/sign-in/continue")
    try:
        if password != again:
            raise Incomplete("The two passwords differ. Type the same one twice.")
        kept = passwords.hashed(password, about=(login.user.name, login.user.email))
    except (Incomplete, TooMany) as no:
        return _password_page(request, login, no)
    with here.portunus.unit(logins.actor_of(login, here.actor.address)) as work:
        sign_in.change_password(work, _own(work, login), kept)
    return _go("/sign-in/continue")


@router.post(f"{ENROL}/new", dependencies=[half_way("one's own second factor, when there is none yet")])
def new_second_factor(request: Request, here: HereNow) -> Response:
    login = _login(here)
    if sign_in.next_step(login) is not Step.ENROL:
        return _go("/sign-in/continue")
    with here.portunus.unit(logins.actor_of(login, here.actor.address)) as work:
        offer = second_factor.offer_second_factor(work, here.portunus.vault, _own(work, login))
    return offer_page(request, offer, ENROL)


@router.post(ENROL, dependencies=[half_way("one's own second factor, when there is none yet")])
def enrol(request: Request, here: HereNow, code: Text = "") -> Response:
    login = _login(here)
    if sign_in.next_step(login) is not Step.ENROL:
        return _go("/sign-in/continue")
    with here.portunus.unit(visitor(request)) as work:
        checked = second_factor.confirm_second_factor(work, here.portunus.vault, _own(work, login), code)
    if checked.token is None:
        no = checked.refusal() or Refused(second_factor.WRONG)
        values = {"words": no.message, "offer": None, "begun": True, "action": ENROL}
        return _patient(page(request, "enrol.html", status=no.status, **values), no)
    return _signed_in(here, checked.token, START)


@router.post("/sign-in/code", dependencies=[half_way("the second factor itself")])
def show_code(request: Request, here: HereNow, code: Text = "", next: Text = "") -> Response:  # noqa: A002
    login = _login(here)
    if sign_in.next_step(login) is not Step.CODE:
        return _go("/sign-in/continue")
    with here.portunus.unit(visitor(request)) as work:
        checked = second_factor.second_factor(work, here.portunus.vault, _own(work, login), code)
    if checked.token is None:
        no = checked.refusal() or Refused(second_factor.WRONG)
        values = {"words": no.message, "next": own_path(next)}
        return _patient(page(request, "second_factor.html", status=no.status, **values), no)
    return _signed_in(here, checked.token, own_path(next) or START)


@router.get(START, dependencies=[signed_in("leads to the first page of one's own menu")])
def start(here: HereNow) -> Response:
    return _go(home(here))


@router.post("/sign-out", dependencies=[half_way("ends one's own sign-in")])
def sign_out(here: HereNow) -> Response:
    login = _login(here)
    with here.portunus.unit(logins.actor_of(login, here.actor.address)) as work:
        logins.end(work, _own(work, login), "signed out")
    response = _go("/sign-in")
    response.delete_cookie(cookie_name(here.portunus.settings.public_url), path="/", secure=_https(here), httponly=True)
    return response


def own_path(path: str) -> str:
    """A path of this site, or nothing: nobody is led elsewhere after signing in."""
    return path if _OWN_PATH.fullmatch(path) and not path.startswith("/sign-in") else ""


def offer_page(request: Request, offer: second_factor.Offer, action: str) -> Response:
    """The picture and the key, this once."""
    spaced = " ".join(offer.seed[at : at + 4] for at in range(0, len(offer.seed), 4))
    values: dict[str, Any] = {
        "words": "",
        "offer": True,
        "begun": True,
        "picture": picture(offer.uri),
        "spaced": spaced,
    }
    return page(request, "enrol.html", action=action, **values)


def device_words(request: Request) -> str:
    """`Chrome on Windows`: enough to know one's own browsers by."""
    agent = request.headers.get("user-agent", "")[:400]
    browsers = (
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    )
    systems = (
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    )
    browser = next((name for mark, name in browsers if mark in agent), "A browser")
    machine = next((name for mark, name in systems if mark in agent), "")
    return f"{browser} on {machine}" if machine else browser


def _contact(here: Here) -> str:
    """Whom to ask, in words."""
    return here.portunus.settings.help_contact or "an administrator of your office"


def _login(here: Here) -> Login:
    assert here.login is not None  # the declaration saw to it
    return here.login


def _own(work: Unit, login: Login) -> Login:
    """The sign-in's row in this transaction; it may have ended a moment ago."""
    row = work.db.get(Login, login.id)
    if row is None or row.ended_at is not None:
        raise Refused("This sign-in has ended. Sign in again.")
    return row


def _password_page(request: Request, login: Login, no: BrokerError | None = None) -> Response:
    status = no.status if no else 200
    return page(request, "choose_password.html", status=status, words=no.message if no else "", email=login.user.email)


def _signed_in(here: Here, token: str, address: str) -> Response:
    response = _go(address)
    name = cookie_name(here.portunus.settings.public_url)
    response.set_cookie(name, token, path="/", secure=_https(here), httponly=True, samesite="strict")
    return response


def _https(here: Here) -> bool:
    return here.portunus.settings.public_url.startswith("https://")


def _go(address: str) -> RedirectResponse:
    return RedirectResponse(address, 303)


def _with_next(address: str, following: str) -> str:
    return f"{address}?next={following}" if following else address


def _patient(response: Response, no: BrokerError) -> Response:
    if isinstance(no, TooMany):
        response.headers["retry-after"] = "300"
    return response
