"""The hostile corpus, run for real through the host's own runner: nothing outside is touched, and the host goes on.

Judged from outside as well: by listeners that count connections, files that are looked at again, processes that are left.
"""

import asyncio
import os
import platform
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.process import digest_of
from carrier_scripts.registry import Script
from tests.hostile.corpus import HOSTILE, Hostile
from workers.browser.facade import CallRefused
from workers.browser.limit import Limit
from workers.browser.scriptrun import Done, ScriptProcesses

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the corpus names system calls of Linux on x86-64"
)
HARMLESS_HERE = (
    "reads_passwd", "reads_init_environ", "reads_the_database", "lists_the_root", "walks_up_from_its_folder",
    "looks_at_other_processes", "uses_an_inherited_descriptor", "has_an_environment", "writes_in_tmp",
    "writes_its_own_package", "deletes", "connects_to_loopback", "sends_udp_and_asks_dns", "uses_an_abstract_socket",
    "uses_a_unix_socket", "opens_odd_sockets", "forks", "starts_threads", "lifts_its_limits", "makes_machine_code",
    "imports_the_vault", "imports_a_dependency",
)  # fmt: skip
"""Attacks that do this machine no harm where they succeed, and succeed on every kernel and for every user."""
LISTENED_FOR = ("connects_to_loopback", "sends_udp_and_asks_dns", "uses_an_abstract_socket", "uses_a_unix_socket")
LIMIT_S = 6.0
HANG_S = 1.0
SECRET = "Quartz-Heron-Secret"
HEAD = """from carrier_scripts.kit import LoginForm, Outcome, Portal, sees

outside = {outside!r}

class Hostile(Portal):
    name, hosts, start, home = "Hostile", frozenset({{"p.example"}}), "https://p.example/", "https://p.example/home"
    login = LoginForm("#u", "#p", "#s")
    signs = {{Outcome.SIGNED_IN: sees("#who")}}

    async def prove(self, page, desk):
"""


@dataclass
class Outside:
    """The machine as the attacker would like to reach it; `reached` counts what got out."""

    facts: dict[str, Any]
    folder: Path
    reached: list[str] = field(default_factory=list)

    def touched(self) -> list[str]:
        """Everything that shows an escape."""
        secret = self.folder / "secret"
        signs = list(self.reached)
        if not secret.exists() or secret.read_text() != SECRET or stat.S_IMODE(secret.stat().st_mode) != 0o644:
            signs.append("the secret file was changed")
        for place in (Path("/tmp"), Path("/"), self.folder, Path(self.facts["package"]), Path.cwd()):
            signs += [f"a file in {place}" for one in place.iterdir() if self.facts["mark"] in one.name]
        return signs


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("outside")
    folder.chmod(0o777)
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o644)
    mark = f"portunus-hostile-{os.getpid()}"
    path = f"/tmp/{os.getpid()}-hostile.sock"
    listeners = {
        "tcp": socket.create_server(("127.0.0.1", 0)),
        "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "unix": socket.socket(socket.AF_UNIX),
        "abstract": socket.socket(socket.AF_UNIX),
    }
    listeners["udp"].bind(("127.0.0.1", 0))
    listeners["unix"].bind(path)
    listeners["abstract"].bind(f"\0{mark}")
    facts = {
        "secret_file": str(folder / "secret"), "mark": mark, "host_pid": os.getpid(), "abstract": mark, "unix_socket": path,
        "port": listeners["tcp"].getsockname()[1], "udp_port": listeners["udp"].getsockname()[1],
        "package": str(Path(__file__).parents[2] / "carrier_scripts"),
    }  # fmt: skip
    found = Outside(facts, folder)
    Path(path).chmod(0o777)
    threads = [threading.Thread(target=_listen, args=(found, name, one)) for name, one in listeners.items()]
    for thread in threads:
        thread.start()
    yield found
    for one in listeners.values():
        one.shutdown(socket.SHUT_RDWR) if one.type == socket.SOCK_STREAM else one.sendto(b"end", one.getsockname())
    for thread in threads:
        thread.join(5)
    for one in listeners.values():
        one.close()
    Path(path).unlink()


