"""Proof files: a few entries, their paths to one signed head, and that older signed heads are its beginning."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func, select

from broker.audit import tree
from broker.audit.entry import encode
from broker.audit.models import AuditCheckpoint, AuditEntry
from broker.audit.ranges import Ranges
from broker.audit.service import FORMAT, ORIGIN, LogKey
from broker.base.errors import NotFound
from broker.base.unit import Unit


def signed_size(work: Unit) -> int:
    """How many entries the newest signed head covers."""
    return work.db.scalar(select(func.max(AuditCheckpoint.size))) or 0


def bundle(
    work: Unit, key: LogKey, entries: Sequence[AuditEntry], subject: dict[str, object] | None = None
) -> Iterator[str]:
    """JSON Lines that `verify.py` accepts on its own. A head over the entries is signed before (`sign_checkpoint`).

    Raises `NotFound` when there is no entry, or none is under a signed head.
    """
    ordered = sorted(entries, key=lambda entry: entry.index)
    head = work.db.get(AuditCheckpoint, signed_size(work))
    if not ordered or head is None or head.size <= ordered[-1].index:
        raise NotFound("There is nothing in the signed log to prove yet. Ask again in a minute.")
    ranges = Ranges(work)
    yield encode({"kind": "header", "format": FORMAT, "origin": ORIGIN, "key": key.verifier, "size": head.size})
    if subject is not None:
        yield encode({"kind": "subject", **subject})
    for entry in ordered:
        path = [node.hex() for node in tree.inclusion_proof(entry.index, head.size, ranges)]
        yield encode({"kind": "proof", "leaf": entry.leaf, "index": entry.index, "path": path})
    for one in older_heads(work, head.size):
        path = [node.hex() for node in tree.consistency_proof(one.size, head.size, ranges)]
        yield encode({"kind": "consistency", "note": one.cosigned_note, "path": path})
    yield encode({"kind": "checkpoint", "note": head.cosigned_note})


def older_heads(work: Unit, size: int) -> list[AuditCheckpoint]:
    """The last one; heads that the second sink took, ever further apart back to its first; the newest that a witness elsewhere signed.

    Whoever kept a copy of the sink, however old, finds in it one of these.
    """
    taken = select(AuditCheckpoint).where(AuditCheckpoint.size < size, AuditCheckpoint.witnessed_at.is_not(None))
    cosigned = select(AuditCheckpoint).where(AuditCheckpoint.size < size, AuditCheckpoint.cosignature.is_not(None))
    newest_first = AuditCheckpoint.size.desc()
    before = select(AuditCheckpoint).where(AuditCheckpoint.size < size)
    found = [*work.db.scalars(before.order_by(newest_first).limit(1))]
    found += work.db.scalars(taken.order_by(newest_first).limit(1))
    found += work.db.scalars(cosigned.order_by(newest_first).limit(1))
    found += work.db.scalars(taken.order_by(AuditCheckpoint.size).limit(1))
    back = 1
    while back < size:
        found += work.db.scalars(taken.where(AuditCheckpoint.size <= size - back).order_by(newest_first).limit(1))
        back *= 2
    return sorted({head.size: head for head in found}.values(), key=lambda head: -head.size)
