"""A demo of the bench's own: started as a child process in a folder that is thrown away, stopped with Ctrl-C."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from broker.adapters.socket_browserhost import SocketBrowserHost
from broker.base.errors import Unavailable
from broker.base.settings import Settings

START_S = 90
STOP_S = 30
LINK = re.compile(r"(http://\S+/sign-in/link/\S+)")
STARTED = "Started in"
TOOK = re.compile(rf"{STARTED} (\d+\.\d) s\.")
KEPT = ("PORTUNUS_BROWSER", "PORTUNUS_BROWSER_USER", "PORTUNUS_ALLOW_UNSANDBOXED_BROWSER")
"""Settings of the machine. All others are left out: a bench must never reach a database that is somebody's."""


@dataclass(frozen=True)
class Demo:
    """A running demo, as an outsider sees it: its printed links, its lab, its database (read only), its host's numbers."""

    data_dir: Path
    url: str
    output: Path

    def link(self, name: str) -> str:
        """The printed one-time sign-in link of this person. Raises `Unavailable` when none was printed."""
        _, _, after = self.output.read_text(encoding="utf-8", errors="replace").partition(name)
        found = LINK.search(after)
        if found is None:
            raise Unavailable(f"The demo printed no link for {name}.")
        return found.group(1)

    @property
    def lab(self) -> dict[str, Any]:
        """What `lab.json` says: ports, hosts, control plane, certificate key."""
        facts: dict[str, Any] = json.loads((self.data_dir / "lab" / "lab.json").read_text(encoding="utf-8"))
        return facts

    @property
    def started_in_s(self) -> float:
        """Seconds from its command to its last part's answer, as it says itself. Raises `Unavailable`."""
        found = TOOK.search(self.output.read_text(encoding="utf-8", errors="replace"))
        if found is None:
            raise Unavailable("The demo did not say how long its start took.")
        return float(found.group(1))

    def rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Rows of the demo's SQLite file, opened read-only."""
        address = f"file:{self.data_dir / 'portunus.db'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
            return database.execute(query, values).fetchall()

    def host_cpu_s(self) -> float:
        """Processor seconds so far of the browser host, its browsers and scripts."""
        total = 0.0
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if "workers.browserhost" in one.cmdline() and one.environ().get("PORTUNUS_DATA_DIR") == str(
                    self.data_dir
                ):
                    for process in (one, *one.children(recursive=True)):
                        with contextlib.suppress(psutil.Error):
                            times = process.cpu_times()
                            total += times.user + times.system
                    return total
        raise Unavailable("The demo's browser host is not running.")

    def host(self) -> dict[str, Any]:
        """The browser host's numbers. Raises `Unavailable`."""
        return SocketBrowserHost(Settings(data_dir=self.data_dir).hostsocket).status()


@contextmanager
def running_demo(**chosen: str) -> Iterator[Demo]:
    """Start a demo with these settings and wait until it says so. Raises `Unavailable` with what it printed."""
    with folder() as place, demo_in(place, **chosen) as demo:
        yield demo


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for a demo, thrown away in the end."""
    with tempfile.TemporaryDirectory(prefix="portunus-bench-", ignore_cleanup_errors=True) as place:
        yield Path(place) / "var"


@contextmanager
def demo_in(data_dir: Path, **chosen: str) -> Iterator[Demo]:
    """The same in this folder, which may be that of an earlier demo."""
    data_dir.mkdir(exist_ok=True)
    output, port = data_dir / "demo.out", _free_port()
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.main", "demo"],
            env=_environment(data_dir, port, chosen),
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        _until_started(process, output)
        yield Demo(data_dir, f"http://127.0.0.1:{port}", output)
    finally:
        _stop(process)


def _environment(data_dir: Path, port: int, chosen: dict[str, str]) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PORTUNUS_") or name in KEPT}
    named = {f"PORTUNUS_{name.upper()}": value for name, value in chosen.items()}
    return {**ours, "PORTUNUS_DATA_DIR": str(data_dir), "PORTUNUS_PORT": str(port), "COLUMNS": "200", **named}


def _until_started(process: "subprocess.Popen[bytes]", output: Path) -> None:
    end = time.monotonic() + START_S
    while STARTED not in output.read_text(encoding="utf-8", errors="replace"):
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            if time.monotonic() < end:
                continue
        raise Unavailable(f"The demo did not start:\n{output.read_text(encoding='utf-8', errors='replace')}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
