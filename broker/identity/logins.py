"""Sign-ins of people (`Login` rows): begun, recognised by their cookie's token, rotated, seen, ended.

The cookie holds 256 random bits; the row holds their SHA-256, so a copy of the database signs nobody in.
Limits: 12 hours in all, 30 minutes idle (NIST SP 800-63B AAL2), 15 minutes idle for administrators.
"""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity import policy
from broker.identity.models import Login, User

ABSOLUTE = timedelta(hours=12)
IDLE = timedelta(minutes=30)
ADMIN_IDLE = timedelta(minutes=15)
HALF_WAY = timedelta(minutes=10)
"""From the right password (or the used link) to the second factor."""
SEEN_EVERY = timedelta(seconds=60)
"""`seen_at` is written at most this often."""


def digest(token: str) -> bytes:
    """What the database keeps of a random token; 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def actor_of(login: Login, address: str | None = None) -> Actor:
    """The person behind a sign-in, asking from `address`."""
    return Actor(kind=ActorKind.USER, id=login.user_id, name=login.user.name, login_id=login.id, address=address)


def begin(work: Unit, user: User, *, device: str, via: str, complete: bool = False) -> tuple[Login, str]:
    """A new sign-in and its cookie's token. Not `complete`: it opens only the pages of the second factor."""
    now = work.clock.now()
    token = secrets.token_urlsafe(32)
    login = Login(
        id=new_id("log"),
        user_id=user.id,
        user=user,
        digest=digest(token),
        csrf=secrets.token_urlsafe(32),
        created_at=now,
        seen_at=now,
        expires_at=now + (ABSOLUTE if complete else HALF_WAY),
        second_factor_at=now if complete else None,
        ended_at=None,
        via=via,
        address=work.actor.address,
        device=device[:200],
    )
    work.db.add(login)
    work.db.flush()
    if complete:
        work.actor = actor_of(login, work.actor.address)
        audit.record(work, Act.LOGIN_COMPLETED, "login", login.id, detail={"user": user.id, "via": via})
    return login, token


def complete(work: Unit, login: Login) -> str:
    """The second factor was right: the sign-in counts from now, under a new token (no fixation; ASVS 7.2.4)."""
    now = work.clock.now()
    work.actor = actor_of(login, work.actor.address)
    audit.record(work, Act.LOGIN_COMPLETED, "login", login.id, detail={"user": login.user_id, "via": login.via})
    token = secrets.token_urlsafe(32)
    login.digest = digest(token)
    login.csrf = secrets.token_urlsafe(32)
    login.second_factor_at = now
    login.seen_at = now
    login.expires_at = now + ABSOLUTE
    work.db.flush()
    return token


def login_of(work: Unit, token: str) -> Login | None:
    """The sign-in this token belongs to, with its user, if it still counts; half-way ones too (look at `second_factor_at`)."""
    found = work.db.scalars(
        select(Login).where(Login.digest == digest(token), Login.ended_at.is_(None)).options(joinedload(Login.user))
    ).one_or_none()
    return found if found is not None and _counts(work, found) else None


def still_counts(work: Unit, login_id: str) -> bool:
    """Whether a complete sign-in still stands: long-lived streams ask this again and again."""
    found = work.db.scalars(
        select(Login).where(Login.id == login_id, Login.ended_at.is_(None)).options(joinedload(Login.user))
    ).one_or_none()
    return found is not None and found.second_factor_at is not None and _counts(work, found)


def seen(work: Unit, login_id: str) -> None:
    """The person is at work (a request, or input in a stream): the idle limit counts from here."""
    work.db.execute(
        update(Login).where(Login.id == login_id, Login.ended_at.is_(None)).values(seen_at=work.clock.now())
    )


def end(work: Unit, login: Login, reason: str) -> None:
    """End one sign-in; streams that hang on it are told to look."""
    if login.ended_at is not None:
        return
    login.ended_at = work.clock.now()
    audit.record(work, Act.LOGIN_ENDED, "login", login.id, reason=reason, detail={"user": login.user_id})
    work.signal("revoked")


def end_all(work: Unit, user_id: str, reason: str, *, but: str | None = None) -> int:
    """End every sign-in of the user except the one with id `but`; how many there were."""
    open_ones = work.db.scalars(select(Login).where(Login.user_id == user_id, Login.ended_at.is_(None))).all()
    ended = [login for login in open_ones if login.id != but]
    for login in ended:
        end(work, login, reason)
    return len(ended)


def standing(work: Unit, user_id: str) -> list[Login]:
    """The user's complete sign-ins that still count, newest first."""
    rows = work.db.scalars(
        select(Login)
        .where(Login.user_id == user_id, Login.ended_at.is_(None), Login.second_factor_at.is_not(None))
        .options(joinedload(Login.user))
        .order_by(Login.created_at.desc(), Login.id.desc())
    )
    return [login for login in rows if _counts(work, login)]


def _counts(work: Unit, login: Login) -> bool:
    now = work.clock.now()
    if login.user.status != "active" or now >= login.expires_at:
        return False
    idle = ADMIN_IDLE if policy.has_role(work, login.user_id, policy.Role.ADMIN) else IDLE
    return now < login.seen_at + idle
