"""Sign in to Portunus, and look after its users, grants, links and API keys."""

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.errors import Conflict, Incomplete, NotFound, Refused, TooMany
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity import passwords
from broker.identity.models import ApiKey, FailedSignIn, Grant, Login, ServiceAccount, SignInLink, User
from broker.identity.policy import Permission, Role, may
from broker.vault.service import Vault

ABSOLUTE = timedelta(hours=12)
IDLE = timedelta(minutes=30)
LINK_LIFE = timedelta(hours=24)
WINDOW = timedelta(minutes=5)
LIMITS = {"user": 10, "address": 50}
KEY_PREFIX = "ptn_live_"
WRONG = "E-mail address, password or code is wrong."


def digest(token: str) -> bytes:
    """What is kept of a random token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def normal_email(email: str) -> str:
    """The sign-in name: NFKC, trimmed, case-folded. Raises `Incomplete`."""
    tidy = unicodedata.normalize("NFKC", email).strip().casefold()
    if not 3 <= len(tidy) <= 200 or tidy.count("@") != 1 or any(letter.isspace() for letter in tidy):
        raise Incomplete("That is not an e-mail address.")
    return tidy


# --- users and grants


def create_user(work: Unit, organization_id: str, *, email: str, name: str) -> User:
    """A user who can do nothing yet. Raises `Conflict` when the address is taken."""
    address = normal_email(email)
    if work.db.scalar(select(User.id).where(User.email == address)):
        raise Conflict("There is a user with that e-mail address already.")
    if not name.strip() or len(name) > 120:
        raise Incomplete("A user needs a name of at most 120 characters.")
    row = User(
        id=new_id("usr"),
        organization_id=organization_id,
        email=address,
        name=unicodedata.normalize("NFC", name.strip()),
        created_at=work.clock.now(),
    )
    work.db.add(row)
    work.db.flush()
    audit.record(work, Act.USER_CREATED, "user", row.id, detail={"name": row.name})
    return row


def create_service_account(work: Unit, organization_id: str, name: str, owner_id: str | None = None) -> ServiceAccount:
    """Automation's own identity; it gets API keys, never a password."""
    if work.db.scalar(select(ServiceAccount.id).where(ServiceAccount.name == name)):
        raise Conflict("There is a service account of that name already.")
    row = ServiceAccount(
        id=new_id("svc"), organization_id=organization_id, name=name, owner_id=owner_id, created_at=work.clock.now()
    )
    work.db.add(row)
    work.db.flush()
    audit.record(work, Act.USER_CREATED, "service_account", row.id, detail={"name": name})
    return row


