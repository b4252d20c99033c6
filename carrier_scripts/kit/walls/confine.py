"""All walls in their order, and a report of which stand: what `portunus doctor` shows and a run needs."""

import ctypes
import os
import resource
import signal
import sys
from dataclasses import asdict, dataclass
from typing import Any

from carrier_scripts.kit.walls import landlock, namespaces, seccomp

CPU_S = 30
MEMORY_BYTES = 256 * 1024 * 1024
FILES = 16
NOBODY = 65534
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38


@dataclass
class Walls:
    """Which walls stand around this process."""

    user: int = -1
    namespaces: tuple[str, ...] = ()
    landlock: int = 0
    """Its version; 0: none."""
    seccomp: bool = False

    @property
    def files_closed(self) -> bool:
        return "mounts" in self.namespaces or self.landlock > 0 or self.seccomp

    @property
    def network_closed(self) -> bool:
        return "network" in self.namespaces or self.seccomp

    @property
    def enough(self) -> bool:
        """No file, no network, no root: without these three a script does not run."""
        return self.files_closed and self.network_closed and self.user != 0

    def to_json(self) -> dict[str, Any]:
        """For the wire."""
        return {
            **asdict(self),
            "enough": self.enough,
            "files": "closed" if self.files_closed else "OPEN",
            "network": "closed" if self.network_closed else "OPEN",
            "limits": {"cpu_s": CPU_S, "memory_mb": MEMORY_BYTES >> 20, "open_files": FILES, "processes": 0},
        }


def go_apart(uid: int) -> Walls:
    """Before the event loop: limits, namespaces, no root. Returns in the innermost process, which is alone in its own.

    The outer process only waits for the inner one: killed, it takes it along.
    """
    os.closerange(3, 1024)
    os.umask(0o077)
    walls = Walls()
    if sys.platform == "linux":
        walls.namespaces = tuple(sorted(namespaces.leave(uid, uid)))
        _die_with_the_parent()
        if "pids" in walls.namespaces:
            _step_inside()
            _die_with_the_parent()
    elif os.geteuid() == 0:
        os.setgid(uid)
        os.setuid(uid)
    walls.user = os.geteuid()
    for limit, most in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    os.environ.clear()
    return walls


def close(walls: Walls) -> None:
    """The last walls, once the event loop has what it needs: from here nothing can be opened."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    namespaces.drop_capabilities()
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    walls.landlock = landlock.apply()
    walls.seccomp = seccomp.apply()


def _die_with_the_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _step_inside() -> None:
    """Fork into the new pid namespace; the outer half lets go of the wire, waits, and ends as the inner one did."""
    inner = os.fork()
    if inner == 0:
        return
    for wire in (0, 1, 2):
        os.close(wire)
    _, status = os.waitpid(inner, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
