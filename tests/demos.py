"""`running_demo`: everything of `make run`, in a folder of its own, as a child process; people sign in with its links."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from api.cli.children import die_with_parent
from tests.labs import misdeeds_in
from tests.waiting import until

START_S = 90
GONE_S = 20.0
BROWSER, SCRIPT = "--user-data-dir=", "carrier_scripts.kit.process"
"""What the command lines of a browser and of a script's process have in them."""
LINK = re.compile(r"(http://\S+/sign-in/link/\S+)")


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """At once, with everything it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Demo:
    """A running demo."""

    data_dir: Path
    url: str
    process: subprocess.Popen[bytes]
    output: Path
    temporary: Path | None = None
    """Its own temporary folder, if it was given one."""

    @property
    def said(self) -> str:
        """Everything it has printed."""
        return self.output.read_text(errors="replace")

    def has_started(self) -> bool:
        """Whether it says so. Fails when it has ended instead."""
        assert self.process.poll() is None, f"it did not start:\n{self.said}"
        return "Started in" in self.said

    def link(self, name: str) -> str:
        """The printed one-time link of Maria, Dan, Ana or Audrey."""
        after = self.said.split(name, 1)[1]
        found = LINK.search(after)
        assert found is not None
        return found.group(1)

    @property
    def control(self) -> httpx2.Client:
        """The lab's control plane."""
        facts = json.loads((self.data_dir / "lab" / "lab.json").read_text())
        return httpx2.Client(base_url=facts["control"], trust_env=False, timeout=20)

    def counters(self, carrier: str) -> dict[str, int]:
        """What the judge counted."""
        counted: dict[str, int] = self.control.get("/counters", params={"carrier": carrier}).json()["totals"]
        return counted

    def misdeeds(self) -> dict[str, dict[str, int]]:
        """Overlapping sign-ins and wasted tries, by carrier; empty when no carrier counted one."""
        return misdeeds_in(self.control.get("/counters").json())

    def fault(self, carrier: str, name: str, *, times: int | None = None, **args: Any) -> None:
        """Switch a fault of the lab on."""
        told = {"carrier": carrier, "name": name, "times": times, "args": args}
        self.control.post("/fault", json=told).raise_for_status()

    def no_faults(self) -> None:
        """Switch all faults off."""
        self.control.delete("/fault").raise_for_status()

    def environment(self) -> dict[str, str]:
        port = self.url.rpartition(":")[2]
        temporary = {"TMPDIR": str(self.temporary)} if self.temporary else {}
        return {**os.environ, **temporary, "PORTUNUS_DATA_DIR": str(self.data_dir), "PORTUNUS_PORT": port}

    def portunus(self, *words: str, typed: str = "", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the command line on this demo; `typed` is its standard input."""
        command = [str(Path(sys.executable).with_name("portunus")), *words]
        return subprocess.run(
            command, env=self.environment(), input=typed, capture_output=True, text=True, timeout=timeout
        )

    def typing(self, *words: str) -> subprocess.Popen[str]:
        """A command line that is under way; what it says comes line by line."""
        command = [str(Path(sys.executable).with_name("portunus")), *words]
        return subprocess.Popen(
            command, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def pids(self) -> list[int]:
        """Its services: every process with its folder in command line or environment. Browsers and scripts have neither."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(self.data_dir).encode() in words:
                found.append(int(entry.name))
        return found

    def child(self, words: str) -> int:
        """The pid of the demo's child whose command line has these words."""
        for pid in self.pids():
            try:
                if words.encode() in (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" "):
                    return pid
            except OSError:
                continue
        raise AssertionError(f"no process {words}")


def tree(pid: int) -> list[psutil.Process]:
    """A Portunus and everything it started, browsers and scripts too; fails when it comes to have none of these."""
    supervisor = psutil.Process(pid)

    def found() -> list[psutil.Process]:
        return [supervisor, *supervisor.children(recursive=True)]

    for words in (BROWSER, SCRIPT):  # the process of the next run comes a second after the last one's
        until(lambda words=words: any(words in _command(one) for one in found()), 20, lambda words=words: words)
    return found()


def left_of(processes: Sequence[psutil.Process]) -> list[str]:
    """The command lines of those that still run after a while: these very processes, not whoever has their numbers now."""
    _, alive = psutil.wait_procs([one for one in processes if _runs(one)], timeout=GONE_S)
    return [_command(one) for one in alive if _runs(one)]


def _runs(process: psutil.Process) -> bool:
    """One that has ended and that nobody has asked how does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextmanager
def running_demo(
    data_dir: Path, *, words: Sequence[str] = (), temporary: Path | None = None, **settings: str
) -> Iterator[Demo]:
    """Start (`words`: further ones of its command line), wait until it says that it has started, stop with Ctrl-C.

    `temporary`: the folder for what it and its browsers put aside; the browsers' user must be able to pass through it.
    """
    port = free_port()
    data_dir.mkdir(parents=True, exist_ok=True)
    output = data_dir / "demo.out"
    environment = {
        **os.environ,
        **({"TMPDIR": str(temporary)} if temporary else {}),
        "PORTUNUS_DATA_DIR": str(data_dir),
        "PORTUNUS_PORT": str(port),
        "COLUMNS": "200",
        **{f"PORTUNUS_{name.upper()}": value for name, value in settings.items()},
    }
    command = [str(Path(sys.executable).with_name("portunus")), "demo", *words]
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command, env=environment, stdout=sink, stderr=sink, start_new_session=True, preexec_fn=die_with_parent
        )
    demo = Demo(data_dir, f"http://127.0.0.1:{port}", process, output, temporary)
    try:
        until(demo.has_started, START_S, why=lambda: demo.said)
        yield demo
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                kill_group(process)


def free_port() -> int:
    """A TCP port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
