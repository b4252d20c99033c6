"""The second step of signing in: a code from an authenticator app (TOTP, RFC 6238). Each time step counts once."""

import base64
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, NotFound, TooMany
from broker.base.unit import Unit
from broker.identity import limits, logins
from broker.identity.models import Login, User
from broker.identity.people import find_user
from broker.identity.policy import Permission, require
from broker.vault.models import Secret
from broker.vault.service import Vault

WRONG = "That code is not right now. Wait for the next one on your phone and type that."
SEED_BYTES = 20


@dataclass(frozen=True)
class Offer:
    """A new seed, shown this once to its owner."""

    seed: str = field(repr=False)
    """Base32, for typing in by hand."""
    uri: str = field(repr=False)
    """`otpauth:` address, for the QR code."""


@dataclass(frozen=True)
class Checked:
    """How a code fared. A value and no exception, so that the try is committed."""

    token: str | None = field(default=None, repr=False)
    """The cookie's new token when the code was right."""
    limited: bool = False

    def refusal(self) -> TooMany | None:
        return limits.too_many() if self.limited else None


def offer_second_factor(work: Unit, vault: Vault, login: Login) -> Offer:
    """A fresh seed for somebody who has none confirmed. Raises `Conflict` when he has one already."""
    user = login.user
    if user.totp_secret_id is not None:
        raise Conflict("You have a second factor. An administrator can reset it when the phone is lost.")
    seed = base64.b32encode(secrets.token_bytes(SEED_BYTES)).decode()
    vault.put(work, user.organization_id, "user", user.id, "totp_seed", seed.encode())
    label = quote(f"Portunus:{user.email}")
    return Offer(seed, f"otpauth://totp/{label}?{urlencode({'secret': seed, 'issuer': 'Portunus'})}")


def confirm_second_factor(work: Unit, vault: Vault, login: Login, code: str) -> Checked:
    """The app shows the right code: from now on it is the second factor, and this sign-in is complete."""
    user = login.user
    if user.totp_secret_id is not None:
        raise Conflict("You have a second factor already. Sign in with it.")
    reserved = limits.reserve(work, user.email)
    if reserved is None:
        return Checked(limited=True)
    try:
        step = vault.check_totp(work, user.id, _tidy(code), -1)
    except NotFound:
        raise Conflict("The set-up was not begun. Open the page again and scan the picture.") from None
    if step is None:
        return Checked()
    limits.take_back(work, reserved)
    audit.record(work, Act.USER_CHANGED, "user", user.id, detail={"changed": "second factor"})
    user.totp_secret_id = work.db.scalars(
        select(Secret.id)
        .where(Secret.owner_kind == "user", Secret.owner_id == user.id, Secret.field == "totp_seed")
        .order_by(Secret.version.desc())
        .limit(1)
    ).one()
    user.totp_last_step = step
    if login.second_factor_at is not None:  # set up later, from one's own page
        return Checked(token="")
    return Checked(logins.complete(work, login))


def second_factor(work: Unit, vault: Vault, login: Login, code: str) -> Checked:
    """Complete a half-way sign-in with the code of a time step not used before (ASVS 6.5.1)."""
    shown = _shown(work, vault, login, code)
    return Checked(logins.complete(work, login)) if shown.token is not None else shown


def shown_again(work: Unit, vault: Vault, login: Login, code: str) -> Checked:
    """The same of somebody who is signed in already and shows once more that it is she; nothing else changes."""
    return _shown(work, vault, login, code)


def _shown(work: Unit, vault: Vault, login: Login, code: str) -> Checked:
    """Whether the code is right, once; its token is empty."""
    user = login.user
    reserved = limits.reserve(work, user.email)
    if reserved is None:
        return Checked(limited=True)
    step = vault.check_totp(work, user.id, _tidy(code), user.totp_last_step) if user.totp_secret_id else None
    if step is None or not _take(work, user, step):
        audit.record(work, Act.LOGIN_REFUSED, "user", user.id, outcome="refused", reason="second factor")
        return Checked()
    limits.take_back(work, reserved)
    return Checked("")


def reset_second_factor(work: Unit, vault: Vault, user_id: str) -> None:
    """The phone is lost: the user sets up a new one at the next sign-in. Raises `NotFound`, `Refused`."""
    require(work, Permission.USER_MANAGE, anywhere=True)
    user = find_user(work, user_id)
    audit.record(work, Act.USER_CHANGED, "user", user.id, detail={"changed": "second factor reset"})
    if vault.has(work, "user", user.id, "totp_seed"):
        vault.destroy(work, "user", user.id, "totp_seed")
    user.totp_secret_id = None
    logins.end_all(work, user.id, "second factor reset")


def _take(work: Unit, user: User, step: int) -> bool:
    """Use the time step up; False when another request just did."""
    newer = update(User).where(User.id == user.id, User.totp_last_step < step).values(totp_last_step=step)
    return work.db.scalar(newer.returning(User.id)) is not None


def _tidy(code: str) -> str:
    """Apps show `123 456`; everything else stays as typed and fails."""
    return code.replace(" ", "") if len(code) <= 20 else ""
