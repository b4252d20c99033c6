"""Record what happened, in the transaction that made it happen; sign the log's head; prove an entry.

Entries of a unit get their place in the log in the unit's last step, under the locked head row, so the order of the
log is the order of commits (a database sequence would leave gaps and commit out of order).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, func, select

from broker.audit import tree
from broker.audit.acts import Act
from broker.audit.appending import append, split
from broker.audit.checkpoint import public_bytes, sign, verifier_key
from broker.audit.entry import Detail, clean, clean_detail, encode
from broker.audit.models import AuditCheckpoint, AuditEntry, AuditHead, AuditKey
from broker.audit.ranges import Ranges
from broker.base.db import READ_ONLY
from broker.base.errors import NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.ports.keyring import Keyring

ORIGIN = "portunus.local/audit"
FORMAT = "portunus-audit-1"
KEY_CONTEXT = b"portunus audit log key"
EXPORT_PAGE = 1000
_PENDING = "portunus_audit_pending"


@dataclass(frozen=True)
class LogKey:
    """The log's signing key; the public half goes into every export."""

    private: Ed25519PrivateKey

    @property
    def verifier(self) -> str:
        return verifier_key(ORIGIN, public_bytes(self.private))


@dataclass(frozen=True)
class InclusionProof:
    """Everything needed to check one entry against a signed head."""

    index: int
    leaf: str
    size: int
    path: list[str]
    """Hashes in hexadecimal, lowest first."""
    checkpoint: str


def record(
    work: Unit,
    act: Act,
    thing_kind: str,
    thing_id: str,
    *,
    account_id: str | None = None,
    location_id: str | None = None,
    outcome: str = "ok",
    reason: str | None = None,
    detail: Detail | None = None,
) -> str:
    """Record an act on a thing; returns the entry's id. It is written when the unit commits, or not at all.

    Raises ValueError when a detail is named like a secret, RuntimeError in a unit that only reads: nothing would be
    written there, and what the entry is about would happen unrecorded.
    """
    bind = work.db.get_bind()
    if isinstance(bind, Connection) and bind.get_execution_options().get(READ_ONLY):
        raise RuntimeError(f"{act.value} needs a writing unit: an audit entry of a reading one would be lost")
    entry_id = new_id("aud")
    fields = {
        "v": 1,
        "id": entry_id,
        "at": work.clock.now().isoformat(timespec="milliseconds"),
        "act": act.value,
        "actor": {
            "kind": work.actor.kind.value,
            "id": clean(work.actor.id, 60),
            "name": clean(work.actor.name, 120),
            "login": work.actor.login_id,
            "address": clean(work.actor.address, 60) if work.actor.address else None,
        },
        "thing": {"kind": thing_kind, "id": clean(thing_id, 60)},
        "account": account_id,
        "location": location_id,
        "outcome": clean(outcome, 60),
        "reason": clean(reason) if reason else None,
        "detail": clean_detail(detail or {}),
    }
    pending: list[dict[str, object]] = work.db.info.setdefault(_PENDING, [])
    if not pending:
        work.last_steps.append(_append_pending)
    pending.append(fields)
    return entry_id


def _append_pending(work: Unit) -> None:
    append(work.db.connection(), work.db.info.pop(_PENDING, []))


def sign_checkpoint(work: Unit, key: LogKey) -> AuditCheckpoint | None:
    """Sign the log's present head unless it is signed already; None while the log is empty."""
    head = work.db.get(AuditHead, 1)
    if head is None or head.size == 0:
        return None
    known = work.db.get(AuditCheckpoint, head.size)
    if known is not None:
        return known
    root = tree.root_of(split(head.frontier))
    note = sign(ORIGIN, head.size, root, key.private)
    checkpoint = AuditCheckpoint(size=head.size, at=work.clock.now(), root_hash=root, note=note)
    work.db.add(checkpoint)
    work.db.flush()
    return checkpoint


