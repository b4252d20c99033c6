"""A mail provider's sign-in service, as OAuth 2.0 has it (RFC 6749, 7636, 7662): asks the mailbox's owner, gives tokens, takes them back.

Portunus is registered here as the client `portunus-lab`. Access tokens are good for an hour, a refresh token is replaced
by each use, as some providers do; `revoke` is what the owner does at her provider.
"""

import base64
import hashlib
import html
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "portunus-lab"
LIFE_S = 3600.0
PAGE = (
    "<!doctype html><html lang=en><title>Lab accounts</title><h1>Lab accounts</h1><p>Portunus wants to read the mails of "
    "<strong>{owner}</strong>.</p><form method=post><button id=agree name=agree value=1>Agree</button> "
    "<button id=deny>No</button></form></html>"
)


@dataclass
class Consents:
    """What owners agreed to. `owner` is the one mailbox that this service knows."""

    owner: str
    client_secret: str
    life_s: float = LIFE_S
    refreshes: int = 0
    _codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Code: challenge and redirect address."""
    _refresh: set[str] = field(default_factory=set)
    _access: dict[str, float] = field(default_factory=dict)
    """Access token: until when it is good, on this machine's monotonic clock."""

    def routes(self) -> list[Route]:
        return [
            Route("/oauth/authorize", self.authorize, methods=["GET", "POST"]),
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/oauth/introspect", self.introspect, methods=["GET", "POST"]),
            Route("/oauth/refreshes", self.counted),
            Route("/oauth/agree", self.agree_now, methods=["POST"]),
            Route("/oauth/revoke-all", self.revoke_all, methods=["POST"]),
            Route("/oauth/expire-all", self.expire_all, methods=["POST"]),
        ]

    def opens(self, user: str, token: str) -> bool:
        """Whether this access token opens this mailbox now."""
        return user == self.owner and self._access.get(token, 0.0) > time.monotonic()

    def revoke(self) -> None:
        """The owner withdraws the consent: no token is good any more."""
        self._refresh.clear()
        self._access.clear()

    def expire(self) -> None:
        """An hour goes by: access tokens end, the consent stays."""
        self._access.clear()

    def agree(self) -> str:
        """A refresh token for a test that needs no browser."""
        made = secrets.token_urlsafe(32)
        self._refresh.add(made)
        return made

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("client_id") != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            return HTMLResponse("unknown client", status_code=400)
        if request.method == "GET":
            return HTMLResponse(PAGE.format(owner=html.escape(asked.get("login_hint", self.owner))))
        told = {"state": asked.get("state", ""), "error": "access_denied"}
        if (await request.form()).get("agree"):
            code = secrets.token_urlsafe(24)
            self._codes[code] = (asked.get("code_challenge", ""), asked.get("redirect_uri", ""))
            told = {"state": told["state"], "code": code}
        return RedirectResponse(f"{asked.get('redirect_uri')}?{urlencode(told)}", 303)

    async def token(self, request: Request) -> Response:
        asked = {name: str(value) for name, value in (await request.form()).items()}
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT_ID, self.client_secret):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        right = self._redeemed(asked) if asked.get("grant_type") == "authorization_code" else self._refreshed(asked)
        if not right:
            return JSONResponse(
                {"error": "invalid_grant", "error_description": "Token has been revoked."}, status_code=400
            )
        access = secrets.token_urlsafe(32)
        self._access[access] = time.monotonic() + self.life_s
        told = {"access_token": access, "token_type": "Bearer", "expires_in": int(self.life_s)}
        return JSONResponse(told | {"refresh_token": self.agree()})

    def _redeemed(self, asked: dict[str, str]) -> bool:
        challenge, back = self._codes.pop(asked.get("code", ""), ("", ""))
        shown = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        proved = base64.urlsafe_b64encode(shown).rstrip(b"=").decode()
        return bool(challenge) and proved == challenge and asked.get("redirect_uri") == back

    def _refreshed(self, asked: dict[str, str]) -> bool:
        known = asked.get("refresh_token", "") in self._refresh
        self._refresh.discard(asked.get("refresh_token", ""))
        self.refreshes += known
        return known

    async def introspect(self, request: Request) -> Response:
        """For a mail server of its own (RFC 7662)."""
        form = await request.form() if request.method == "POST" else request.query_params
        token = str(form.get("token", ""))
        active = self.opens(self.owner, token)
        return JSONResponse({"active": active, **({"username": self.owner, "email": self.owner} if active else {})})

    async def counted(self, request: Request) -> Response:
        """How often a token was renewed."""
        return JSONResponse(self.refreshes)

    async def agree_now(self, request: Request) -> Response:
        return JSONResponse({"refresh_token": self.agree()})

    async def revoke_all(self, request: Request) -> Response:
        self.revoke()
        return Response(status_code=204)

    async def expire_all(self, request: Request) -> Response:
        self.expire()
        return Response(status_code=204)
