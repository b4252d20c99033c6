"""A mailbox that is read by its owner's consent (Gmail, Microsoft 365) instead of by a password: asked, kept, renewed.

The consent is asked in the owner's browser with PKCE (RFC 7636); its refresh token and the client's secret are in the
vault. No request to a provider is made while a transaction is open.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import delete, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.base.unit import Unit
from broker.codes.authentication import EXCHANGE
from broker.directory.models import DeliveryEndpoint
from broker.identity.models import OneTimeUse
from broker.ports.tokens import Client, Token, Tokens
from broker.vault.service import Vault

Units = Callable[[], AbstractContextManager[Unit]]
ASKED = "consent"
ANSWER_WITHIN = timedelta(minutes=10)
ANY_TENANT = "organizations"
"""Microsoft's word for any organization's directory."""
LONGEST = 500
NOT_GIVEN = "Nobody has given Portunus the permission to read this mailbox yet: give it on this channel's page."
OWNER = "delivery_endpoint"


@dataclass(frozen=True)
class Provider:
    """Where a provider asks its users and gives out tokens, and what else is the same for all of its mailboxes."""

    name: str
    authorize_url: str
    token_url: str
    scope: str
    host: str = ""
    authserv: str = ""
    """The name its receiving servers sign their verdicts with."""
    also: dict[str, str] = field(default_factory=dict)
    """What must be said for a refresh token to be given."""


PROVIDERS = {
    "google": Provider(
        "Gmail or Google Workspace",
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "https://mail.google.com/",
        host="imap.gmail.com",
        authserv="mx.google.com",
        also={"access_type": "offline", "prompt": "consent"},
    ),
    "microsoft": Provider(
        "Microsoft 365",
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        host="outlook.office365.com",
        authserv=EXCHANGE,
    ),
    "other": Provider("Another provider that speaks OAuth 2.0", "", "", ""),
}
"""developers.google.com/workspace/gmail/imap/xoauth2-protocol;
learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"""


def settings(provider: str, values: dict[str, str]) -> dict[str, str]:
    """What is kept of a consent with the mailbox's settings; no secret. Raises `Incomplete` in words."""
    known = PROVIDERS.get(provider)
    if known is None:
        raise Incomplete("Choose whose mailbox it is.")
    client_id = values.get("client_id", "").strip()
    if not client_id or len(client_id) > LONGEST or not client_id.isprintable():
        raise Incomplete("Type the client id that the provider shows for Portunus.")
    tenant = values.get("tenant", "").strip() or ANY_TENANT
    if not tenant.replace("-", "").replace(".", "").isalnum() or len(tenant) > 120:
        raise Incomplete("The directory (tenant) is an id or a name like example.com.")
    own = provider == "other"
    return {
        "provider": provider,
        "client_id": client_id,
        "authorize_url": _address(values.get("authorize_url", "") if own else known.authorize_url, tenant),
        "token_url": _address(values.get("token_url", "") if own else known.token_url, tenant),
        "scope": _scope(values.get("scope", "") if own else known.scope),
    }


def tenant_of(kept: dict[str, Any]) -> str:
    """The directory (tenant) that was typed for it; empty where its provider has none, or for the usual one."""
    before, _, after = PROVIDERS[kept["provider"]].token_url.partition("{tenant}")
    url = str(kept["token_url"])
    tenant = url.removeprefix(before).removesuffix(after) if after else ""
    return "" if tenant == ANY_TENANT else tenant


def registered_anew(work: Unit, vault: Vault, row: DeliveryEndpoint, client_id: str, tenant: str) -> None:
    """Another client id or tenant: the permission belonged to the one before, so its owner is asked again. Raises `Incomplete`."""
    kept = _kept(row)
    agreed = settings(kept["provider"], {**kept, "client_id": client_id, "tenant": tenant})
    if agreed == kept:
        return
    row.settings = row.settings | {"consent": agreed}
    vault.destroy(work, OWNER, row.id, "refresh_token")
    row.health, row.health_words, row.health_at = "unlinked", NOT_GIVEN, work.clock.now()


def _address(url: str, tenant: str) -> str:
    url = url.strip().replace("{tenant}", tenant)
    parts = urlsplit(url) if len(url) <= LONGEST and url.isprintable() and " " not in url else urlsplit("")
    here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not (parts.scheme == "https" or here) or not parts.hostname or parts.username or parts.fragment:
        raise Incomplete(
            "The provider's two addresses begin with https://: where it asks its users, and where it gives tokens."
        )
    return url


def _scope(scope: str) -> str:
    scope = " ".join(scope.split())
    if len(scope) > LONGEST or not scope.isprintable():
        raise Incomplete("The scope is a few words as the provider's manual gives them.")
    return scope


