"""Where codes arrive: mailboxes, phones and desks, each with its set-up, its last messages and its health."""

import base64
import os
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError, Conflict, Incomplete, NotFound
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes import timing
from broker.directory import endpoints
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, MfaMethod
from broker.identity.policy import NOTHING_THERE, Permission, organization_of, reach

router = APIRouter()
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]
Text = Annotated[str, Form(max_length=400)]
Secret = Annotated[str, Form(max_length=2000)]
SAID = (Incomplete, Conflict)
PROVIDERS = ("standard", "twilio", "gateway")
UNSET = {
    "provider": "standard",
    "host": "",
    "port": 993,
    "tls": True,
    "username": "",
    "folder": "INBOX",
    "trusted_authserv": None,
}


@router.get("/channels", dependencies=KEEPERS)
def channels(request: Request, here: HereNow) -> Response:
    """All of them, those in trouble first, and forms to add one."""
    return _list(request, here)


@router.post("/channels/mailbox", dependencies=KEEPERS)
def add_mailbox(
    request: Request,
    here: HereNow,
    name: Text = "",
    address: Text = "",
    host: Text = "",
    port: Text = "993",
    username: Text = "",
    password: Secret = "",
    folder: Text = "INBOX",
    authserv: Text = "",
    custodian: Text = "",
    plain: Text = "",
) -> Response:
    """A mailbox; the watcher connects at once and says how it went."""
    try:
        settings = endpoints.mailbox_settings(
            {
                "host": host,
                "port": port,
                "tls": not plain,
                "username": username or address,
                "folder": folder,
                "trusted_authserv": authserv,
            }
        )
        if not password:
            raise Incomplete("Type the mailbox's password; nobody will be able to read it here again.")
        with here.unit() as work:
            row = _add(work, "mailbox", name, address, settings, custodian)
            _store(here, work, row, "mailbox_password", password)
    except SAID as no:
        return _list(request, here, no)
    return RedirectResponse(f"/channels/{row.id}", 303)


@router.post("/channels/phone", dependencies=KEEPERS)
def add_phone(
    request: Request,
    here: HereNow,
    name: Text = "",
    address: Text = "",
    provider: Text = "standard",
    secret: Secret = "",
    custodian: Text = "",
) -> Response:
    """A telephone number whose text messages a provider or a forwarder app posts here, signed."""
    try:
        if provider not in PROVIDERS:
            raise Incomplete("Choose who posts the text messages.")
        made = "" if secret else new_webhook_secret()
        if provider != "standard" and not secret:
            raise Incomplete(
                "Type the provider's own signing key: the auth token of Twilio, the signing key of the app."
            )
        if secret and len(secret.strip()) < 16:
            raise Incomplete("That signing key is too short to be safe: it needs at least 16 characters.")
        with here.unit() as work:
            row = _add(work, "phone", name, address, {"provider": provider}, custodian)
            _store(here, work, row, "webhook_secret", secret.strip() or made)
    except SAID as no:
        return _list(request, here, no)
    return _one(request, here, row.id, secret=made) if made else RedirectResponse(f"/channels/{row.id}", 303)


@router.get("/channels/{endpoint_id}", dependencies=KEEPERS)
def channel(request: Request, here: HereNow, endpoint_id: str) -> Response:
    """One of them: how it is, what it must be told, what came last."""
    return _one(request, here, endpoint_id)


@router.post("/channels/{endpoint_id}", dependencies=KEEPERS)
def change(
    request: Request,
    here: HereNow,
    endpoint_id: str,
    name: Text = "",
    custodian: Text = "",
    host: Text = "",
    port: Text = "993",
    username: Text = "",
    folder: Text = "INBOX",
    authserv: Text = "",
    plain: Text = "",
    secret: Secret = "",
) -> Response:
    """New settings or a new secret; an empty secret leaves the stored one."""
    try:
        with here.unit() as work:
            row = _kept(work, endpoint_id)
            settings: dict[str, Any] = dict(row.settings)
            if row.kind == "mailbox":
                told = {"host": host, "port": port, "tls": not plain, "username": username, "folder": folder}
                settings |= endpoints.mailbox_settings({**told, "trusted_authserv": authserv})
            endpoints.change_endpoint(work, row, name=name, custodian=custodian or None, settings=settings)
            if secret:
                if row.kind == "phone" and len(secret.strip()) < 16:
                    raise Incomplete("That signing key is too short to be safe: it needs at least 16 characters.")
                field = "mailbox_password" if row.kind == "mailbox" else "webhook_secret"
                _store(here, work, row, field, secret.strip() if row.kind == "phone" else secret)
    except SAID as no:
        return _one(request, here, endpoint_id, error=no)
    return RedirectResponse(f"/channels/{endpoint_id}", 303)


