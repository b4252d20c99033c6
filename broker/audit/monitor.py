"""Compare the log in the database with what the second sink saw: edits, deletions, cut ends, forks, restored copies.

Says which entry. Run every few minutes by the worker, and by hand with `portunus audit check`.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from broker.audit import restores, tree, verify
from broker.audit.appending import split
from broker.audit.models import AuditCheckpoint, AuditEntry, AuditHead, AuditSubtree
from broker.audit.seen import FORKED, UNKNOWN, Finding, Seen, seen_in
from broker.audit.service import LogKey
from broker.base.unit import Unit

PAGE = 2000
MOST_FINDINGS = 50
CLOCK = timedelta(minutes=5)
COLUMNS = ("act", "actor_kind", "actor_id", "thing_kind", "thing_id", "account_id", "location_id", "id", "at")


def check(work: Unit, key: LogKey, directory: Path) -> list[Finding]:
    """Everything that does not fit; empty when all is well. What cannot be compared is a finding too: it is unknown."""
    seen = seen_in(directory, key, restores.known(work, key))
    found = list(seen.findings)
    stored = {(row.height, row.number): row.root_hash for row in work.db.scalars(select(AuditSubtree))}
    frontier: list[bytes] = []
    size = 0
    for entry in _entries(work):
        if entry.place != size:
            missing = f"entry {size} is" if entry.place == size + 1 else f"entries {size} to {entry.place - 1} are"
            found.append(Finding(size, f"{missing} missing: deleted or renumbered."))
            return found[:MOST_FINDINGS]
        found += _entry(entry, seen)
        hashed = tree.leaf_hash(entry.leaf.encode())
        for height, number, root in tree.completed(frontier, size, hashed):
            if stored.get((height, number)) != root and not found:
                first, last = number << height, size
                found.append(Finding(first, f"the stored hash of entries {first} to {last} is not theirs: changed."))
        frontier = tree.append(frontier, size, hashed)
        size += 1
        head = seen.heads.get(size)
        if head is not None and head != tree.root_of(frontier) and not found:
            found.append(Finding(size - 1, f"the head of {size} entries is not the one the witness saw.", FORKED))
        if len(found) >= MOST_FINDINGS:
            return found
    found += [*_end(work, size, frontier if not found else None, seen), *_heads(work, key, size)]
    found += _unknown(work, seen, size)
    return found[:MOST_FINDINGS]


def _entry(entry: Any, seen: Seen) -> Iterator[Finding]:
    hashed = tree.leaf_hash(entry.leaf.encode())
    if hashed != entry.leaf_hash:
        yield Finding(entry.place, f"entry {entry.place} was changed: its text does not fit its hash.")
    if not seen.says(entry.place, hashed):
        words = f"entry {entry.place} is not the one the witness saw: changed, or another history."
        yield Finding(entry.place, words, FORKED)
    try:
        fields = json.loads(entry.leaf)
        told = {
            "act": fields["act"],
            "actor_kind": fields["actor"]["kind"],
            "actor_id": fields["actor"]["id"],
            "thing_kind": fields["thing"]["kind"],
            "thing_id": fields["thing"]["id"],
            "account_id": fields["account"],
            "location_id": fields["location"],
            "id": fields["id"],
            "at": datetime.fromisoformat(fields["at"]),
        }
    except (ValueError, KeyError, TypeError):
        yield Finding(entry.place, f"entry {entry.place} is not in the form Portunus writes.")
        return
    if fields.get("index") != entry.place:
        yield Finding(entry.place, f"entry {entry.place} says that it is entry {fields.get('index')}: moved.")
    for column in COLUMNS:
        if getattr(entry, column) != told[column]:
            yield Finding(entry.place, f"entry {entry.place}: the column {column} was changed.")


def _end(work: Unit, size: int, frontier: list[bytes] | None, seen: Seen) -> list[Finding]:
    """The log's end: nothing that the witness saw may be gone, and the head row must be the head of these entries.

    `frontier` is None when an entry was changed: then it cannot be the head, and the entry is named already.
    """
    found = []
    if seen.last >= size:
        words = f"entries {size} to {seen.last} are gone: the end was cut, or an older copy was restored."
        found.append(Finding(size, words, FORKED))
    head = work.db.get(AuditHead, 1)
    other_root = head is not None and frontier is not None and split(head.frontier) != frontier
    if (head.size if head else 0) != size or other_root:
        found.append(Finding(max(size - 1, 0), f"the head row is not the head of these {size} entries."))
    return found


def _heads(work: Unit, key: LogKey, size: int) -> Iterator[Finding]:
    """Signed heads in the database: signatures hold, none is of a longer log, times are plausible."""
    before: datetime | None = None
    for row in work.db.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.size)):
        try:
            told, root = verify.open_checkpoint(row.note, key.verifier)
        except verify.Rejected as wrong:
            yield Finding(row.size - 1, f"{wrong}.")
            continue
        if told != row.size or root != row.root_hash:
            yield Finding(row.size - 1, f"the row of the signed head of {row.size} entries was changed.")
        if row.size > size:
            yield Finding(size, f"there is a signed head of {row.size} entries, but only {size} entries.")
        if row.at > work.clock.now() + CLOCK:
            yield Finding(row.size - 1, f"the signed head of {row.size} entries has a time in the future.")
        if before is not None and row.at < before - CLOCK:
            yield Finding(row.size - 1, f"the clock was set back before the signed head of {row.size} entries.")
        before = row.at


def _unknown(work: Unit, seen: Seen, size: int) -> Iterator[Finding]:
    """Heads that the sink took by the database's word and does not hold: a lost or another sink shows nothing."""
    signed = work.db.execute(select(AuditCheckpoint.size, AuditCheckpoint.witnessed_at)).all()
    held = set(seen.heads) | {index + 1 for index in seen.of_before}
    lost = sorted(row.size for row in signed if row.witnessed_at is not None and row.size not in held)
    if lost:
        words = (
            f"unknown: the second sink does not hold {len(lost)} of the signed heads that it took, first that of {lost[0]} "
            "entries. It is lost, or another folder: nothing under them could be compared."
        )
        yield Finding(None, words, UNKNOWN)
    elif size and not seen.notes:
        yield Finding(None, "unknown: the second sink holds no signed head yet: nothing could be compared.", UNKNOWN)


def _entries(work: Unit) -> Iterator[Any]:
    """Plain rows of a log that may be long: mapped ones cost three times as much. `place` is the index."""
    columns = [getattr(AuditEntry, name) for name in (*COLUMNS, "leaf", "leaf_hash")]
    after = -1
    while True:
        page = select(AuditEntry.index.label("place"), *columns).where(AuditEntry.index > after)
        rows = work.db.execute(page.order_by(AuditEntry.index).limit(PAGE)).all()
        if not rows:
            return
        yield from rows
        after = rows[-1].place
