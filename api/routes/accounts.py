"""Portal accounts: their state, how they get codes, and their credentials, which can be replaced and never shown."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError, Incomplete
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Location, Portal, PortalAccount
from broker.directory.service import Method
from broker.identity.policy import Permission, reach, require
from broker.tabs import service as tabs
from broker.vault.totp import Seed

router = APIRouter()
Text = Annotated[str, Form(max_length=400)]
Secret = Annotated[str, Form(max_length=2000)]
VIEWERS = [permits(Permission.ACCOUNT_VIEW)]
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]


@router.get("/accounts", dependencies=VIEWERS)
def accounts(request: Request, here: HereNow) -> Response:
    """All accounts within reach."""
    return _page(request, here)


@router.get("/api/v1/accounts", dependencies=VIEWERS)
def data(here: HereNow) -> dict[str, Any]:
    """The same as data."""
    return {"data": _rows(here)}


@router.post("/accounts", dependencies=KEEPERS)
def add(
    request: Request,
    here: HereNow,
    portal: Text = "",
    username: Text = "",
    password: Secret = "",
    login_kind: Text = "individual",
    locations: Annotated[list[str] | None, Form()] = None,
    shared_reason: Text = "",
    review_on: Text = "",
) -> Response:
    """A new account; its codes go to the code desk until a channel is set."""
    try:
        with here.unit() as work:
            places = [place for key in locations or [] if (place := directory.location_by_key(work, key))]
            for place in places:
                require(work, Permission.ACCOUNT_MANAGE, location=place)
            if not password:
                raise Incomplete("Type the login's password; nobody will be able to read it here again.")
            row = directory.create_account(
                work,
                portal=directory.portal_by_key(work, portal),
                username=username,
                login_kind=login_kind,
                locations=places,
                methods=[Method("desk", template={"pattern": r"\d{4,8}"})],
                shared_reason=shared_reason or None,
                review_on=_day(review_on),
                owner_id=here.actor.id,
            )
            here.portunus.vault.put(work, row.organization_id, "portal_account", row.id, "password", password.encode())
    except BrokerError as no:
        return _page(request, here, error=no)
    return RedirectResponse("/accounts", 303)


@router.post("/accounts/{account_id}/credential", dependencies=KEEPERS)
def replace(
    request: Request, here: HereNow, account_id: str, password: Secret = "", totp_seed: Secret = ""
) -> Response:
    """Store a new password or authenticator seed. What is stored cannot be read back."""
    try:
        with here.unit() as work:
            row = _kept(work, account_id)
            if not password and not totp_seed:
                raise Incomplete("Type the new password or authenticator seed.")
            if password:
                here.portunus.vault.put(
                    work, row.organization_id, "portal_account", row.id, "password", password.encode()
                )
            if totp_seed:
                Seed.parse(totp_seed)
                here.portunus.vault.put(
                    work, row.organization_id, "portal_account", row.id, "totp_seed", totp_seed.encode()
                )
    except Incomplete as no:
        return _page(request, here, error=no)
    return RedirectResponse(f"/accounts#{account_id}", 303)


@router.post("/accounts/{account_id}/release", dependencies=KEEPERS)
def release(request: Request, here: HereNow, account_id: str, reason: Text = "") -> Response:
    """A person says that what stopped the account is put right."""
    try:
        with here.unit() as work:
            directory.release_account(work, _kept(work, account_id), reason)
    except Incomplete as no:
        return _page(request, here, error=no)
    return RedirectResponse(f"/accounts#{account_id}", 303)


def _kept(work: Unit, account_id: str) -> PortalAccount:
    row = directory.account_by_id(work, account_id)
    require(work, Permission.ACCOUNT_MANAGE, account=row)
    return row


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as wrong:
        raise Incomplete("The review date must look like 2027-01-31.") from wrong


def _page(request: Request, here: Here, error: BrokerError | None = None) -> Response:
    with here.reading() as work:
        portals = [(row.key, row.name) for row in work.db.scalars(select(Portal).order_by(Portal.name))]
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
        rows=_rows(here),
        portals=portals,
        locations=places,
        may_manage=Permission.ACCOUNT_MANAGE in here.held,
        kinds=directory.LOGIN_KINDS,
        error=error.message if error else "",
    )


def _rows(here: Here) -> list[dict[str, Any]]:
    vault = here.portunus.vault
    with here.reading() as work:
        where = reach(work, Permission.ACCOUNT_VIEW)
        rows = []
        for row in work.db.scalars(select(PortalAccount)):
            places = [place.id for place in row.locations]
            if not any(where.covers(account_id=row.id, location_id=place) for place in places):
                continue
            stored = vault.set_at(work, "portal_account", row.id, "password")
            rows.append(
                {
                    "id": row.id,
                    "portal": row.portal.name,
                    "username": row.username,
                    "login_kind": row.login_kind.replace("_", " "),
                    "locations": [place.name for place in row.locations],
                    "status": row.status,
                    "status_words": row.status_words or "",
                    "stored_at": stored[0].isoformat() if stored else None,
                    "has_seed": vault.has(work, "portal_account", row.id, "totp_seed"),
                    "tries_left": tabs.tries_left(work, row),
                    "automation": row.portal.automation,
                    "shared_reason": row.shared_reason or "",
                    "review_on": row.review_on.isoformat() if row.review_on else "",
                    "channels": [
                        {
                            "channel": method.channel,
                            "to": method.masked_destination,
                            "endpoint": method.endpoint.name if method.endpoint else "",
                            "health": method.endpoint.health if method.endpoint else "",
                            "health_words": (method.endpoint.health_words or "") if method.endpoint else "",
                        }
                        for method in row.mfa_methods
                    ],
                }
            )
        return sorted(rows, key=lambda one: (one["portal"], one["username"]))
