"""API keys of service accounts: shown once, kept as a digest, revoked at once."""

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
from broker.identity.policy import NOTHING_THERE, Permission, require

PREFIX = "ptn_live_"
LONGEST = timedelta(days=90)
_MAX_CHARACTERS = 200


def create_api_key(work: Unit, service_account_id: str, *, life: timedelta = LONGEST) -> tuple[ApiKey, str]:
    """A new key and its only showing. Raises `NotFound`, `Refused`, `Incomplete` (longer than 90 days)."""
    require(work, Permission.USER_MANAGE)
    if not timedelta() < life <= LONGEST:
        raise Incomplete("An API key lives between a moment and 90 days: choose a shorter life and rotate.")
    owner = _service_account(work, service_account_id)
    secret = secrets.token_urlsafe(32)
    key = f"{PREFIX}{secret}_{checksum(secret)}"
    row = ApiKey(
        id=new_id("key"),
        service_account_id=owner.id,
        digest=digest(key),
        hint=key[-4:],
        created_at=work.clock.now(),
        expires_at=work.clock.now() + life,
        last_used_at=None,
        revoked_at=None,
    )
    audit.record(
        work,
        Act.API_KEY_CREATED,
        "api_key",
        row.id,
        detail={"service_account": owner.id, "expires": row.expires_at.isoformat()},
    )
    work.db.add(row)
    work.db.flush()
    return row, key


def revoke_api_key(work: Unit, key_id: str) -> None:
    """The key stops working now. Raises `NotFound`, `Refused`."""
    require(work, Permission.USER_MANAGE)
    row = work.db.get(ApiKey, key_id)
    if row is None:
        raise NotFound(NOTHING_THERE)
    _service_account(work, row.service_account_id)
    if row.revoked_at is None:
        audit.record(work, Act.API_KEY_REVOKED, "api_key", row.id, detail={"service_account": row.service_account_id})
        row.revoked_at = work.clock.now()
        work.signal("revoked")


def actor_of_key(work: Unit, key: str, *, address: str | None = None) -> Actor | None:
    """The service account behind a key, if the key counts now."""
    if not key.startswith(PREFIX) or len(key) > _MAX_CHARACTERS:
        return None
    row = work.db.scalars(
        select(ApiKey).where(ApiKey.digest == digest(key)).options(joinedload(ApiKey.service_account))
    ).one_or_none()
    now = work.clock.now()
    if row is None or row.revoked_at is not None or now >= row.expires_at or row.service_account.status != "active":
        return None
    return Actor(ActorKind.SERVICE, row.service_account_id, row.service_account.name, address=address)


def checksum(secret: str) -> str:
    """Six characters that let a leak scanner tell a real key from noise."""
    return f"{zlib.crc32(secret.encode()):08x}"[-6:]


def _service_account(work: Unit, service_account_id: str) -> ServiceAccount:
    from broker.identity.people import same_organization

    row = work.db.get(ServiceAccount, service_account_id)
    if row is None or not same_organization(work, row.organization_id):
        raise NotFound(NOTHING_THERE)
    return row
