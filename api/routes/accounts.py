"""Portal accounts: their state, how they get codes, and their credentials, which can be replaced and never shown."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.account_rows import account_rows
from api.pages import page
from broker.base.errors import BrokerError, Incomplete, NotFound
from broker.base.unit import Unit
from broker.codes import authenticator, questions
from broker.directory import service as directory
from broker.directory.models import Location, Portal, PortalAccount
from broker.directory.service import Method
from broker.identity.places import location_by_key
from broker.identity.policy import NOTHING_THERE, Permission, reach, require
from broker.tabs import early

router = APIRouter()
Text = Annotated[str, Form(max_length=400)]
Secret = Annotated[str, Form(max_length=2000)]
VIEWERS = [permits(Permission.ACCOUNT_VIEW)]
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]
DONE = {
    "added": "The account is added. Its portal shows on the launcher of everybody who works at its locations.",
    "stored": "Stored. The next sign-in uses it.",
    "labelled": "Called that on the launcher from now on.",
    "early": "Saved. How it went last stands beside the login.",
    "released": "Released. The next person who opens the portal signs in again.",
}


class NewAccount(BaseModel):
    """One login at one portal."""

    model_config = ConfigDict(extra="forbid", strict=True)

    portal: str = Field(max_length=60)
    username: str = Field(max_length=120)
    label: str = Field(default="", max_length=60)
    password: str = Field(max_length=1000, repr=False)
    totp_seed: str = Field(default="", max_length=2000, repr=False)
    totp_code: str = Field(default="", max_length=20, repr=False)
    """What another device with this seed shows now: no seed is stored that no code has proved."""
    login_kind: str = Field(default="individual", max_length=20)
    locations: list[Annotated[str, Field(max_length=60)]] = Field(max_length=500)
    shared_reason: str = Field(default="", max_length=300)
    review_on: str = Field(default="", max_length=10)


class NewCredential(BaseModel):
    """What is stored in place of what was; an empty one stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    password: str = Field(default="", max_length=1000, repr=False)
    totp_seed: str = Field(default="", max_length=2000, repr=False)
    totp_code: str = Field(default="", max_length=20, repr=False)
    """What another device with this seed shows now: no seed is stored that no code has proved."""
    answers: dict[Annotated[str, Field(max_length=300)], Annotated[str, Field(min_length=1, max_length=300)]] = Field(
        default_factory=dict, max_length=20, repr=False
    )
    """Security questions as the portal words them, with what was answered at registration; kept beside those stored."""


class Labelled(BaseModel):
    """What people call the login; empty takes the label away."""

    model_config = ConfigDict(extra="forbid", strict=True)

    label: str = Field(max_length=60)


class EarlySignIn(BaseModel):
    """When it signs in by itself on working days; no time: never."""

    model_config = ConfigDict(extra="forbid", strict=True)

    at: str = Field(max_length=5)
    location: str = Field(default="", max_length=60)
    """For which, and by whose clock; needed where the login is for several."""


class Released(BaseModel):
    """What was put right."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(max_length=300)


@router.get("/accounts", dependencies=VIEWERS)
def accounts(request: Request, here: HereNow, done: str = "") -> Response:
    """All accounts within reach, those that need somebody first."""
    return _page(request, here, said=DONE.get(done, ""))


@router.post("/accounts", dependencies=KEEPERS)
def add_form(
    request: Request,
    here: HereNow,
    portal: Text = "",
    username: Text = "",
    label: Text = "",
    password: Secret = "",
    totp_seed: Secret = "",
    totp_code: Secret = "",
    login_kind: Text = "individual",
    locations: Annotated[list[str] | None, Form()] = None,
    shared_reason: Text = "",
    review_on: Text = "",
) -> Response:
    """A new account; its codes go to the code desk, or come from its authenticator seed."""
    asked = NewAccount.model_construct(
        portal=portal,
        username=username,
        label=label,
        password=password,
        totp_seed=totp_seed,
        totp_code=totp_code,
        login_kind=login_kind,
        locations=locations or [],
        shared_reason=shared_reason,
        review_on=review_on,
    )
    return _done(request, here, "added", lambda work: _add(here, work, asked))


@router.post("/accounts/{account_id}/credential", dependencies=KEEPERS)
def replace_form(
    request: Request,
    here: HereNow,
    account_id: str,
    password: Secret = "",
    totp_seed: Secret = "",
    totp_code: Secret = "",
    question: Secret = "",
    answer: Secret = "",
) -> Response:
    """Store a new password, authenticator seed, or the answer to the portal's security question; none can be read back."""
    answers = {question: answer} if question and answer else {}
    asked = NewCredential(password=password, totp_seed=totp_seed, totp_code=totp_code, answers=answers)
    return _done(request, here, "stored", lambda work: _replace(here, work, account_id, asked))


