"""The audit log: one Merkle tree (RFC 9162) over entries, one locked head row, signed checkpoints."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from broker.base.db import Base

Place = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere; SQLite keeps rows in the order of an INTEGER key, which saves it one tree for each entry."""


class AuditEntry(Base):
    """`leaf` is the deterministic JSON that was hashed; the other columns repeat parts of it for queries only."""

    __tablename__ = "audit_entry"

    index: Mapped[int] = mapped_column(Place, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    at: Mapped[datetime] = mapped_column(index=True)
    act: Mapped[str] = mapped_column(String(60), index=True)
    actor_kind: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[str] = mapped_column(String(60), index=True)
    thing_kind: Mapped[str] = mapped_column(String(40))
    thing_id: Mapped[str] = mapped_column(String(60))
    account_id: Mapped[str | None] = mapped_column(String(40), index=True)
    location_id: Mapped[str | None] = mapped_column(String(40), index=True)
    leaf: Mapped[str] = mapped_column(Text)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary(32))

    __table_args__ = (Index("ix_audit_entry_thing", "thing_kind", "thing_id"),)


class AuditHead(Base):
    """The single row that orders the log: locked last in every writing transaction."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    frontier: Mapped[bytes] = mapped_column(LargeBinary)
    """Hashes of the perfect subtrees, largest first, 32 bytes each: at most 64 of them."""


class AuditSubtree(Base):
    """The root of a full subtree of 256, 65,536, … entries: proofs read these instead of every entry's hash."""

    __tablename__ = "audit_subtree"

    height: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Counted from the left, from 0."""
    root_hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditCheckpoint(Base):
    """A signed tree head in C2SP checkpoint form."""

    __tablename__ = "audit_checkpoint"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    root_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[str] = mapped_column(Text)
    witnessed_at: Mapped[datetime | None]
    """When the second sink took it."""
    cosignature: Mapped[str | None] = mapped_column(Text)
    """The signature line of the witness elsewhere, if there is one."""
    cosigned_at: Mapped[datetime | None]

    @property
    def cosigned_note(self) -> str:
        """The note with the signature of the witness elsewhere below the log's own."""
        return f"{self.note}{self.cosignature}\n" if self.cosignature else self.note


class AuditKey(Base):
    """The log's Ed25519 signing key, wrapped by the root key."""

    __tablename__ = "audit_key"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
