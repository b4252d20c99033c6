"""Many mailboxes watched by one process against a real Dovecot: memory, idle work, and coming back after an outage."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import func, select

import broker.base.beats
import broker.codes.models
import broker.recordings.models
import broker.tabs.models  # noqa: F401 - the tables
from broker.base.actor import system
from broker.base.db import Base
from broker.base.settings import Settings
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint
from broker.wiring import Portunus, build
from workers.bench.dovecot import PASSWORD, Dovecot, present, running_dovecot
from workers.bench.figures import Figures
from workers.mailbox import CALM_S

MAILBOXES = 300
IDLE_S = CALM_S + 5
"""Each mailbox is probed once in that time, too."""
ALL_UP_S, ALL_DOWN_S, BACK_S = 90.0, 40.0, 60.0
"""Longest waits. What is not there by then is not counted: a slow machine says so in the figures, it does not hold up the rest."""
ACTOR = system("bench")


def measure(count: int = MAILBOXES) -> Figures:
    """Nothing on a machine without Dovecot. `mailboxes`: how many were watched within a minute and a half."""
    if not present():
        return {}
    with tempfile.TemporaryDirectory(prefix="portunus-bench-watch-") as folder, running_dovecot() as server:
        portunus = build(Settings(data_dir=Path(folder)))
        _seed(portunus, server, count)
        with _watcher(Path(folder)) as process:
            began = time.monotonic()
            figures: Figures = {"mailboxes": _until_all(portunus, "up", count, ALL_UP_S)}
            figures |= {"mailwatch_connect_s": round(time.monotonic() - began, 1)} | _idle(process)
            server.stop()
            _until_all(portunus, "down", count, ALL_DOWN_S)
            server.start()
            began = time.monotonic()
            back = _until_all(portunus, "up", count, BACK_S)
            figures["mailwatch_reconnect_s"] = round(time.monotonic() - began, 1)
            figures["mailwatch_back"] = back
        portunus.engine.dispose()
    return figures


def _seed(portunus: Portunus, server: Dovecot, count: int) -> None:
    Base.metadata.create_all(portunus.engine)
    with portunus.unit(ACTOR) as work:
        org = directory.create_organization(work, "Bench Dental")
        for number in range(count):
            settings = {"host": "127.0.0.1", "port": server.port, "tls": False, "username": f"box{number}"}
            address = f"box{number}@bench.test"
            row = directory.create_endpoint(
                work, org.id, kind="mailbox", name=address, address=address, settings=settings
            )
            portunus.vault.put(work, org.id, "delivery_endpoint", row.id, "mailbox_password", PASSWORD.encode())


@contextmanager
def _watcher(folder: Path) -> Iterator[psutil.Process]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTUNUS_")}
    (folder / "run").mkdir(exist_ok=True)
    with (folder / "mailwatch.out").open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.mailwatch"],
            env={**kept, "PORTUNUS_DATA_DIR": str(folder)},
            stdout=sink,
            stderr=sink,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)
        print((folder / "mailwatch.out").read_text()[-1500:], file=sys.stderr)


def _idle(process: psutil.Process) -> Figures:
    """Memory and work of the process and its helpers while nothing happens."""
    family = [process, *process.children(recursive=True)]
    before = sum(sum(one.cpu_times()[:2]) for one in family)
    time.sleep(IDLE_S)  # noqa: TID251 - idle is what is measured
    worked = sum(sum(one.cpu_times()[:2]) for one in family) - before
    resident = sum(one.memory_info().rss for one in family)
    return {
        "mailwatch_rss_mb": round(resident / 2**20, 1),
        "mailwatch_idle_core_pct": round(100 * worked / IDLE_S, 2),
    }


def _until_all(portunus: Portunus, health: str, count: int, limit_s: float) -> int:
    """Wait until all are `up` or `down`, or the time is over; how many are."""
    end = time.monotonic() + limit_s
    while True:
        with portunus.reading(ACTOR) as work:
            there = work.db.scalar(select(func.count()).where(DeliveryEndpoint.health == health)) or 0
        if there == count or time.monotonic() > end:
            return int(there)
        time.sleep(0.1)  # noqa: TID251 - another process works


if __name__ == "__main__":
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else MAILBOXES))
