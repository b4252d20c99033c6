"""The token endpoint of a mail provider over HTTPS: two grants of RFC 6749, every answer bounded, every error a typed one."""

import json
from typing import Any

import httpx2

from broker.base.errors import Refused, Unavailable
from broker.ports.tokens import Client, Token

TIMEOUT_S = 10.0
ANSWER_BYTES = 64 * 1024
LIFE_S = 300.0
"""Believed where the provider does not say how long its token is good (RFC 6749 5.1 only recommends it)."""
LONGEST_LIFE_S = 24 * 3600.0
TOKEN_CHARACTERS = 8192
ENDED = ("invalid_grant", "interaction_required", "login_required", "consent_required")
"""The consent is gone: withdrawn, too old, never used for months, or its owner's password was changed."""
UNKNOWN = ("invalid_client", "unauthorized_client")


class OAuthTokens:
    """One request each; nothing is kept. `transport` is for tests."""

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        self._transport = transport

    def redeem(self, client: Client, code: str, verifier: str, back: str) -> Token:
        asked = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": back}
        return self._ask(client, asked)

    def refresh(self, client: Client, refresh_token: str) -> Token:
        asked = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._ask(client, asked | ({"scope": client.scope} if client.scope else {}))

    def _ask(self, client: Client, asked: dict[str, str]) -> Token:
        asked["client_id"] = client.client_id
        if client.client_secret:
            asked["client_secret"] = client.client_secret
        status, told = self._post(client.token_url, asked)
        if status == 200:
            return _token(told)
        error = str(told.get("error", ""))
        if error in ENDED:
            raise Refused(
                "The permission to read this mailbox has ended: it was withdrawn, ran out, or its owner changed her "
                "password. Give it again on this channel's page.",
                code="mailbox-consent",
            )
        if error in UNKNOWN or status == 401:
            raise Refused(
                "The mail provider does not take Portunus's client id and secret: look at both, and store the secret again.",
                code="mailbox-client",
            )
        if status == 429 or status >= 500:
            raise Unavailable(
                f"The mail provider's sign-in service does not work now (HTTP {status}); it is tried again."
            )
        known = error if error.replace("_", "").isalpha() and len(error) <= 40 else f"HTTP {status}"
        raise Refused(
            f"The mail provider refuses to give access to this mailbox ({known}): look at the scope and the token address.",
            code="mailbox-client",
        )

    def _post(self, url: str, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        try:
            with (
                httpx2.Client(
                    timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, transport=self._transport
                ) as web,
                web.stream("POST", url, data=asked, headers={"accept": "application/json"}) as answer,
            ):
                body = bytearray()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > ANSWER_BYTES:
                        break
                status = answer.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL) as away:
            words = f"The mail provider's sign-in service cannot be reached ({type(away).__name__}); it is tried again."
            raise Unavailable(words) from None  # the cause may hold what was sent
        try:
            told = json.loads(body[:ANSWER_BYTES])
        except (ValueError, RecursionError):
            told = {}
        return status, told if isinstance(told, dict) else {}


def _token(told: dict[str, Any]) -> Token:
    access, refresh, life = told.get("access_token"), told.get("refresh_token"), told.get("expires_in")
    kind = str(told.get("token_type", "bearer")).lower()
    if not _plain(access) or kind != "bearer":
        raise Unavailable(
            "The mail provider's sign-in service answers something else than a token: look at its address."
        )
    try:
        life_s = min(max(float(life), 0.0), LONGEST_LIFE_S) if life is not None else LIFE_S
    except (TypeError, ValueError):
        life_s = LIFE_S
    return Token(str(access), life_s, str(refresh) if _plain(refresh) else None)


def _plain(token: object) -> bool:
    """A token as RFC 6750 writes one: nothing in it could end a line of IMAP."""
    return isinstance(token, str) and 0 < len(token) <= TOKEN_CHARACTERS and token.isascii() and token.isprintable()
