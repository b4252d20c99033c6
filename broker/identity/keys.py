"""API keys of service accounts: shown once, kept as a digest, good for at most 90 days, revoked at once."""

import secrets
import zlib
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.errors import Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity.logins import digest
from broker.identity.models import ApiKey, ServiceAccount
from broker.identity.people import find_service_account
from broker.identity.policy import NOTHING_THERE, Permission, require

PREFIX = "ptn_live_"
LONGEST_DAYS = 90
_MOST_CHARACTERS = 200


def create_api_key(work: Unit, service_account: ServiceAccount, days: int = LONGEST_DAYS) -> tuple[ApiKey, str]:
    """A new key; its text is returned here once and never again. Raises `Refused`, `NotFound`, `Incomplete`."""
    require(work, Permission.USER_MANAGE, anywhere=True)
    owner = find_service_account(work, service_account.id)
    if not 1 <= days <= LONGEST_DAYS:
        raise Incomplete(f"An API key lives 1 to {LONGEST_DAYS} days: make a new one before it ends.")
    secret = secrets.token_urlsafe(32)
    key = f"{PREFIX}{secret}{checksum(secret)}"
    now = work.clock.now()
    row = ApiKey(
        id=new_id("key"),
        service_account_id=owner.id,
        digest=digest(key),
        hint=key[-4:],
        created_at=now,
        expires_at=now + timedelta(days=days),
        last_used_at=None,
        revoked_at=None,
    )
    audit.record(work, Act.API_KEY_CREATED, "api_key", row.id, detail={"for": owner.id, "days": days})
    work.db.add(row)
    work.db.flush()
    return row, key


def revoke_api_key(work: Unit, key_id: str) -> None:
    """The key stops working now. Raises `NotFound`, `Refused`."""
    require(work, Permission.USER_MANAGE, anywhere=True)
    row = work.db.get(ApiKey, key_id)
    if row is None or row.revoked_at is not None:
        raise NotFound(NOTHING_THERE)
    find_service_account(work, row.service_account_id)
    audit.record(work, Act.API_KEY_REVOKED, "api_key", row.id, detail={"for": row.service_account_id})
    row.revoked_at = work.clock.now()
    work.signal("revoked")


def actor_of_key(work: Unit, key: str, address: str | None) -> Actor | None:
    """The service account behind a key that holds now, or None."""
    if not key.startswith(PREFIX) or len(key) > _MOST_CHARACTERS:
        return None
    row = work.db.scalars(
        select(ApiKey).where(ApiKey.digest == digest(key)).options(joinedload(ApiKey.service_account))
    ).one_or_none()
    if row is None or row.revoked_at is not None or row.expires_at <= work.clock.now():
        return None
    owner = row.service_account
    if owner.status != "active":
        return None
    return Actor(kind=ActorKind.SERVICE, id=owner.id, name=owner.name, address=address)


def cut_off(work: Unit, service_account_id: str) -> bool:
    """Whether a key of it was revoked and no other holds now: what it asked for earlier is not done any more."""
    own = ApiKey.service_account_id == service_account_id
    good = select(ApiKey.id).where(own, ApiKey.revoked_at.is_(None), ApiKey.expires_at > work.clock.now())
    revoked = select(ApiKey.id).where(own, ApiKey.revoked_at.is_not(None))
    return work.db.scalar(good.limit(1)) is None and work.db.scalar(revoked.limit(1)) is not None


def checksum(secret: str) -> str:
    """Six characters at the end that let a leak scanner tell a real key from noise."""
    return f"{zlib.crc32(secret.encode()):08x}"[-6:]
