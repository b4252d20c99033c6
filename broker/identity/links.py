"""One-time sign-in links: the way in for a new user, the first administrator, a forgotten password, and the demo.

256 random bits, kept as a digest. Looking at a link does not use it up: mail programs open links to preview them.
"""

import secrets
from datetime import timedelta

from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import ActorKind
from broker.base.errors import Incomplete, Refused
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity import logins
from broker.identity.logins import digest
from broker.identity.models import Login, SignInLink, User
from broker.identity.people import find_user
from broker.identity.policy import Permission, require

LIFE = timedelta(hours=1)
OPERATORS_LIFE = timedelta(hours=24)
LONGEST = timedelta(hours=24)


def create_link(work: Unit, user: User, *, direct: bool | None = None, life: timedelta | None = None) -> str:
    """A token for `/sign-in/link/<token>`, good once, for one hour (the operator's: 24).

    `direct` links sign in at once; only the operator at the machine's shell (who could do anything anyway) and the
    system make them, and theirs are direct unless told otherwise. Other links lead to choosing a password and to the
    second factor. Raises `Refused`, `NotFound`, `Incomplete` (more than a day).
    """
    require(work, Permission.USER_MANAGE, anywhere=True)
    find_user(work, user.id)
    at_the_shell = work.actor.kind in (ActorKind.OPERATOR, ActorKind.SYSTEM)
    if direct and not at_the_shell:
        raise Refused("A link that signs in at once is made at the machine's own shell only.")
    life = life or (OPERATORS_LIFE if at_the_shell else LIFE)
    if not timedelta() < life <= LONGEST:
        raise Incomplete("A sign-in link lives at most a day.")
    token = secrets.token_urlsafe(32)
    now = work.clock.now()
    row = SignInLink(
        id=new_id("lnk"),
        user_id=user.id,
        digest=digest(token),
        direct=at_the_shell if direct is None else direct,
        created_at=now,
        expires_at=now + life,
        used_at=None,
    )
    audit.record(work, Act.LINK_CREATED, "user", user.id, detail={"link": row.id, "direct": row.direct})
    work.db.add(row)
    work.db.flush()
    return token


def peek_link(work: Unit, token: str) -> bool:
    """Whether the link would work now; does not use it up."""
    row = work.db.scalars(select(SignInLink).where(SignInLink.digest == digest(token))).one_or_none()
    if row is None or row.used_at is not None or row.expires_at <= work.clock.now():
        return False
    user = work.db.get(User, row.user_id)
    return user is not None and user.status == "active"


def use_link(work: Unit, token: str, device: str | None) -> tuple[Login, str]:
    """Sign in by link, once: complete for a direct link, else half-way. Raises `Refused` for an unknown, used or late one."""
    now = work.clock.now()
    taken = work.db.scalar(
        update(SignInLink)
        .where(SignInLink.digest == digest(token), SignInLink.used_at.is_(None), SignInLink.expires_at > now)
        .values(used_at=now)
        .returning(SignInLink.id)
    )
    row = work.db.get(SignInLink, taken) if taken is not None else None
    user = work.db.get(User, row.user_id) if row is not None else None
    if row is None or user is None or user.status != "active":
        raise Refused("This sign-in link is used up or too old. Ask for a new one.", code="link-used")
    audit.record(work, Act.LINK_USED, "user", user.id, detail={"link": row.id})
    return logins.begin(work, user, device=device or "", via="direct" if row.direct else "link", complete=row.direct)
