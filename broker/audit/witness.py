"""The second sink: signed heads, and the entries under them, appended to files the database's owner should not be able to rewrite."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.models import AuditCheckpoint, AuditEntry
from broker.base.errors import Incomplete, Unavailable
from broker.base.unit import Unit

SEPARATOR = "--\n"
TORN = f"\n(torn)\n{SEPARATOR}"
ENTRIES = "entries.jsonl"
CHECKPOINTS = "checkpoints.log"
TAIL = 64 * 1024
PAGE = 2000
ANEW = "anew"


@dataclass(frozen=True)
class _Begun:
    """When a sink was begun: once, or anew by a person."""

    index: int
    outcome: str


def witness(work: Unit, directory: Path) -> int:
    """Append what the sink has not seen yet; returns how many heads. Put `directory` on another volume.

    Raises `Unavailable` when the folder no longer holds what it took: a volume that is not mounted would begin anew,
    and nobody would miss the old one. Raises OSError when it cannot be written: the caller says so and tries again.
    """
    before = _newest_taken(work)
    if before is not None and not _holds(directory / CHECKPOINTS, before.note):
        raise Unavailable(
            f"The second sink {directory} does not hold the head of {before.size} entries that it took: "
            "mount its volume again, or begin a new one: portunus audit new-sink."
        )
    if before is None and (begun := _begun(work)) is not None and begun.outcome != ANEW:
        raise Unavailable(
            f"The second sink was begun by entry {begun.index}, but the database says that it never took a head: "
            "look for it, or begin a new one: portunus audit new-sink."
        )
    heads = list(
        work.db.scalars(
            select(AuditCheckpoint).where(AuditCheckpoint.witnessed_at.is_(None)).order_by(AuditCheckpoint.size)
        )
    )
    if not heads:
        return 0
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    leaves = _leaves(work, before.size if before is not None else 0, heads[-1].size)
    _append(directory / ENTRIES, (f"{leaf}\n" for leaf in leaves), ends="\n", torn="\n")
    _append(directory / CHECKPOINTS, (head.note + SEPARATOR for head in heads), ends=SEPARATOR, torn=TORN)
    for head in heads:
        head.witnessed_at = work.clock.now()
    return len(heads)


def first_round(work: Unit, directory: Path) -> None:
    """Put on record that a sink begins, when none has taken anything yet: one that is lost later is missed by this entry."""
    if _newest_taken(work) is None and work.db.scalar(select(AuditCheckpoint.size).limit(1)) is not None:
        audit.record(work, Act.SINK_BEGUN, "audit_sink", "1", detail={"folder": str(directory)})


def begin_anew(work: Unit, directory: Path, reason: str) -> None:
    """From the next round on the sink gets the whole log again: for a folder that took the place of a lost one.

    Raises `Incomplete` without a reason. It is on record, so that nobody loses a sink unnoticed.
    """
    if not reason.strip():
        raise Incomplete("Say why the second sink begins anew.")
    work.db.execute(update(AuditCheckpoint).values(witnessed_at=None))
    told = {"folder": str(directory)}
    audit.record(work, Act.SINK_BEGUN, "audit_sink", "1", outcome=ANEW, reason=reason.strip(), detail=told)


def _newest_taken(work: Unit) -> AuditCheckpoint | None:
    taken = select(AuditCheckpoint).where(AuditCheckpoint.witnessed_at.is_not(None))
    return work.db.scalar(taken.order_by(AuditCheckpoint.size.desc()).limit(1))


def _begun(work: Unit) -> _Begun | None:
    newest = select(AuditEntry).where(AuditEntry.act == Act.SINK_BEGUN).order_by(AuditEntry.index.desc()).limit(1)
    entry = work.db.scalar(newest)
    return _Begun(entry.index, json.loads(entry.leaf)["outcome"]) if entry is not None else None


def _leaves(work: Unit, start: int, end: int) -> Iterator[str]:
    for first in range(start, end, PAGE):
        query = select(AuditEntry.leaf).where(AuditEntry.index >= first, AuditEntry.index < min(first + PAGE, end))
        yield from work.db.scalars(query.order_by(AuditEntry.index)).all()


def _holds(file: Path, note: str) -> bool:
    """Whether the file holds this note: most often among its last ones."""
    try:
        with file.open("rb") as sink:
            sink.seek(max(0, file.stat().st_size - TAIL))
            if note.encode() in sink.read():
                return True
            sink.seek(0)
            return note.encode() in sink.read()
    except FileNotFoundError:
        return False


def _append(file: Path, texts: Iterable[str], *, ends: str, torn: str) -> None:
    """Append durably. What a crash tore before is closed off with `torn`: nothing may be glued to it."""
    with file.open("a+b") as sink:
        if sink.tell():
            sink.seek(-min(len(ends), sink.tell()), os.SEEK_END)
            if sink.read() != ends.encode():
                sink.write(torn.encode())
        sink.writelines(text.encode() for text in texts)
        sink.flush()
        os.fsync(sink.fileno())