def ask(work: Unit, vault: Vault, row: DeliveryEndpoint, back: str) -> str:
    """The address at which the mailbox's owner is asked; good once, for ten minutes, for who asked for it.

    Raises `Conflict` for a mailbox that is read with a password.
    """
    kept = _kept(row)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    work.db.execute(
        delete(OneTimeUse).where(OneTimeUse.kind == ASKED, OneTimeUse.at <= work.clock.now() - ANSWER_WITHIN)
    )
    work.db.execute(delete(OneTimeUse).where(OneTimeUse.kind == ASKED, OneTimeUse.result_id == row.id))
    work.db.add(OneTimeUse(kind=ASKED, key=_hidden(state), at=work.clock.now(), result_id=row.id))
    asked = json.dumps({"verifier": verifier, "by": work.actor.id}).encode()
    vault.put(work, row.organization_id, OWNER, row.id, "consent_asked", asked)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    question = {
        "response_type": "code",
        "client_id": kept["client_id"],
        "redirect_uri": back,
        "scope": kept["scope"],
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": row.settings.get("username") or row.address,
        **PROVIDERS[kept["provider"]].also,
    }
    url = kept["authorize_url"]
    return f"{url}{'&' if '?' in url else '?'}{urlencode({name: value for name, value in question.items() if value})}"


def answered(units: Units, vault: Vault, tokens: Tokens, *, state: str, code: str, back: str) -> str:
    """The owner's browser came back: redeem the code and keep the refresh token. The mailbox's id.

    Raises `Refused` for an answer that nobody here asked for, and what `Tokens` raises.
    """
    with units() as work:
        row, verifier = _asked(work, vault, state)
        endpoint_id, client = row.id, _client(work, vault, row)
    token = tokens.redeem(client, code, verifier, back)
    if token.refresh is None:
        raise Refused(
            "The provider gave access for an hour only (no refresh token): withdraw Portunus's permission there, and give it anew.",
            code="mailbox-consent",
        )
    with units() as work:
        row = work.db.get_one(DeliveryEndpoint, endpoint_id)
        vault.put(work, row.organization_id, OWNER, row.id, "refresh_token", token.refresh.encode())
        row.health, row.health_words, row.health_at = (
            "unknown",
            "The permission was given; it is tried now.",
            work.clock.now(),
        )
        audit.record(
            work, Act.ENDPOINT_CHANGED, OWNER, row.id, location_id=row.location_id, detail={"kind": "consent given"}
        )
    return endpoint_id


def _asked(work: Unit, vault: Vault, state: str) -> tuple[DeliveryEndpoint, str]:
    """The mailbox and the verifier of a question, once."""
    foreign = Refused(
        "This answer belongs to no question of yours, or came too late. Start again on the channel's page."
    )
    asked = work.db.scalar(
        select(OneTimeUse).where(OneTimeUse.kind == ASKED, OneTimeUse.key == _hidden(state)).with_for_update()
    )
    row = work.db.get(DeliveryEndpoint, asked.result_id or "") if asked else None
    if asked is None or row is None or asked.at <= work.clock.now() - ANSWER_WITHIN:
        raise foreign
    told = json.loads(vault.use(work, OWNER, row.id, "consent_asked", purpose="redeem the owner's consent"))
    if told["by"] != work.actor.id:
        raise foreign
    work.db.delete(asked)
    vault.destroy(work, OWNER, row.id, "consent_asked")
    return row, str(told["verifier"])


def access(units: Units, vault: Vault, tokens: Tokens, endpoint_id: str) -> Token:
    """A fresh access token for this mailbox; a refresh token that the provider replaced is kept.

    Raises `Refused` (code `mailbox-consent`) when the consent is missing or has ended, else what `Tokens` raises.
    """
    with units() as work:
        row = work.db.get(DeliveryEndpoint, endpoint_id)
        if row is None:
            raise NotFound("There is no such mailbox.")
        if not vault.has(work, OWNER, row.id, "refresh_token"):
            raise Refused(NOT_GIVEN, code="mailbox-consent")
        client = _client(work, vault, row)
        before = vault.use(work, OWNER, row.id, "refresh_token", purpose="read the mailbox").decode()
    token = tokens.refresh(client, before)
    if token.refresh and token.refresh != before:
        with units() as work:
            row = work.db.get_one(DeliveryEndpoint, endpoint_id)
            vault.put(work, row.organization_id, OWNER, row.id, "refresh_token", token.refresh.encode())
    return token


def _client(work: Unit, vault: Vault, row: DeliveryEndpoint) -> Client:
    kept, secret = _kept(row), ""
    if vault.has(work, OWNER, row.id, "client_secret"):
        secret = vault.use(work, OWNER, row.id, "client_secret", purpose="ask the mail provider").decode()
    return Client(kept["token_url"], kept["client_id"], secret, kept["scope"])


def _kept(row: DeliveryEndpoint) -> dict[str, Any]:
    kept: dict[str, Any] | None = row.settings.get("consent")
    if row.kind != "mailbox" or not kept:
        raise Conflict("This channel is not read by its owner's consent.")
    return kept


def _hidden(state: str) -> str:
    """Only its digest is kept: whoever reads the table cannot answer in the owner's place."""
    return hashlib.sha256(state.encode()).hexdigest()