def new_webhook_secret() -> str:
    """A signing key in the Standard Webhooks form: 32 random bytes."""
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def _add(work: Unit, kind: str, name: str, address: str, settings: dict[str, Any], custodian: str) -> DeliveryEndpoint:
    where = reach(work, Permission.ACCOUNT_MANAGE)
    organization = where.organization_id or organization_of(work)
    if not organization or (not where.everywhere and where.organization_id is None):
        raise Conflict("Only who administers the whole organization can add a channel.")
    kept = endpoints.address(kind, address)
    taken = select(DeliveryEndpoint.id).where(DeliveryEndpoint.kind == kind, DeliveryEndpoint.address == kept)
    if work.db.scalar(taken.limit(1)):
        raise Conflict("There is a channel with this address already.")
    return directory.create_endpoint(
        work, organization, kind=kind, name=name or kept, address=kept, settings=settings, custodian=custodian or None
    )


def _store(here: Here, work: Unit, row: DeliveryEndpoint, field: str, value: str) -> None:
    here.portunus.vault.put(work, row.organization_id, "delivery_endpoint", row.id, field, value.encode())


def _kept(work: Unit, endpoint_id: str) -> DeliveryEndpoint:
    row = work.db.get(DeliveryEndpoint, endpoint_id)
    where = reach(work, Permission.ACCOUNT_MANAGE)
    if row is None or not (where.everywhere or row.organization_id == where.organization_id):
        raise NotFound(NOTHING_THERE)
    return row


def _list(request: Request, here: Here, error: BrokerError | None = None) -> Response:
    with here.reading() as work:
        where = reach(work, Permission.ACCOUNT_MANAGE)
        query = select(DeliveryEndpoint).order_by(DeliveryEndpoint.kind, DeliveryEndpoint.name)
        if not where.everywhere:
            query = query.where(DeliveryEndpoint.organization_id == (where.organization_id or ""))
        rows = [_shown(here, work, row) for row in work.db.scalars(query)]
    rows.sort(key=lambda row: row["health"] != "down")
    said = error.message if error else ""
    return page(request, "channels.html", status=error.status if error else 200, rows=rows, error=said)


def _one(
    request: Request, here: Here, endpoint_id: str, *, error: BrokerError | None = None, secret: str = ""
) -> Response:
    with here.reading() as work:
        row = _kept(work, endpoint_id)
        shown = _shown(here, work, row)
        messages = codes.messages(work, [row.id], limit=15)
    return page(
        request,
        "channel.html",
        status=error.status if error else 200,
        row=shown,
        messages=messages,
        secret=secret,
        hook=f"{here.portunus.settings.public_url}/hooks/sms/{row.address.lstrip('+')}",
        error=error.message if error else "",
    )


def _shown(here: Here, work: Unit, row: DeliveryEndpoint) -> dict[str, Any]:
    field = {"mailbox": "mailbox_password", "phone": "webhook_secret"}.get(row.kind)
    stored = here.portunus.vault.set_at(work, "delivery_endpoint", row.id, field) if field else None
    users = work.db.scalars(select(MfaMethod).where(MfaMethod.endpoint_id == row.id, MfaMethod.preference == 0)).all()
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "address": row.address,
        "custodian": row.custodian or "",
        "settings": UNSET | row.settings,
        "health": row.health,
        "health_words": row.health_words or "",
        "health_at": row.health_at,
        "stored_at": stored[0] if stored else None,
        "logins": sorted(f"{one.account.portal.name} {one.account.username}" for one in users),
        "clock_s": _clock(row),
    }


def _clock(row: DeliveryEndpoint) -> int:
    """By how many seconds the mail server's clock seems to be off."""
    return round(timing.clock_error(row.cursor.get("lags", [])).total_seconds())