@router.post("/accounts/{account_id}/release", dependencies=KEEPERS)
def release_form(request: Request, here: HereNow, account_id: str, reason: Text = "") -> Response:
    """A person says that what stopped the account is put right."""
    return _done(request, here, "released", lambda work: _release(work, account_id, reason))


@router.post("/accounts/{account_id}/label", dependencies=KEEPERS)
def label_form(request: Request, here: HereNow, account_id: str, label: Text = "") -> Response:
    """What people call this login on its tiles."""
    return _done(request, here, "labelled", lambda work: _label(work, account_id, label))


@router.post("/accounts/{account_id}/early-sign-in", dependencies=KEEPERS)
def early_form(request: Request, here: HereNow, account_id: str, at: Text = "", location: Text = "") -> Response:
    """When this login signs in by itself."""
    return _done(request, here, "early", lambda work: _early(work, account_id, at, location))


# --- the same as data


@router.get("/api/v1/accounts", dependencies=VIEWERS)
def data(here: HereNow) -> dict[str, Any]:
    """All accounts within reach, those that need somebody first; no secret."""
    with here.reading() as work:
        return {"data": account_rows(work, here.portunus.vault)}


@router.get("/api/v1/accounts/{account_id}", dependencies=VIEWERS)
def one(here: HereNow, account_id: str) -> dict[str, Any]:
    """One account."""
    with here.reading() as work:
        return _row(here, work, account_id)


@router.post("/api/v1/accounts", status_code=201, dependencies=KEEPERS)
def add(here: HereNow, asked: NewAccount, response: Response) -> dict[str, Any]:
    """A new account; its codes go to the code desk, or come from its authenticator seed."""
    with here.unit() as work:
        row = _row(here, work, _add(here, work, asked))
    response.headers["Location"] = f"/api/v1/accounts/{row['id']}"
    return row


@router.post("/api/v1/accounts/{account_id}/credential", dependencies=KEEPERS)
def replace(here: HereNow, account_id: str, asked: NewCredential) -> dict[str, Any]:
    """Store a new password, authenticator seed or security answers. What is stored cannot be read back."""
    with here.unit() as work:
        return _row(here, work, _replace(here, work, account_id, asked))


@router.post("/api/v1/accounts/{account_id}/release", dependencies=KEEPERS)
def release(here: HereNow, account_id: str, asked: Released) -> dict[str, Any]:
    """A person says that what stopped the account is put right."""
    with here.unit() as work:
        return _row(here, work, _release(work, account_id, asked.reason))


@router.post("/api/v1/accounts/{account_id}/label", dependencies=KEEPERS)
def label(here: HereNow, account_id: str, asked: Labelled) -> dict[str, Any]:
    """What people call this login on its tiles."""
    with here.unit() as work:
        return _row(here, work, _label(work, account_id, asked.label))


@router.post("/api/v1/accounts/{account_id}/early-sign-in", dependencies=KEEPERS)
def early_sign_in(here: HereNow, account_id: str, asked: EarlySignIn) -> dict[str, Any]:
    """When this login signs in by itself; an empty time switches it off."""
    with here.unit() as work:
        return _row(here, work, _early(work, account_id, asked.at, asked.location))


# --- inside


