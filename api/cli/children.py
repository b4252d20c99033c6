"""Child processes that are started in order, kept alive, and never outlive their parent."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_S = 8.0
"""Seconds between the polite signal and the final one."""
CALM_S = 30.0
"""A child that ran this long starts its back-off anew."""


@dataclass
class Child:
    """One process: what to run, how to tell that it is ready, where its words go."""

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    """Asked every 50 ms until it says yes."""
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.returncode is None else None


class ChildFailed(Exception):
    """A child ended before it was ready."""

    def __init__(self, child: Child, log: Path) -> None:
        super().__init__(f"{child.name} did not start; its last words are in {log}")
        self.child = child


def die_with_parent() -> None:
    """In the child, before exec: ask the kernel for SIGTERM should the parent's thread end (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Children:
    """The set of children of one `portunus up`. Start from the main thread: PDEATHSIG follows the parent thread."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: list[Child] = []
        self._stopping = False
        self._watchers: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Child]:
        return iter(self._children)

    def log_of(self, child: Child) -> Path:
        return self._log_dir / f"{child.name}.log"

    async def start(self, child: Child, *, limit_s: float = 60) -> None:
        """Start the child, wait until it is ready, keep it running. Raises `ChildFailed`."""
        self._children.append(child)
        await self._spawn(child)
        try:
            async with asyncio.timeout(limit_s):
                await self._until_ready(child)
        except TimeoutError as late:
            raise ChildFailed(child, self.log_of(child)) from late
        watcher = asyncio.get_running_loop().create_task(self._keep(child), name=f"keep {child.name}")
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    async def _spawn(self, child: Child) -> None:
        self._log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log_of(child).open("ab") as log:
            child.process = await asyncio.create_subprocess_exec(
                *child.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **child.env},
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    async def _until_ready(self, child: Child) -> None:
        while not await child.ready():
            if child.process is None or child.process.returncode is not None:
                raise ChildFailed(child, self.log_of(child))
            await asyncio.sleep(0.05)

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.2
        while child.process is not None:
            began = loop.time()
            await child.process.wait()
            if self._stopping:
                return
            self._kill_group(child, signal.SIGKILL)
            pause = 0.2 if loop.time() - began > CALM_S else min(pause * 2, 10)
            await asyncio.sleep(pause)
            if self._stopping:
                return
            child.restarts += 1
            await self._spawn(child)

    async def stop(self) -> None:
        """Stop all children, newest first, politely and then finally; none is left when this returns."""
        self._stopping = True
        for child in reversed(self._children):
            if child.pid:
                child.process.send_signal(child.stop_signal)  # type: ignore[union-attr]
        await asyncio.gather(*(self._ended(child) for child in self._children))
        for watcher in list(self._watchers):
            watcher.cancel()

    async def _ended(self, child: Child) -> None:
        if child.process is None:
            return
        try:
            async with asyncio.timeout(STOP_S):
                await child.process.wait()
        except TimeoutError:
            pass
        self._kill_group(child, signal.SIGKILL)
        await child.process.wait()

    def _kill_group(self, child: Child, how: signal.Signals) -> None:
        """What the child started and left behind shares its process group."""
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, how)
