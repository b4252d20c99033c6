"""A script's process, from the host: started ahead of need, given one run, limited, and killed when it is over."""

import asyncio
import contextlib
import json
import os
import pwd
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.wire import CALLS, LINE_BYTES
from carrier_scripts.registry import Script
from workers.browser.facade import CallRefused
from workers.browser.tasks import keep

Answer = Callable[[str, dict[str, Any]], Awaitable[Any]]
COMMAND = (sys.executable, "-I", "-m", "carrier_scripts.kit.process")
CALLS_PER_RUN = 5000
log = structlog.get_logger("script")


@dataclass(frozen=True)
class Done:
    """A run's last line."""

    outcome: Outcome
    words: str
    answer: dict[str, Any] | None = None
    """What a lookup found, as the script says it: checked by whoever uses it."""
    no_answer: dict[str, Any] | None = None
    """Why a lookup has none: `code` and `refs`, as the script says it."""


class ScriptProcesses:
    """Keeps one process waiting, so that a run starts at once."""

    def __init__(self, browser_user: str) -> None:
        self._uid = pwd.getpwnam(browser_user).pw_uid if os.geteuid() == 0 else os.getuid()
        self._folder = tempfile.mkdtemp(prefix="portunus-script-")
        self._spare: asyncio.subprocess.Process | None = None

    async def warm_up(self) -> None:
        """Start the spare."""
        if self._spare is None or self._spare.returncode is not None:
            self._spare = await self._start()

    async def run(
        self, script: Script, verb: str, answer: Answer, *, limit_s: float, asked: dict[str, Any] | None = None
    ) -> Done:
        """One verb of one script; every end is a `Done`. `asked`: a lookup's question."""
        process, self._spare = self._spare or await self._start(), None
        keep(self.warm_up(), "spare script process")
        try:
            async with asyncio.timeout(limit_s):
                return await self._converse(process, script, verb, answer, asked)
        except TimeoutError:
            return Done(Outcome.SCRIPT_FAILED, "The script took too long.")
        except (OSError, ValueError, KeyError, TypeError) as broken:
            return Done(Outcome.SCRIPT_FAILED, f"The script broke its contract ({type(broken).__name__}).")
        finally:
            await self._end(process)

    async def stop(self) -> None:
        """End the spare."""
        if self._spare is not None:
            await self._end(self._spare)
        with contextlib.suppress(OSError):
            await asyncio.to_thread(Path(self._folder).rmdir)

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._folder,
            env={"PORTUNUS_SCRIPT_UID": str(self._uid), "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
            limit=LINE_BYTES,
        )

    async def _converse(
        self,
        process: asyncio.subprocess.Process,
        script: Script,
        verb: str,
        answer: Answer,
        asked: dict[str, Any] | None,
    ) -> Done:
        assert process.stdin is not None
        assert process.stdout is not None
        told: dict[str, Any] = {"run": verb, "portal": script.key, "digest": script.digest, "sources": script.sources}
        if asked is not None:
            told["asked"] = asked
        process.stdin.write(json.dumps(told).encode() + b"\n")
        for _ in range(CALLS_PER_RUN):
            line = await process.stdout.readline()
            if not line:
                return Done(Outcome.SCRIPT_FAILED, "The script's process ended.")
            message = json.loads(line)
            if "done" in message:
                done = message["done"]
                words = str(done.get("words", ""))[:300]
                return Done(Outcome(done["outcome"]), words, done.get("answer"), done.get("no_answer"))
            process.stdin.write(json.dumps(await self._answered(message, answer)).encode() + b"\n")
            await process.stdin.drain()
        return Done(Outcome.SCRIPT_FAILED, "The script asked too many questions.")

    async def _answered(self, message: dict[str, Any], answer: Answer) -> dict[str, Any]:
        number, name, args = message["id"], message["call"], message["args"]
        if name not in CALLS or not isinstance(args, dict):
            raise ValueError("a call that does not exist")
        try:
            return {"id": number, "ok": await answer(name, args)}
        except CallRefused as refused:
            return {"id": number, "error": {"code": refused.code, "message": refused.message}}

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
