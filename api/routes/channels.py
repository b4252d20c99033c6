"""Where codes arrive: mailboxes, phones and desks, each with its set-up, its last messages and its health."""

import base64
import os
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access import HereNow, permits
from api.channel_pages import add, kept_row, list_page, one_page, store
from broker.base.errors import Conflict, Incomplete
from broker.directory import endpoints
from broker.identity.policy import Permission

router = APIRouter()
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]
Text = Annotated[str, Form(max_length=400)]
Secret = Annotated[str, Form(max_length=2000)]
SAID = (Incomplete, Conflict)
PROVIDERS = ("standard", "twilio", "gateway")


@router.get("/channels", dependencies=KEEPERS)
def channels(request: Request, here: HereNow) -> Response:
    """All of them, those in trouble first, and forms to add one."""
    return list_page(request, here)


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
            row = add(work, "mailbox", name, address, settings, custodian)
            store(here, work, row, "mailbox_password", password)
    except SAID as no:
        return list_page(request, here, no)
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
            row = add(work, "phone", name, address, {"provider": provider}, custodian)
            store(here, work, row, "webhook_secret", secret.strip() or made)
    except SAID as no:
        return list_page(request, here, no)
    return one_page(request, here, row.id, secret=made) if made else RedirectResponse(f"/channels/{row.id}", 303)


@router.get("/channels/{endpoint_id}", dependencies=KEEPERS)
def channel(request: Request, here: HereNow, endpoint_id: str) -> Response:
    """One of them: how it is, what it must be told, what came last."""
    return one_page(request, here, endpoint_id)


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
            row = kept_row(work, endpoint_id)
            settings: dict[str, Any] = dict(row.settings)
            if row.kind == "mailbox":
                told = {"host": host, "port": port, "tls": not plain, "username": username, "folder": folder}
                settings |= endpoints.mailbox_settings({**told, "trusted_authserv": authserv})
            endpoints.change_endpoint(work, row, name=name, custodian=custodian or None, settings=settings)
            if secret:
                if row.kind == "phone" and len(secret.strip()) < 16:
                    raise Incomplete("That signing key is too short to be safe: it needs at least 16 characters.")
                mail_secret = "client_secret" if settings.get("consent") else "mailbox_password"
                field = mail_secret if row.kind == "mailbox" else "webhook_secret"
                store(here, work, row, field, secret.strip() if row.kind == "phone" else secret)
    except SAID as no:
        return one_page(request, here, endpoint_id, error=no)
    return RedirectResponse(f"/channels/{endpoint_id}", 303)


def new_webhook_secret() -> str:
    """A signing key in the Standard Webhooks form: 32 random bytes."""
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()
