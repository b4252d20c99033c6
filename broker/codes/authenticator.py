"""A login's authenticator seed that a person brings: stored once another device's code has proved it."""

from broker.base.errors import Incomplete
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.directory.service import Method
from broker.identity.policy import Permission, require
from broker.vault.service import Vault
from broker.vault.totp import Seed

OWNER, FIELD = "portal_account", "totp_seed"


def keep_seed(work: Unit, vault: Vault, account: PortalAccount, seed: str, shown: str, *, first: bool = True) -> int:
    """Store the seed; by how many seconds the device's clock is ahead of ours. `first`: its codes are the first way from now on.

    `shown` is the code that a device with the same seed shows now. Raises `Refused`, `Incomplete` (no seed, another one's code).
    """
    require(work, Permission.SECRET_STORE, account=account)
    parsed, now = Seed.parse(seed), work.clock.now()
    away = parsed.drift("".join(shown.split()), now)
    if away is None:
        raise Incomplete("The code does not belong to this seed. Type the code that the device shows now.")
    vault.put(work, account.organization_id, OWNER, account.id, FIELD, seed.strip().encode())
    account.totp_last_step = (
        parsed.step(now) - 1
    )  # counted in steps of this seed: those of the one before may be shorter
    if first:
        directory.prefer_method(work, account, Method("totp"))
    return away * int(parsed.totp.interval) if abs(away) > 1 else 0  # one step passes while somebody types


def clocks_apart(seconds: int) -> str:
    """What to tell when the device and this computer disagree; empty when they do not. Either may be the one that is wrong."""
    if not seconds:
        return ""
    return (
        f"Stored. The device's clock is about {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} this computer's: "
        "look which of them is wrong, and set it."
    )