def _add(here: Here, work: Unit, asked: NewAccount) -> str:
    places = [place for key in asked.locations if (place := location_by_key(work, key))]
    for place in places:
        require(work, Permission.ACCOUNT_MANAGE, location=place)
    if not asked.password:
        raise Incomplete("Type the login's password; nobody will be able to read it here again.")
    row = directory.create_account(
        work,
        portal=directory.portal_by_key(work, asked.portal),
        username=asked.username,
        label=asked.label,
        login_kind=asked.login_kind,
        locations=places,
        methods=[Method("desk", template={"pattern": r"\d{4,8}"})],
        shared_reason=asked.shared_reason or None,
        review_on=_day(asked.review_on),
        owner_id=here.actor.id,
    )
    _store(here, work, row, asked)
    return row.id


def _replace(here: Here, work: Unit, account_id: str, asked: NewCredential) -> str:
    row = _kept(work, account_id)
    if not (asked.password or asked.totp_seed or asked.answers):
        raise Incomplete("Type the new password, authenticator seed, or a security question with its answer.")
    _store(here, work, row, asked)
    if asked.answers:
        questions.keep(work, here.portunus.vault, row, asked.answers)
    return row.id


def _store(here: Here, work: Unit, row: PortalAccount, asked: NewAccount | NewCredential) -> None:
    require(work, Permission.SECRET_STORE, account=row)
    vault = here.portunus.vault
    if asked.password:
        vault.put(work, row.organization_id, "portal_account", row.id, "password", asked.password.encode())
    if asked.totp_seed:
        first = all(method.channel == "desk" for method in row.mfa_methods)
        authenticator.keep_seed(work, vault, row, asked.totp_seed, asked.totp_code, first=first)


def _release(work: Unit, account_id: str, reason: str) -> str:
    row = _kept(work, account_id)
    directory.release_account(work, row, reason)
    return row.id


def _label(work: Unit, account_id: str, label: str) -> str:
    row = _kept(work, account_id)
    directory.label_account(work, row, label)
    return row.id


def _early(work: Unit, account_id: str, at: str, location: str) -> str:
    row = _kept(work, account_id)
    early.set_time(work, row.id, at, location_by_key(work, location) if location else None)
    return row.id


def _kept(work: Unit, account_id: str) -> PortalAccount:
    row = directory.account_by_id(work, account_id)
    require(work, Permission.ACCOUNT_MANAGE, account=row)
    return row


def _row(here: Here, work: Unit, account_id: str) -> dict[str, Any]:
    """The account as its viewers may see it. Raises `NotFound`."""
    for row in account_rows(work, here.portunus.vault):
        if row["id"] == account_id:
            return row
    raise NotFound(NOTHING_THERE)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as wrong:
        raise Incomplete("The review date must look like 2027-01-31.") from wrong


def _done(request: Request, here: Here, said: str, act: Callable[[Unit], str]) -> Response:
    """Do it and lead back to the account; or say on the page what was wrong."""
    try:
        with here.unit() as work:
            account_id = act(work)
    except BrokerError as no:
        if isinstance(no, NotFound):
            raise
        return _page(request, here, error=no)
    return RedirectResponse(f"/accounts?done={said}#{account_id}", 303)


def _page(request: Request, here: Here, error: BrokerError | None = None, said: str = "") -> Response:
    with here.reading() as work:
        rows = account_rows(work, here.portunus.vault)
        seen_by_another = select(Portal).where(Portal.status != directory.PROPOSED).order_by(Portal.name)
        portals = [(row.key, row.name) for row in work.db.scalars(seen_by_another)]
        where = reach(work, Permission.ACCOUNT_MANAGE)
        places = [
            (row.key, row.name)
            for row in work.db.scalars(select(Location).order_by(Location.name))
            if where.covers(location_id=row.id)
        ]
    return page(
        request,
        "accounts.html",
        status=error.status if error else 200,
        rows=rows,
        stopped=[row for row in rows if row["status"] != "active"],
        portals=portals,
        locations=places,
        may_manage=Permission.ACCOUNT_MANAGE in here.held,
        kinds=directory.LOGIN_KINDS,
        error=error.message if error else "",
        said=said,
    )
