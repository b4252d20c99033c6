"""Proof files: a few entries, their paths to one signed head, and that older signed heads are its beginning."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from broker.audit import tree
from broker.audit.entry import encode
from broker.audit.models import AuditCheckpoint, AuditEntry
from broker.audit.ranges import Ranges
from broker.audit.service import FORMAT, ORIGIN, LogKey, sign_checkpoint
from broker.base.errors import NotFound
from broker.base.unit import Unit

OLDER_HEADS = 3


def bundle(
    work: Unit, key: LogKey, entries: Sequence[AuditEntry], subject: dict[str, object] | None = None
) -> Iterator[str]:
    """JSON Lines that `verify.py` accepts on its own. Signs the present head when none covers the entries yet.

    Raises `NotFound` when there is no entry.
    """
    if not entries:
        raise NotFound("There is nothing in the log to prove.")
    ordered = sorted(entries, key=lambda entry: entry.index)
    newest = work.db.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))
    head = newest if newest is not None and newest.size > ordered[-1].index else sign_checkpoint(work, key)
    if head is None or head.size <= ordered[-1].index:
        raise NotFound("These entries are not committed yet.")
    ranges = Ranges(work)
    older = work.db.scalars(
        select(AuditCheckpoint)
        .where(AuditCheckpoint.size < head.size)
        .order_by(AuditCheckpoint.witnessed_at.is_(None), AuditCheckpoint.size.desc())
        .limit(OLDER_HEADS)
    ).all()
    yield encode({"kind": "header", "format": FORMAT, "origin": ORIGIN, "key": key.verifier, "size": head.size})
    if subject is not None:
        yield encode({"kind": "subject", **subject})
    for entry in ordered:
        path = [node.hex() for node in tree.inclusion_proof(entry.index, head.size, ranges)]
        yield encode({"kind": "proof", "leaf": entry.leaf, "index": entry.index, "path": path})
    for one in older:
        path = [node.hex() for node in tree.consistency_proof(one.size, head.size, ranges)]
        yield encode({"kind": "consistency", "note": one.note, "path": path})
    yield encode({"kind": "checkpoint", "note": head.note})
