"""The first step of signing in: e-mail address and password.

Three moves, so that no transaction is open while Argon2id takes its 220 ms: `begin_sign_in` (a unit: reserves a
try), `Try.right` (no database), `finish_sign_in` (a unit). Whoever asks learns nothing about who has an account.
"""

import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Incomplete, Refused
from broker.base.unit import Unit
from broker.identity import limits, logins, passwords
from broker.identity.models import Login, User
from broker.identity.people import normal_email

WRONG = "The e-mail address or the password is wrong. Check both and try again."


class Step(StrEnum):
    """What a half-way sign-in still lacks."""

    PASSWORD = "password"
    """It came by a link: choose a new password."""
    ENROL = "enrol"
    """No second factor yet: set one up."""
    CODE = "code"
    """Show the second factor."""


def next_step(login: Login) -> Step | None:
    """What this sign-in lacks; None when it is complete."""
    if login.second_factor_at is not None:
        return None
    if login.via == "link" or login.user.password_hash is None:
        return Step.PASSWORD
    return Step.CODE if login.user.totp_secret_id is not None else Step.ENROL


@dataclass(frozen=True)
class Try:
    """A reserved try at signing in."""

    user_id: str | None
    kept: str | None = field(repr=False)
    """The password's hash."""
    reserved: list[str] | None
    """None: the limit was reached, and no password will be looked at."""

    def right(self, password: str) -> bool:
        """Whether the password fits; takes as long for a user who does not exist. No database is held meanwhile."""
        return self.reserved is not None and passwords.fits(password, self.kept)


def begin_sign_in(work: Unit, email: str) -> Try:
    """Reserve a try. Commit this unit before looking at the password."""
    try:
        name = normal_email(email)
    except Incomplete:  # the same way for what is no address at all
        name = "".join(c if c.isprintable() else "?" for c in unicodedata.normalize("NFKC", email[:200]).casefold())
    reserved = limits.reserve(work, name)
    user = work.db.scalars(select(User).where(User.email == name, User.status == "active")).one_or_none()
    return Try(user.id if user else None, user.password_hash if user else None, reserved)


def finish_sign_in(work: Unit, tried: Try, *, right: bool, device: str) -> tuple[Login, str] | None:
    """A half-way sign-in and its cookie's token; None when the try was wrong. Raises `TooMany` when it was over the limit."""
    if tried.reserved is None:
        raise limits.too_many()
    user = work.db.get(User, tried.user_id) if tried.user_id else None
    if not right or user is None or user.status != "active" or user.password_hash != tried.kept:
        audit.record(work, Act.LOGIN_REFUSED, "user", user.id if user else "unknown", outcome="refused")
        return None
    limits.take_back(work, tried.reserved)
    login, token = logins.begin(work, user, device=device, via="password")
    work.actor = logins.actor_of(login, work.actor.address)
    audit.record(work, Act.LOGIN_STARTED, "login", login.id, detail={"user": user.id})
    return login, token


def said_again(work: Unit, tried: Try, login: Login, *, right: bool) -> bool:
    """Whether somebody who is signed in has just typed her own password. Raises `TooMany`."""
    if tried.reserved is None:
        raise limits.too_many()
    if not right or tried.user_id != login.user_id:
        audit.record(work, Act.LOGIN_REFUSED, "user", login.user_id, outcome="refused", reason="covered tab")
        return False
    limits.take_back(work, tried.reserved)
    return True


def wrong() -> Refused:
    """The one refusal for a wrong password, a disabled user and an unknown one."""
    return Refused(WRONG, code="wrong-sign-in")


def change_password(work: Unit, login: Login, new_hash: str) -> None:
    """Keep a new password (hashed beforehand, see `passwords.hashed`); every other sign-in of the user ends."""
    user = login.user
    audit.record(work, Act.USER_CHANGED, "user", user.id, detail={"changed": "sign-in phrase"})
    user.password_hash = new_hash
    if login.via == "link":
        login.via = "password"
    logins.end_all(work, user.id, "the sign-in phrase was changed", but=login.id)
