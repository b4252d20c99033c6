"""Mailboxes read by their owner's consent (Gmail, Microsoft 365): added, connected, connected again. No password is typed here."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits, public
from api.channel_pages import add, consent_back, kept_row, one_page, store
from api.pages import page
from api.routes.channel_kinds import kind_page
from broker.adapters.oauth_tokens import OAuthTokens
from broker.base.errors import BrokerError, Conflict, Incomplete
from broker.codes import consent
from broker.directory import endpoints
from broker.identity.policy import Permission

router = APIRouter()
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]
Text = Annotated[str, Form(max_length=600)]
Secret = Annotated[str, Form(max_length=2000)]
LONGEST = 4000
"""Characters of a provider's code or state."""


@router.post("/channels/mailbox/consent", dependencies=KEEPERS)
def add_mailbox(
    request: Request,
    here: HereNow,
    provider: Text = "",
    name: Text = "",
    address: Text = "",
    client_id: Text = "",
    client_secret: Secret = "",
    tenant: Text = "",
    folder: Text = "INBOX",
    authserv: Text = "",
    custodian: Text = "",
    host: Text = "",
    port: Text = "993",
    plain: Text = "",
    authorize_url: Text = "",
    token_url: Text = "",
    scope: Text = "",
) -> Response:
    """The mailbox, and at once the way to ask its owner."""
    told = {"client_id": client_id, "tenant": tenant, "authorize_url": authorize_url, "token_url": token_url}
    try:
        agreed = consent.settings(provider, told | {"scope": scope})
        known = consent.PROVIDERS[provider]
        values = {"host": known.host or host, "port": "993" if known.host else port, "tls": known.host or not plain}
        settings = endpoints.mailbox_settings(
            values | {"username": address, "folder": folder, "trusted_authserv": authserv or known.authserv}
        )
        with here.unit() as work:
            row = add(work, "mailbox", name, address, settings | {"consent": agreed}, custodian)
            row.health, row.health_words = "unlinked", consent.NOT_GIVEN
            if client_secret:
                store(here, work, row, "client_secret", client_secret.strip())
            url = consent.ask(work, here.portunus.vault, row, consent_back(here))
    except (Incomplete, Conflict) as no:
        told |= {"provider": provider, "name": name, "address": address, "folder": folder, "authserv": authserv}
        told |= {"custodian": custodian, "host": host, "port": port, "plain": plain, "scope": scope}
        return kind_page(request, here, "email", error=no, typed=told)
    return one_page(request, here, row.id, consent_url=url)


@router.post("/channels/{endpoint_id}/consent", dependencies=KEEPERS)
def ask_again(request: Request, here: HereNow, endpoint_id: str) -> Response:
    """The way to ask the owner again, once more from nothing."""
    with here.unit() as work:
        url = consent.ask(work, here.portunus.vault, kept_row(work, endpoint_id), consent_back(here))
    return one_page(request, here, endpoint_id, consent_url=url)


@router.get("/channels/consent/back", dependencies=[public("a provider's redirect carries no strict cookie")])
def back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Where the provider sends the browser. It does nothing but go on from here, as our own page and so signed in."""
    told = {"state": state[:LONGEST], "code": code[:LONGEST], "error": error[:80]}
    onward = "/channels/consent/finish?" + urlencode({name: value for name, value in told.items() if value})
    return page(request, "consent_back.html", onward=onward)


@router.get("/channels/consent/finish", dependencies=KEEPERS)
def finish(request: Request, here: HereNow, state: str = "", code: str = "", error: str = "") -> Response:
    """Redeem the answer; the state, made for this person and good once, stands for the CSRF token (RFC 6749 10.12)."""
    try:
        if error or not code:
            raise Incomplete(
                "The provider did not give the permission. Open the mailbox's page here, and ask once more."
            )
        endpoint_id = _redeemed(here, state, code)
    except BrokerError as no:
        return kind_page(request, here, "email", error=no)
    return RedirectResponse(f"/channels/{endpoint_id}", 303)


def _redeemed(here: Here, state: str, code: str) -> str:
    vault, where = here.portunus.vault, consent_back(here)
    return consent.answered(here.unit, vault, OAuthTokens(), state=state, code=code, back=where)