def _listen(found: Outside, name: str, one: socket.socket) -> None:
    if one.type == socket.SOCK_DGRAM:
        while one.recvfrom(16)[0] != b"end":
            found.reached.append(name)
        return
    one.listen()
    try:
        while True:
            one.accept()[0].close()
            found.reached.append(name)
    except OSError:
        return


def script_of(hostile: Hostile, facts: dict[str, Any]) -> Script:
    body = "".join(f"        {line}\n" for line in [*hostile.body.splitlines(), "return Outcome.LOCKED"])
    sources = [{"module": "carrier_scripts.portals.hostile", "text": HEAD.format(outside=facts) + body}]
    return Script("hostile", sources, digest_of(sources))


async def answer(name: str, args: dict[str, Any]) -> Any:
    """A host that does nothing for it; a call that is not of its shape is refused as the real ones do."""
    if set(args) - {"page", "chain", "act", "args", "options", "signs", "but_not", "timeout_ms", "url"}:
        raise CallRefused("script_failed", f"{name}: TypeError")
    return None


def run(hostile: Hostile, facts: dict[str, Any]) -> tuple[Done, list[psutil.Process]]:
    """How it ended, and what is left of it afterwards."""

    async def within() -> tuple[Done, list[psutil.Process]]:
        scripts = ScriptProcesses("nobody")
        before = set(psutil.Process().children(recursive=True))
        limit_s = HANG_S if hostile.awaits_the_host else LIMIT_S
        done = await scripts.run(script_of(hostile, facts), "prove", answer, limit=Limit(limit_s))
        await scripts.warm_up()  # the next one's process is no leftover
        await scripts.stop()
        return done, [
            one for one in psutil.Process().children(recursive=True) if one not in before and one.is_running()
        ]

    return asyncio.run(within())


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: f"{hostile.group}-{hostile.name}")
def test_it_does_not_escape(hostile: Hostile, outside: Outside) -> None:
    done, left = run(hostile, outside.facts)
    assert done.outcome is (Outcome.SCRIPT_FAILED if hostile.awaits_the_host else hostile.ends), str(done)
    assert hostile.words in done.words
    assert outside.touched() == []
    assert [one.cmdline() for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
    assert "Quartz" not in done.words
    assert "602-555" not in done.words


@pytest.mark.parametrize("name", HARMLESS_HERE)
def test_the_same_attack_works_without_the_walls(name: str, outside: Outside, tmp_path: Path) -> None:
    """The corpus can fail: in an ordinary process it succeeds, so what stops it above are the walls."""
    hostile = next(one for one in HOSTILE if one.name == name)
    (tmp_path / "secret").write_text(SECRET)
    mine = {"secret_file": str(tmp_path / "secret"), "package": str(tmp_path)}
    reached = len(outside.reached)
    ended = _unwalled(hostile, outside.facts | mine, tmp_path)
    (Path("/tmp") / outside.facts["mark"]).unlink(missing_ok=True)
    assert ended == "signed_in"
    if name in LISTENED_FOR:
        for _ in range(500):
            if len(outside.reached) > reached:
                break
            threading.Event().wait(0.01)
        assert len(outside.reached) > reached
    outside.reached.clear()


def _unwalled(hostile: Hostile, facts: dict[str, Any], folder: Path) -> str:
    script = script_of(hostile, facts)
    code = f"""import asyncio, os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from carrier_scripts.kit.process import load
portal = load("hostile", {script.sources!r}, {script.digest!r})
me = os.getpid()
outcome = asyncio.run(portal.prove(None, None))
if os.getpid() == me: print(outcome.value, flush=True)
os._exit(0)"""
    with (folder / "secret").open() as inherited:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=folder,
            env={"PLANTED_SECRET": SECRET},
            pass_fds=[inherited.fileno()],
        )
    return done.stdout.split()[-1] if done.stdout.split() else done.stderr[-300:]


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 30
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE)
