"""Roots of ranges of the log, from the stored subtrees and, at a range's end, from single entries."""

from sqlalchemy import select

from broker.audit import tree
from broker.audit.models import AuditEntry, AuditSubtree
from broker.base.errors import Unavailable
from broker.base.unit import Unit


class Ranges:
    """Many proofs over the same log: each range is worked out once. Called as a `tree.RootAt`."""

    def __init__(self, work: Unit) -> None:
        self._work = work
        self._known: dict[tuple[int, int], bytes] = {}

    def __call__(self, start: int, end: int) -> bytes:
        """Root over the entries start..end-1. Raises `Unavailable` where one of them is not there."""
        known = self._known.get((start, end))
        if known is None:
            known = self._known[start, end] = self._root(start, end)
        return known

    def _root(self, start: int, end: int) -> bytes:
        """Largest subtrees first: a range that RFC 9162 splits off begins where a tree as large as itself would."""
        frontier: list[bytes] = []
        size, height = 0, ((end - start).bit_length() - 1) // tree.STORED * tree.STORED
        while start < end:
            through = end >> height << height
            roots = self._stored(height, start >> height, through >> height) if height else self._leaves(start, end)
            if len(roots) != (through - start) >> height:
                raise Unavailable("The log has gaps, so nothing can be proved: portunus audit check says where.")
            for root in roots:
                frontier = tree.append(frontier, size, root)
                size += 1
            start, size, height = through, size << tree.STORED, height - tree.STORED
        return tree.root_of(frontier)

    def _stored(self, height: int, first: int, after: int) -> list[bytes]:
        query = select(AuditSubtree.root_hash).where(
            AuditSubtree.height == height, AuditSubtree.number >= first, AuditSubtree.number < after
        )
        return list(self._work.db.scalars(query.order_by(AuditSubtree.number)))

    def _leaves(self, start: int, end: int) -> list[bytes]:
        query = select(AuditEntry.leaf_hash).where(AuditEntry.index >= start, AuditEntry.index < end)
        return list(self._work.db.scalars(query.order_by(AuditEntry.index)))
