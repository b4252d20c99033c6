"""The audit log's own figures: durable appends one by one and in groups, and an outsider's check of a million entries."""

import base64
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine
from sqlalchemy.orm import Session

import broker.audit.models  # noqa: F401 - the tables
from broker.audit import service as audit
from broker.audit import tree, verify
from broker.audit.acts import Act
from broker.audit.checkpoint import sign
from broker.audit.entry import encode
from broker.audit.models import AuditCheckpoint, AuditEntry, AuditHead, AuditSubtree
from broker.audit.service import LogKey
from broker.base.actor import system
from broker.base.clock import SystemClock
from broker.base.db import make_engine
from broker.base.unit import Unit
from workers.bench.figures import Figures
from workers.bench.postgres import running_postgres

SECONDS = 3.0
BLOCK, BLOCKS = 4096, 256
BYTES = 500
"""About an entry."""
GROUP = 500
ENTRIES = 1_000_000
SIGNED_EVERY = 100_000
ACTOR = system("bench")


def measure() -> Figures:
    """Everything; PostgreSQL only where its programs are on this machine. `floor_`: what disk and database do at best."""
    with tempfile.TemporaryDirectory(prefix="portunus-bench-audit-") as folder:
        floor = {"floor_fsync_per_s": _syncs(Path(folder) / "floor")}
        with _log(f"sqlite:///{folder}/log.db") as engine:
            figures: Figures = {"audit_single_per_s_sqlite": _rate(engine, 1)}
            figures["audit_grouped_per_s"] = _rate(engine, GROUP)
        with running_postgres() as url:
            if url is not None:
                with _log(url) as engine:
                    floor["floor_postgres_commits_per_s"] = _commits(engine)
                    figures["audit_single_per_s_postgres"] = _rate(engine, 1)
        return figures | floor | {"verify_1m_s": _verify(Path(folder) / "export.jsonl")}


@contextmanager
def _log(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    tables = [model.__table__ for model in (AuditEntry, AuditSubtree, AuditHead, AuditCheckpoint)]
    AuditEntry.metadata.create_all(engine, tables=tables)  # type: ignore[arg-type]
    yield engine
    engine.dispose()


def _syncs(file: Path) -> float:
    """How often a second the disk makes 4 KB durable when nothing else is asked of it."""
    with file.open("w+b", buffering=0) as sink:
        sink.write(bytes(BLOCK * BLOCKS))
        os.fsync(sink.fileno())
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            os.pwrite(sink.fileno(), os.urandom(BLOCK), count % BLOCKS * BLOCK)
            os.fdatasync(sink.fileno())
            count += 1
    return round(count / SECONDS, 1)


def _commits(engine: Engine) -> float:
    """How often a second the server commits one row of an entry's length, with its own driver and nothing around it."""
    bare = engine.raw_connection()
    try:
        cursor = bare.cursor()
        cursor.execute("CREATE TABLE floor_row (words text)")
        bare.commit()
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            cursor.execute("INSERT INTO floor_row VALUES (%s)", ("x" * BYTES,))
            bare.commit()
            count += 1
    finally:
        bare.close()
    return round(count / SECONDS, 1)


def _rate(engine: Engine, group: int) -> float:
    """Entries a second, each transaction of `group` entries on disk before the next begins."""
    clock, count = SystemClock(), 0
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < SECONDS:
        with Session(engine, expire_on_commit=False) as db:
            work = Unit(db=db, actor=ACTOR, clock=clock)
            for number in range(group):
                audit.record(work, Act.TAB_REQUESTED, "lease", f"lea_{count + number}", detail={"purpose": "bench"})
            work.commit()
        count += group
    return round(count / passed, 1)


def _verify(file: Path) -> float:
    """Seconds that the stand-alone script takes over an export of a million entries."""
    key = LogKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"bench").digest()))
    _export(file, key)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", verify.__file__, str(file)], check=True, stdout=subprocess.DEVNULL)
    return round(time.perf_counter() - began, 2)


def _export(file: Path, key: LogKey) -> None:
    frontier: list[bytes] = []
    header = {"kind": "header", "format": audit.FORMAT, "origin": audit.ORIGIN, "key": key.verifier, "size": ENTRIES}
    with file.open("w", encoding="ascii") as sink:
        sink.write(encode(header) + "\n")
        for index in range(ENTRIES):
            leaf = encode(_fields(index))
            hashed = tree.leaf_hash(leaf.encode())
            frontier = tree.append(frontier, index, hashed)
            sink.write(encode({"kind": "entry", "leaf": leaf, "hash": hashed.hex()}) + "\n")
            if (index + 1) % SIGNED_EVERY == 0:
                note = sign(audit.ORIGIN, index + 1, tree.root_of(frontier), key.private)
                sink.write(encode({"kind": "checkpoint", "note": note}) + "\n")


def _fields(index: int) -> dict[str, object]:
    """An entry as long as a usual one."""
    name = base64.b16encode(index.to_bytes(16, "big")).decode().lower()
    return {
        "v": 1,
        "id": f"aud_{name}",
        "index": index,
        "at": "2026-11-21T09:00:00.000+00:00",
        "act": "code:value:release",
        "actor": {"kind": "system", "id": "browserhost", "name": "browserhost", "login": None, "address": None},
        "thing": {"kind": "code_request", "id": f"cod_{name}"},
        "account": f"acc_{name}",
        "location": f"loc_{name}",
        "outcome": "ok",
        "reason": None,
        "detail": {"code": f"otc_{name}", "to": f"att_{name}"},
    }


if __name__ == "__main__":
    print(measure())
