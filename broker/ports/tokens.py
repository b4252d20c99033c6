"""Get access to a mailbox from the service that its owner gave her consent to (OAuth 2.0, RFC 6749)."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Client:
    """Portunus as the provider knows it: registered there by an administrator."""

    token_url: str
    client_id: str
    client_secret: str
    """Empty for a public client."""
    scope: str = ""

    def __repr__(self) -> str:
        return f"Client({self.client_id!r} at {self.token_url})"


@dataclass(frozen=True)
class Token:
    """An access token, for how many seconds it is good, and the refresh token when the provider gave a new one."""

    access: str
    life_s: float
    refresh: str | None = None

    def __repr__(self) -> str:
        return f"Token(life_s={self.life_s})"


class Tokens(Protocol):
    """Raise `Refused` (code `mailbox-consent`) when the consent has ended, `Refused` (code `mailbox-client`) when the
    provider does not know the client, `Unavailable` when it does not answer."""

    def redeem(self, client: Client, code: str, verifier: str, back: str) -> Token:
        """The first tokens, for the code that came back with the owner's browser (RFC 6749 4.1.3, RFC 7636 4.5)."""
        ...

    def refresh(self, client: Client, refresh_token: str) -> Token:
        """A fresh access token (RFC 6749 section 6)."""
        ...