def prove(work: Unit, entry_id: str, key: LogKey) -> InclusionProof:
    """The entry with its inclusion proof in a signed head that covers it. Raises `NotFound`."""
    entry = work.db.execute(select(AuditEntry).where(AuditEntry.id == entry_id)).scalar_one_or_none()
    if entry is None:
        raise NotFound(f"There is no audit entry {entry_id}.")
    checkpoint = work.db.execute(
        select(AuditCheckpoint).where(AuditCheckpoint.size > entry.index).order_by(AuditCheckpoint.size).limit(1)
    ).scalar_one_or_none()
    if checkpoint is None:
        checkpoint = sign_checkpoint(work, key)
    assert checkpoint is not None  # the entry exists, so the log is not empty
    path = tree.inclusion_proof(entry.index, checkpoint.size, Ranges(work))
    return InclusionProof(
        index=entry.index,
        leaf=entry.leaf,
        size=checkpoint.size,
        path=[node.hex() for node in path],
        checkpoint=checkpoint.note,
    )


def export(work: Unit, key: LogKey) -> Iterator[str]:
    """The log up to its newest signed head as JSON Lines that `verify.py` accepts on its own.

    Each signed head stands right after the last entry it covers, so that a reader needs no memory. Sign first
    (`sign_checkpoint`, in a unit of its own): this one may only read, and may take long.
    """
    size = work.db.scalar(select(func.max(AuditCheckpoint.size))) or 0
    yield encode({"kind": "header", "format": FORMAT, "origin": ORIGIN, "key": key.verifier, "size": size})
    for start in range(0, size, EXPORT_PAGE):
        end = min(start + EXPORT_PAGE, size)
        signed = select(AuditCheckpoint).where(AuditCheckpoint.size.between(start + 1, end))
        heads = {row.size: row.cosigned_note for row in work.db.scalars(signed)}
        entries = (
            select(AuditEntry.leaf, AuditEntry.leaf_hash)
            .where(AuditEntry.index >= start, AuditEntry.index < end)
            .order_by(AuditEntry.index)
        )
        for place, entry in enumerate(work.db.execute(entries), start + 1):
            yield encode({"kind": "entry", "leaf": entry.leaf, "hash": entry.leaf_hash.hex()})
            if place in heads:
                yield encode({"kind": "checkpoint", "note": heads[place]})


def proof_bundle(proof: InclusionProof, key: LogKey) -> Iterator[str]:
    """One entry with its proof as JSON Lines that `verify.py` accepts on its own."""
    yield encode({"kind": "header", "format": FORMAT, "origin": ORIGIN, "key": key.verifier, "size": proof.size})
    yield encode({"kind": "proof", "leaf": proof.leaf, "index": proof.index, "path": proof.path})
    yield encode({"kind": "checkpoint", "note": proof.checkpoint})


def entries(
    work: Unit,
    *,
    before: int | None = None,
    limit: int = 100,
    act: str | None = None,
    actor_id: str | None = None,
    account_id: str | None = None,
    location_ids: Sequence[str] | None = None,
) -> list[AuditEntry]:
    """Newest first; `before` is the index the page continues from; `location_ids` limits to places (None: all)."""
    query = select(AuditEntry).order_by(AuditEntry.index.desc()).limit(min(limit, 200))
    if before is not None:
        query = query.where(AuditEntry.index < before)
    if act:
        query = query.where(AuditEntry.act == act)
    if actor_id:
        query = query.where(AuditEntry.actor_id == actor_id)
    if account_id:
        query = query.where(AuditEntry.account_id == account_id)
    if location_ids is not None:
        query = query.where(AuditEntry.location_id.in_(location_ids))
    return list(work.db.scalars(query))


def log_key(work: Unit, keyring: Keyring) -> LogKey:
    """The log's signing key, made at first use."""
    row = work.db.get(AuditKey, 1)
    if row is not None:
        return LogKey(Ed25519PrivateKey.from_private_bytes(keyring.unwrap(row.wrapped, KEY_CONTEXT)))
    key = Ed25519PrivateKey.generate()
    row = AuditKey(id=1, wrapped=keyring.wrap(key.private_bytes_raw(), KEY_CONTEXT), created_at=work.clock.now())
    work.db.add(row)
    record(work, Act.KEY_CREATED, "audit_key", "1", detail={"verifier": LogKey(key).verifier})
    work.db.flush()
    return LogKey(key)
