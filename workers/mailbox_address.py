"""From an endpoint's settings and the vault to an address one can connect to."""

from broker.base.unit import Unit
from broker.directory.models import DeliveryEndpoint
from broker.ports.mailbox import MailboxAddress
from broker.vault.service import Vault


def address_of(work: Unit, vault: Vault, endpoint: DeliveryEndpoint) -> MailboxAddress:
    """Host, port, user and secret. Raises `NotFound` when no password is stored."""
    chosen = endpoint.settings
    secret = vault.use(work, "delivery_endpoint", endpoint.id, "mailbox_password", purpose="read the mailbox")
    return MailboxAddress(
        host=chosen["host"],
        port=int(chosen["port"]),
        tls=bool(chosen.get("tls", True)),
        username=chosen.get("username", endpoint.address),
        secret=secret.decode(),
        folder=chosen.get("folder", "INBOX"),
    )
