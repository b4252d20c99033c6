"""Proofs over a log of many entries read stored subtrees, and are the same as from every entry's hash."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from broker.audit import service as audit
from broker.audit import tree
from broker.audit.acts import Act
from broker.audit.models import AuditEntry, AuditSubtree
from broker.audit.ranges import Ranges
from broker.base.actor import system
from broker.base.errors import Unavailable
from broker.base.unit import Unit
from broker.wiring import Portunus

BOTH_DATABASES = True
ENTRIES = 1500


@pytest.fixture
def log(portunus: Portunus, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Unit, list[bytes]]]:
    """A log of some hundred entries whose stored subtrees have 4, 16, 64, … leaves, and every entry's hash."""
    monkeypatch.setattr(tree, "STORED", 2)
    left, grouping = ENTRIES, random.Random(7)
    while left > 0:
        with portunus.unit(system("test")) as work:
            for _ in range(min(left, grouping.choice((1, 2, 7, 40)))):
                audit.record(work, Act.TAB_REQUESTED, "lease", "lea_1")
                left -= 1
    with portunus.reading(system("test")) as work:
        yield work, [row.leaf_hash for row in work.db.query(AuditEntry).order_by(AuditEntry.index)]


def test_every_range_has_the_root_of_its_entries(log: tuple[Unit, list[bytes]]) -> None:
    work, hashes = log
    ranges, chance = Ranges(work), random.Random(8)
    for size in [1, 2, 3, 4, 5, 63, 64, 65, len(hashes), *(chance.randint(1, len(hashes)) for _ in range(20))]:
        assert ranges(0, size) == tree.root(hashes[:size])
        root, index, old = tree.root(hashes[:size]), chance.randrange(size), chance.randint(1, size)
        assert tree.includes(hashes[index], index, size, tree.inclusion_proof(index, size, ranges), root)
        older = tree.root(hashes[:old])
        assert tree.is_consistent(old, older, size, root, tree.consistency_proof(old, size, ranges))


def test_a_proof_reads_few_rows_of_a_long_log(log: tuple[Unit, list[bytes]]) -> None:
    work, hashes = log
    read: list[int] = []
    ranges = Ranges(work)
    stored, leaves = ranges._stored, ranges._leaves
    ranges._stored = lambda *asked: read.append(len(found := stored(*asked))) or found  # type: ignore[method-assign, func-returns-value]
    ranges._leaves = lambda *asked: read.append(len(found := leaves(*asked))) or found  # type: ignore[method-assign, func-returns-value]
    tree.inclusion_proof(700, len(hashes), ranges)
    assert 0 < sum(read) < 60


def test_a_gap_in_the_log_is_told_and_not_proved_around(log: tuple[Unit, list[bytes]]) -> None:
    work, hashes = log
    work.db.execute(text("DELETE FROM audit_subtree WHERE height = 2 AND number = 3"))
    with pytest.raises(Unavailable, match="portunus audit check"):
        Ranges(work)(12, 16)
    assert work.db.get(AuditSubtree, (4, 0)) is not None
    assert Ranges(work)(0, 16) == tree.root(hashes[:16])