def give_grant(
    work: Unit,
    *,
    role: Role,
    user_id: str | None = None,
    service_account_id: str | None = None,
    location_id: str | None = None,
    account_id: str | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Give a role. Raises `Refused` to whoever would give it to himself."""
    if user_id == work.actor.id and work.actor.kind is ActorKind.USER:
        raise Refused("Nobody gives himself a role: ask another administrator.")
    if (role is Role.SERVICE) != (service_account_id is not None):
        raise Incomplete("The role for service accounts is for them alone, and theirs alone.")
    row = Grant(
        id=new_id("gra"),
        user_id=user_id,
        service_account_id=service_account_id,
        role=role.value,
        location_id=location_id,
        account_id=account_id,
        granted_by=work.actor.id,
        granted_at=work.clock.now(),
        expires_at=expires_at,
        revoked_at=None,
    )
    work.db.add(row)
    work.db.flush()
    audit.record(
        work,
        Act.GRANT_GIVEN,
        "grant",
        row.id,
        location_id=location_id,
        account_id=account_id,
        detail={"role": role.value, "to": user_id or service_account_id},
    )
    return row


def revoke_grant(work: Unit, grant_id: str) -> None:
    """Take a role back; live streams re-check at once. Raises `NotFound`."""
    row = work.db.get(Grant, grant_id)
    if row is None or row.revoked_at is not None:
        raise NotFound("There is no such grant.")
    row.revoked_at = work.clock.now()
    audit.record(work, Act.GRANT_REVOKED, "grant", row.id, location_id=row.location_id, account_id=row.account_id)
    work.signal("revoked")


def disable_user(work: Unit, user_id: str) -> None:
    """No sign-in, no stream, from this moment. Raises `NotFound`."""
    row = work.db.get(User, user_id)
    if row is None:
        raise NotFound("There is no such user.")
    row.status = "disabled"
    for login in work.db.scalars(select(Login).where(Login.user_id == user_id, Login.ended_at.is_(None))):
        login.ended_at = work.clock.now()
    audit.record(work, Act.USER_DISABLED, "user", row.id)
    work.signal("revoked")


def set_password(work: Unit, user: User, password: str) -> None:
    """Raises `Incomplete`. Ends the user's other sign-ins."""
    user.password_hash = passwords.hashed(password)
    others = select(Login).where(Login.user_id == user.id, Login.ended_at.is_(None), Login.id != work.actor.login_id)
    for login in work.db.scalars(others):
        login.ended_at = work.clock.now()
    audit.record(work, Act.USER_CHANGED, "user", user.id, detail={"changed": "sign-in phrase"})


def enrol_totp(work: Unit, vault: Vault, user: User, seed: str, code: str) -> None:
    """Keep the user's authenticator once it has shown a right code. Raises `Incomplete`."""
    vault.put(work, user.organization_id, "user", user.id, "totp_seed", seed.encode())
    step = vault.check_totp(work, user.id, code, -1)
    if step is None:
        raise Incomplete("That code does not fit. Check the clock of the phone and type the code it shows now.")
    user.totp_secret_id, user.totp_last_step = user.id, step
    audit.record(work, Act.USER_CHANGED, "user", user.id, detail={"changed": "second factor"})


def second_factor_needed(user: User) -> bool:
    """Whether the user has enrolled an authenticator."""
    return user.totp_secret_id is not None


# --- signing in


def sign_in(work: Unit, *, email: str, password: str, device: str | None) -> tuple[Login, str]:
    """First step. Returns the login and its token; the second factor is still to come unless none is enrolled.

    Raises `Refused` with the same words for every cause, `TooMany` after too many wrong tries. The caller commits on
    `Refused` too: `failed` writes the wrong try in a unit of its own.
    """
    try:
        address = normal_email(email)
    except Incomplete:
        address = email[:200]
    check_limit(work, address)
    user = work.db.scalar(select(User).where(User.email == address))
    right = passwords.fits(password, user.password_hash if user else None)
    if user is None or user.status != "active" or not right:
        raise Refused(WRONG, code="wrong-sign-in")
    login, token = _new_login(work, user, device)
    audit.record(work, Act.LOGIN_STARTED, "user", user.id)
    if not second_factor_needed(user):
        _complete(work, login)
    return login, token


def second_factor(work: Unit, vault: Vault, login: Login, code: str) -> None:
    """Second step: an authenticator code, each good once. Raises `Refused`, `TooMany`."""
    user = login.user
    check_limit(work, user.email)
    step = vault.check_totp(work, user.id, code, user.totp_last_step)
    taken = 0
    if step is not None:
        taken = work.db.execute(
            update(User).where(User.id == user.id, User.totp_last_step < step).values(totp_last_step=step)
        ).rowcount
    if not taken:
        raise Refused(WRONG, code="wrong-sign-in")
    _complete(work, login)


def check_limit(work: Unit, email: str) -> None:
    """Raises `TooMany` when this user or this address had too many wrong tries in five minutes."""
    since = work.clock.now() - WINDOW
    for kind, name in (("user", email), ("address", work.actor.address)):
        tries = work.db.scalar(
            select(func.count()).where(FailedSignIn.subject == f"{kind}:{name}"[:220], FailedSignIn.at > since)
        )
        if (tries or 0) >= LIMITS[kind]:
            raise TooMany("Too many wrong tries. Wait five minutes, then try again.")


def failed(work: Unit, email: str) -> None:
    """Note a wrong try (in a unit of its own, since the refused one is rolled back)."""
    now = work.clock.now()
    work.db.execute(delete(FailedSignIn).where(FailedSignIn.at < now - timedelta(days=1)))
    for kind, name in (("user", email), ("address", work.actor.address)):
        work.db.add(FailedSignIn(id=new_id("bad"), subject=f"{kind}:{name}"[:220], at=now))
    audit.record(
        work,
        Act.LOGIN_REFUSED,
        "sign_in",
        hashlib.sha256(email.encode("utf-8", "replace")).hexdigest()[:16],
        outcome="refused",
    )


def _new_login(work: Unit, user: User, device: str | None) -> tuple[Login, str]:
    now, token = work.clock.now(), secrets.token_urlsafe(32)
    login = Login(
        id=new_id("log"),
        user_id=user.id,
        user=user,
        digest=digest(token),
        csrf=secrets.token_urlsafe(24),
        created_at=now,
        seen_at=now,
        expires_at=now + ABSOLUTE,
        second_factor_at=None,
        ended_at=None,
        address=work.actor.address,
        device=(device or "")[:200],
    )
    work.db.add(login)
    work.db.flush()
    return login, token


def _complete(work: Unit, login: Login) -> None:
    login.second_factor_at = work.clock.now()
    audit.record(work, Act.LOGIN_COMPLETED, "user", login.user_id, detail={"login": login.id})


def login_of(work: Unit, token: str) -> Login | None:
    """The live sign-in with this cookie, or None. Notes that it was seen (once a minute)."""
    login = work.db.scalar(select(Login).where(Login.digest == digest(token)))
    now = work.clock.now()
    if login is None or login.ended_at or login.expires_at <= now or login.seen_at + IDLE <= now:
        return None
    if login.user.status != "active":
        return None
    return login


def seen(work: Unit, login_id: str) -> None:
    """The person is active: the idle limit counts from now."""
    work.db.execute(update(Login).where(Login.id == login_id).values(seen_at=work.clock.now()))


def end_login(work: Unit, login_id: str) -> None:
    """Sign out."""
    login = work.db.get(Login, login_id)
    if login is not None and login.ended_at is None:
        login.ended_at = work.clock.now()
        audit.record(work, Act.LOGIN_ENDED, "user", login.user_id, detail={"login": login.id})
        work.signal("revoked")


def logins(work: Unit, user_id: str) -> Sequence[Login]:
    """The user's live sign-ins, newest first."""
    return work.db.scalars(
        select(Login)
        .where(Login.user_id == user_id, Login.ended_at.is_(None), Login.expires_at > work.clock.now())
        .order_by(Login.created_at.desc())
    ).all()


# --- one-time links


def create_link(work: Unit, user: User) -> str:
    """A token that signs this user in once, within 24 hours. Only an administrator or the operator makes one."""
    token = secrets.token_urlsafe(32)
    now = work.clock.now()
    row = SignInLink(
        id=new_id("lnk"),
        user_id=user.id,
        digest=digest(token),
        created_at=now,
        expires_at=now + LINK_LIFE,
        used_at=None,
    )
    work.db.add(row)
    audit.record(work, Act.LINK_CREATED, "user", user.id)
    return token


def use_link(work: Unit, token: str, device: str | None) -> tuple[Login, str]:
    """Sign in by link, once. Raises `Refused` for an unknown, used or late one."""
    now = work.clock.now()
    row = work.db.scalar(select(SignInLink).where(SignInLink.digest == digest(token)))
    taken = 0
    if row is not None:
        taken = work.db.execute(
            update(SignInLink)
            .where(SignInLink.id == row.id, SignInLink.used_at.is_(None), SignInLink.expires_at > now)
            .values(used_at=now)
        ).rowcount
    user = work.db.get(User, row.user_id) if row else None
    if not taken or user is None or user.status != "active":
        raise Refused("This sign-in link is used up or too old. Ask for a new one.", code="link-used")
    login, cookie = _new_login(work, user, device)
    audit.record(work, Act.LINK_USED, "user", user.id)
    _complete(work, login)
    return login, cookie


# --- service accounts


def create_api_key(work: Unit, service_account: ServiceAccount, days: int = 90) -> tuple[ApiKey, str]:
    """A new key; its text is returned here once and never again."""
    token = KEY_PREFIX + secrets.token_urlsafe(32)
    now = work.clock.now()
    row = ApiKey(
        id=new_id("key"),
        service_account_id=service_account.id,
        digest=digest(token),
        hint=token[-4:],
        created_at=now,
        expires_at=now + timedelta(days=days),
        last_used_at=None,
        revoked_at=None,
    )
    work.db.add(row)
    work.db.flush()
    audit.record(work, Act.API_KEY_CREATED, "api_key", row.id, detail={"for": service_account.name, "days": days})
    return row, token


def revoke_api_key(work: Unit, key_id: str) -> None:
    """Raises `NotFound`."""
    row = work.db.get(ApiKey, key_id)
    if row is None or row.revoked_at is not None:
        raise NotFound("There is no such key.")
    row.revoked_at = work.clock.now()
    audit.record(work, Act.API_KEY_REVOKED, "api_key", row.id)


def actor_of_key(work: Unit, token: str, address: str | None) -> Actor | None:
    """The service account behind a key that holds now, or None."""
    row = work.db.scalar(select(ApiKey).where(ApiKey.digest == digest(token)))
    now = work.clock.now()
    if row is None or row.revoked_at or row.expires_at <= now or row.service_account.status != "active":
        return None
    account = row.service_account
    return Actor(kind=ActorKind.SERVICE, id=account.id, name=account.name, address=address)


def actor_of_login(login: Login, address: str | None) -> Actor:
    """The person behind a sign-in."""
    return Actor(kind=ActorKind.USER, id=login.user_id, name=login.user.name, login_id=login.id, address=address)


def manages_users(work: Unit) -> bool:
    """Whether the actor may manage people."""
    return may(work, Permission.USER_MANAGE, anywhere=True)
