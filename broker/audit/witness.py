"""The second sink: signed heads, and the entries under them, appended to files the database's owner should not be able to rewrite."""

import os
from pathlib import Path

from sqlalchemy import select

from broker.audit.models import AuditCheckpoint, AuditEntry
from broker.base.unit import Unit

SEPARATOR = "--\n"


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
    _append(directory / "entries.jsonl", "".join(f"{leaf}\n" for leaf in leaves))
    _append(directory / "checkpoints.log", "".join(head.note + SEPARATOR for head in heads))
    for head in heads:
        head.witnessed_at = work.clock.now()
    return len(heads)


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as sink:
        sink.write(text)
        sink.flush()
        os.fsync(sink.fileno())
