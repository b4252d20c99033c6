"""The second sink: signed heads, and the entries under them, appended to files the database's owner should not be able to rewrite."""

import os
from pathlib import Path

from sqlalchemy import select

from broker.audit.models import AuditCheckpoint, AuditEntry
from broker.base.unit import Unit

SEPARATOR = "--\n"
TORN = f"\n(torn)\n{SEPARATOR}"
ENTRIES = "entries.jsonl"
CHECKPOINTS = "checkpoints.log"


def witness(work: Unit, directory: Path) -> int:
    """Append what the sink has not seen yet; returns how many heads. Put `directory` on another volume.

    Raises OSError when the sink cannot be written: the caller says so and tries again.
    """
    heads = list(
        work.db.scalars(
            select(AuditCheckpoint).where(AuditCheckpoint.witnessed_at.is_(None)).order_by(AuditCheckpoint.size)
        )
    )
    if not heads:
        return 0
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = work.db.scalar(
        select(AuditCheckpoint.size)
        .where(AuditCheckpoint.witnessed_at.is_not(None))
        .order_by(AuditCheckpoint.size.desc())
        .limit(1)
    )
    leaves = work.db.scalars(
        select(AuditEntry.leaf)
        .where(AuditEntry.index >= (before or 0), AuditEntry.index < heads[-1].size)
        .order_by(AuditEntry.index)
    )
    _append(directory / ENTRIES, "".join(f"{leaf}\n" for leaf in leaves), ends="\n", torn="\n")
    _append(directory / CHECKPOINTS, "".join(head.note + SEPARATOR for head in heads), ends=SEPARATOR, torn=TORN)
    for head in heads:
        head.witnessed_at = work.clock.now()
    return len(heads)


def _append(file: Path, text: str, *, ends: str, torn: str) -> None:
    """Append durably. What a crash tore before is closed off with `torn`: nothing may be glued to it."""
    with file.open("a+b") as sink:
        if sink.tell():
            sink.seek(-min(len(ends), sink.tell()), os.SEEK_END)
            if sink.read() != ends.encode():
                sink.write(torn.encode())
        sink.write(text.encode())
        sink.flush()
        os.fsync(sink.fileno())
