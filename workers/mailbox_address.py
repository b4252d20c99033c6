"""From an endpoint's settings and the vault to an address one can connect to."""

import time

from broker.base.actor import Actor
from broker.base.unit import Unit
from broker.codes import consent
from broker.directory.models import DeliveryEndpoint
from broker.ports.mailbox import MailboxAddress
from broker.ports.tokens import Tokens
from broker.vault.service import Vault
from broker.wiring import Portunus

EARLY_S = 60.0
"""An access token is not used in its last minute."""


def address_of(work: Unit, vault: Vault, endpoint: DeliveryEndpoint) -> MailboxAddress:
    """Host, port, user and password. Raises `NotFound` when none is stored."""
    secret = vault.use(work, "delivery_endpoint", endpoint.id, "mailbox_password", purpose="read the mailbox")
    return _address(endpoint, secret.decode(), by_token=False)


def _address(endpoint: DeliveryEndpoint, secret: str, *, by_token: bool) -> MailboxAddress:
    chosen = endpoint.settings
    return MailboxAddress(
        host=chosen["host"],
        port=int(chosen["port"]),
        tls=bool(chosen.get("tls", True)),
        username=chosen.get("username", endpoint.address),
        secret=secret,
        folder=chosen.get("folder", "INBOX"),
        by_token=by_token,
    )


class Access:
    """One mailbox's way in. An access token is kept in memory until a minute before its end, and never stored."""

    def __init__(self, portunus: Portunus, actor: Actor, tokens: Tokens) -> None:
        self._portunus, self._actor, self._tokens = portunus, actor, tokens
        self._token = ""
        self._good_until = 0.0
        self.remembered = False
        """Whether the last address was made with a token from before: a server may have forgotten it."""

    def address(self, endpoint: DeliveryEndpoint) -> MailboxAddress:
        """Where and as whom. Raises what `consent.access` raises, `NotFound` when no password is stored."""
        if not endpoint.settings.get("consent"):
            self.remembered = False
            with self._portunus.unit(self._actor) as work:
                return address_of(work, self._portunus.vault, endpoint)
        self.remembered = bool(self._token) and time.monotonic() < self._good_until
        if not self.remembered:
            vault = self._portunus.vault
            token = consent.access(lambda: self._portunus.unit(self._actor), vault, self._tokens, endpoint.id)
            self._token, self._good_until = token.access, time.monotonic() + token.life_s - EARLY_S
        return _address(endpoint, self._token, by_token=True)

    def forget(self) -> None:
        """The next address is made with a fresh token."""
        self._token = ""
