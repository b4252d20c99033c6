"""The vault: use, not read. Secrets go in through `put`; they come out only to type, to sign in to a mailbox, or as a TOTP.

No call gives a secret to the API layer: it may call `put`, `has` and `set_at` only (a test holds it to that). Each
release is an audit entry in the same transaction. A row restored from an older copy is refused: the newest
version's digest is in the audit log, and so is that it was destroyed.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.db import changed
from broker.base.errors import NotFound, Unavailable
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory.models import PortalAccount
from broker.ports.keyring import Keyring
from broker.vault import envelope, totp
from broker.vault.models import Secret, TenantKey


@dataclass(frozen=True)
class TotpRelease:
    """A code, or how long to wait until this account's next one (a step is released once)."""

    code: str | None
    step: int
    wait_s: float

    def __repr__(self) -> str:
        return f"TotpRelease(step={self.step}, wait_s={self.wait_s})"


class Key:
    """A secret that checks signatures; it is not shown, and only the answer leaves."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def agrees(self, check: Callable[[bytes], bool]) -> bool:
        """Whether `check` says yes to the secret."""
        return check(self._secret)


class Vault:
    """Sealed secrets of every organization. Holds the way to the root key, no key itself."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    # --- storing

    def put(self, work: Unit, organization_id: str, owner_kind: str, owner_id: str, field: str, value: bytes) -> Secret:
        """Seal a new version of the secret; the one before is no longer used."""
        tenant = self._tenant_key(work, organization_id)
        version = 1 + (
            work.db.scalar(select(func.max(Secret.version)).where(*_named(owner_kind, owner_id, field))) or 0
        )
        parts = _parts(organization_id, owner_kind, owner_id, field, version, tenant.version)
        secret = Secret(
            id=new_id("sec"),
            organization_id=organization_id,
            owner_kind=owner_kind,
            owner_id=owner_id,
            field=field,
            version=version,
            tenant_key_version=tenant.version,
            sealed=envelope.seal(self._open_tenant(tenant), parts, value),
            set_by=work.actor.id,
            set_at=work.clock.now(),
        )
        work.db.add(secret)
        work.db.flush()
        audit.record(
            work,
            Act.SECRET_STORED,
            "secret",
            _name(owner_id, field),
            detail={"version": version, "digest": hashlib.sha256(secret.sealed).hexdigest()},
        )
        return secret

    def has(self, work: Unit, owner_kind: str, owner_id: str, field: str) -> bool:
        """Whether there is a usable secret of this name."""
        return self._newest(work, owner_kind, owner_id, field) is not None

    def set_at(self, work: Unit, owner_kind: str, owner_id: str, field: str) -> tuple[datetime, str] | None:
        """When and by whom the newest version was stored."""
        newest = self._newest(work, owner_kind, owner_id, field)
        return (newest.set_at, newest.set_by) if newest else None

    def destroy(self, work: Unit, owner_kind: str, owner_id: str, field: str) -> None:
        """Overwrite every version's sealed bytes; what was sealed is gone."""
        for secret in work.db.scalars(select(Secret).where(*_named(owner_kind, owner_id, field))):
            if secret.destroyed_at is None:
                secret.sealed = b""
                secret.destroyed_at = work.clock.now()
        audit.record(work, Act.SECRET_DESTROYED, "secret", _name(owner_id, field))

    # --- using

    def use(self, work: Unit, owner_kind: str, owner_id: str, field: str, *, purpose: str) -> bytes:
        """The secret, for a part of Portunus that uses it at once. Raises `NotFound`, `Unavailable` (tampered row)."""
        value = self._open(work, owner_kind, owner_id, field)
        audit.record(work, Act.SECRET_RELEASED, "secret", _name(owner_id, field), detail={"purpose": purpose})
        return value

    def verify_with(
        self, work: Unit, owner_kind: str, owner_id: str, field: str, check: Callable[[bytes], bool], *, purpose: str
    ) -> bool:
        """Whether `check` says yes to the secret, which does not leave this call. Recorded only then: anybody can forge.

        Raises `NotFound`, `Unavailable` (tampered row).
        """
        genuine = check(self._open(work, owner_kind, owner_id, field))
        if genuine:
            audit.record(work, Act.SECRET_RELEASED, "secret", _name(owner_id, field), detail={"purpose": purpose})
        return genuine

    def keys(self, work: Unit, owner_kind: str, owner_ids: Sequence[str], field: str) -> dict[str, Key]:
        """Keys to tell forgeries with, by owner; without those that are not stored or were tampered with.

        Nothing is recorded: what a key agrees to is judged again with `verify_with`, which records.
        """
        found: dict[str, Key] = {}
        for owner_id in owner_ids:
            try:
                found[owner_id] = Key(self._open(work, owner_kind, owner_id, field))
            except (NotFound, Unavailable):
                continue
        return found

    def totp(self, work: Unit, account_id: str, attempt_id: str, now: datetime) -> TotpRelease:
        """This account's code of the present time step, once: a second asker gets the wait until the next (RFC 6238)."""
        seed = totp.Seed.parse(self._open(work, "portal_account", account_id, "totp_seed").decode())
        step = seed.step(now)
        taken = work.db.execute(
            update(PortalAccount)
            .where(PortalAccount.id == account_id, PortalAccount.totp_last_step < step)
            .values(totp_last_step=step)
        )
        if changed(taken) == 0:
            last = work.db.scalar(select(PortalAccount.totp_last_step).where(PortalAccount.id == account_id)) or step
            return TotpRelease(code=None, step=step, wait_s=seed.seconds_to(last + 1, now))
        audit.record(
            work,
            Act.SECRET_RELEASED,
            "secret",
            _name(account_id, "totp_seed"),
            account_id=account_id,
            detail={"purpose": "one-time code", "step": step, "attempt": attempt_id},
        )
        return TotpRelease(code=seed.code(step), step=step, wait_s=0)

    def check_totp(self, work: Unit, user_id: str, code: str, last_step: int) -> int | None:
        """The time step whose code this is, if it is newer than `last_step` and at most one step off; else None."""
        seed = totp.Seed.parse(self._open(work, "user", user_id, "totp_seed").decode())
        return seed.matching_step(code, work.clock.now(), last_step)

    # --- keys and loose values for the broker's own features

    def new_key(self, work: Unit, organization_id: str, owner_kind: str, owner_id: str) -> tuple[bytes, bytes]:
        """A fresh 32-byte key and its sealed form, to be kept with what it encrypts (recordings, downloads)."""
        key = os.urandom(32)
        return key, self.seal(work, organization_id, (owner_kind, owner_id, "key"), key)

    def open_key(self, work: Unit, organization_id: str, owner_kind: str, owner_id: str, wrapped: bytes) -> bytes:
        """The key again. Raises `Unavailable` when it was changed or destroyed."""
        return self.unseal(work, organization_id, (owner_kind, owner_id, "key"), wrapped)

    def seal(self, work: Unit, organization_id: str, context: tuple[str, ...], value: bytes) -> bytes:
        """`value` sealed for `context`; the tenant key's version is in front."""
        tenant = self._tenant_key(work, organization_id)
        sealed = envelope.seal(self._open_tenant(tenant), (organization_id, *context, tenant.version), value)
        return tenant.version.to_bytes(4, "big") + sealed

    def unseal(self, work: Unit, organization_id: str, context: tuple[str, ...], sealed: bytes) -> bytes:
        """The value again. Raises `Unavailable` when it was changed, moved or destroyed."""
        version = int.from_bytes(sealed[:4], "big")
        try:
            key = self._open_tenant(self._tenant_key(work, organization_id, version))
            return envelope.unseal(key, (organization_id, *context, version), sealed[4:])
        except (envelope.Unopenable, NotFound) as wrong:
            raise Unavailable("A sealed value cannot be opened: it was changed, moved or destroyed.") from wrong

    def digest(self, work: Unit, organization_id: str, value: str) -> bytes:
        """HMAC-SHA-256 of a short value under the organization's key: a 6-digit code cannot be guessed from it."""
        key = self._open_tenant(self._tenant_key(work, organization_id))
        return hmac.digest(key, b"portunus digest" + value.encode(), "sha256")

    # --- inside

    def _open(self, work: Unit, owner_kind: str, owner_id: str, field: str) -> bytes:
        newest = self._newest(work, owner_kind, owner_id, field)
        if newest is None:
            raise NotFound(
                f"No {field.replace('_', ' ')} is stored for this {owner_kind.replace('_', ' ')}: store it under Accounts."
            )
        self._refuse_older_copy(work, newest)
        return self._unseal(work, newest)

    def _unseal(self, work: Unit, secret: Secret) -> bytes:
        tenant = self._tenant_key(work, secret.organization_id, secret.tenant_key_version)
        parts = _parts(
            secret.organization_id,
            secret.owner_kind,
            secret.owner_id,
            secret.field,
            secret.version,
            secret.tenant_key_version,
        )
        try:
            return envelope.unseal(self._open_tenant(tenant), parts, secret.sealed)
        except envelope.Unopenable as wrong:
            raise Unavailable(
                "A stored secret was changed outside Portunus and cannot be opened: store it again."
            ) from wrong

    def _refuse_older_copy(self, work: Unit, secret: Secret) -> None:
        """A row put back from an old backup opens, but the log knows a newer version, or that it was destroyed."""
        newest = _logged(work, secret, Act.SECRET_STORED, Act.SECRET_DESTROYED)
        destroyed = newest is not None and newest.act == Act.SECRET_DESTROYED.value
        stored = _logged(work, secret, Act.SECRET_STORED) if destroyed else newest
        if stored is None:
            return  # stored in this very unit: its entry is written at commit
        logged = json.loads(stored.leaf)["detail"]
        if secret.version < logged["version"] or (destroyed and secret.version == logged["version"]):
            raise Unavailable("A stored secret is older than the audit log says: it was restored. Store it again.")
        if secret.version == logged["version"] and hashlib.sha256(secret.sealed).hexdigest() != logged["digest"]:
            raise Unavailable("A stored secret differs from what the audit log says was stored: store it again.")

    def _newest(self, work: Unit, owner_kind: str, owner_id: str, field: str) -> Secret | None:
        newest = work.db.scalars(
            select(Secret).where(*_named(owner_kind, owner_id, field)).order_by(Secret.version.desc()).limit(1)
        ).one_or_none()
        return newest if newest is not None and newest.destroyed_at is None else None

    def _tenant_key(self, work: Unit, organization_id: str, version: int | None = None) -> TenantKey:
        query = select(TenantKey).where(TenantKey.organization_id == organization_id)
        query = query.where(TenantKey.version == version) if version else query.where(TenantKey.retired_at.is_(None))
        found = work.db.scalars(query.order_by(TenantKey.version.desc()).limit(1)).one_or_none()
        if found is not None:
            return found
        if version:
            raise NotFound("That key version does not exist.")
        row = TenantKey(
            id=new_id("key"),
            organization_id=organization_id,
            version=1,
            wrapped=self._keyring.wrap(os.urandom(32), _key_context(organization_id, 1)),
            created_at=work.clock.now(),
            retired_at=None,
        )
        work.db.add(row)
        work.db.flush()
        audit.record(work, Act.KEY_CREATED, "tenant_key", row.id, detail={"version": 1})
        return row

    def _open_tenant(self, row: TenantKey) -> bytes:
        try:
            return self._keyring.unwrap(row.wrapped, _key_context(row.organization_id, row.version))
        except ValueError as wrong:
            raise Unavailable("An organization's key does not open: is this the root key it was made with?") from wrong


def _named(owner_kind: str, owner_id: str, field: str) -> tuple[ColumnElement[bool], ...]:
    return (Secret.owner_kind == owner_kind, Secret.owner_id == owner_id, Secret.field == field)


def _name(owner_id: str, field: str) -> str:
    return f"{owner_id}/{field}"


def _logged(work: Unit, secret: Secret, *acts: Act) -> AuditEntry | None:
    """The newest entry of these acts about this secret."""
    return work.db.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.thing_kind == "secret",
            AuditEntry.thing_id == _name(secret.owner_id, secret.field),
            AuditEntry.act.in_([act.value for act in acts]),
        )
        .order_by(AuditEntry.index.desc())
        .limit(1)
    ).one_or_none()


def _parts(*parts: str | int) -> Sequence[str | int]:
    return ("secret", *parts)


def _key_context(organization_id: str, version: int) -> bytes:
    return envelope.identity(("tenant key", organization_id, version))
