"""Where codes arrive: mailboxes, phones and desks, each with its set-up, its last messages and its health."""

import base64
import os
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access import HereNow, permits
from api.channel_kinds import POSTERS
from api.channel_pages import add, kept_row, list_page, one_page, store
from api.routes.channel_kinds import kind_page
from broker.base.errors import Conflict, Incomplete
from broker.codes import consent
from broker.directory import endpoints
from broker.directory.models import DeliveryEndpoint
from broker.identity.policy import Permission

router = APIRouter()
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]
Text = Annotated[str, Form(max_length=400)]
Secret = Annotated[str, Form(max_length=2000)]
SAID = (Incomplete, Conflict)
PROVIDERS = tuple(POSTERS)
LEAST_KEY = 16
SHORT_KEY = f"That signing key is too short to be safe: it needs at least {LEAST_KEY} characters."
SECRETS = ("mailbox_password", "client_secret", "refresh_token", "consent_asked", "webhook_secret")


@router.get("/channels", dependencies=KEEPERS)
def channels(request: Request, here: HereNow) -> Response:
    """The kinds with their pages, and all mailboxes and numbers, those in trouble first."""
    removed = "Removed. What came to it stays in the audit log." if request.query_params.get("removed") else ""
    return list_page(request, here, removed)


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
        typed = {"name": name, "address": address, "host": host, "port": port, "username": username, "folder": folder}
        return kind_page(
            request,
            here,
            "email",
            error=no,
            typed=typed | {"authserv": authserv, "custodian": custodian, "plain": plain},
        )
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
        if secret and len(secret.strip()) < LEAST_KEY:
            raise Incomplete(SHORT_KEY)
        with here.unit() as work:
            row = add(work, "phone", name, address, {"provider": provider}, custodian)
            store(here, work, row, "webhook_secret", secret.strip() or made)
    except SAID as no:
        typed = {"name": name, "address": address, "provider": provider, "custodian": custodian}
        return kind_page(request, here, "sms", error=no, typed=typed)
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
    address: Text = "",
    custodian: Text = "",
    host: Text = "",
    port: Text = "993",
    username: Text = "",
    folder: Text = "INBOX",
    authserv: Text = "",
    plain: Text = "",
    provider: Text = "",
    client_id: Secret = "",
    tenant: Text = "",
    secret: Secret = "",
) -> Response:
    """New settings or a new secret; an empty secret leaves the stored one."""
    told = {"host": host, "port": port, "tls": not plain, "username": username, "folder": folder}
    try:
        with here.unit() as work:
            row = kept_row(work, endpoint_id)
            if row.kind == "phone":
                settings, made = _phone(row, provider, secret)
            else:
                settings, made = _mailbox(row, told | {"trusted_authserv": authserv}), ""
            kept = endpoints.address(row.kind, address) if address else row.address
            endpoints.refuse_taken(work, row.organization_id, row.kind, kept, settings.get("folder") or "INBOX", row.id)
            endpoints.change_endpoint(
                work, row, name=name, custodian=custodian or None, settings=settings, new_address=kept
            )
            if settings.get("consent") and client_id:
                consent.registered_anew(work, here.portunus.vault, row, client_id, tenant)
            if secret or made:
                mail = "client_secret" if settings.get("consent") else "mailbox_password"
                phone = row.kind == "phone"
                store(
                    here, work, row, "webhook_secret" if phone else mail, made or (secret.strip() if phone else secret)
                )
    except SAID as no:
        return one_page(request, here, endpoint_id, error=no)
    if made:
        return one_page(request, here, endpoint_id, secret=made)
    return RedirectResponse(f"/channels/{endpoint_id}", 303)


@router.post("/channels/{endpoint_id}/remove", dependencies=KEEPERS)
def remove(request: Request, here: HereNow, endpoint_id: str) -> Response:
    """Nothing comes to it any more; its secrets are destroyed."""
    try:
        with here.unit() as work:
            row = kept_row(work, endpoint_id)
            endpoints.remove_endpoint(work, row)
            for field in SECRETS:
                if here.portunus.vault.has(work, "delivery_endpoint", row.id, field):
                    here.portunus.vault.destroy(work, "delivery_endpoint", row.id, field)
    except SAID as no:
        return one_page(request, here, endpoint_id, error=no)
    return RedirectResponse("/channels?removed=1", 303)


def _mailbox(row: DeliveryEndpoint, told: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = dict(row.settings)
    return settings | endpoints.mailbox_settings(told) if row.kind == "mailbox" else settings


def _phone(row: DeliveryEndpoint, provider: str, secret: str) -> tuple[dict[str, Any], str]:
    """Its settings, and a signing key that was made now (empty otherwise): another poster has another key."""
    before = row.settings.get("provider") or "standard"
    provider = provider or before
    if provider not in PROVIDERS:
        raise Incomplete("Choose who posts the text messages.")
    if secret and len(secret.strip()) < LEAST_KEY:
        raise Incomplete(SHORT_KEY)
    if provider not in (before, "standard") and not secret:
        raise Incomplete("Type the signing key of who posts the text messages from now on.")
    made = new_webhook_secret() if provider != before and not secret else ""
    return row.settings | {"provider": provider}, made


def new_webhook_secret() -> str:
    """A signing key in the Standard Webhooks form: 32 random bytes."""
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()
