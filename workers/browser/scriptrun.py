"""A script's process, from the host: started ahead of need, given one run, limited, and killed when it is over."""

import asyncio
import builtins
import contextlib
import json
import os
import pwd
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog

from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.wire import CALLS, LINE_BYTES, REPORT, RUN_BYTES, Source
from carrier_scripts.registry import Script
from workers.browser.facade import CallRefused
from workers.browser.limit import Limit
from workers.browser.tasks import cancelled, keep

Answer = Callable[[str, dict[str, Any]], Awaitable[Any]]
COMMAND = (sys.executable, "-I", "-B", "-m", "carrier_scripts.kit.process")
CALLS_PER_RUN = 5000
RUNS_KEPT, CALLS_KEPT = 25, 1500
"""How many runs, or calls, a kept process serves before a fresh one takes its place: its time and memory are limited."""
REPORT_S = 10.0
BEHIND_S = 1.0
KINDS = frozenset(
    {name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, BaseException)}
) | {"CancelledError", "HostRefused", "InvalidOperation", "NoAnswer", "PageChanged", "Walls"}
"""Failures by name: Python's own and the kit's. A script may name one of its own after a patient."""
OWN_KIND = "Exception"
log = structlog.get_logger("script")


@dataclass(frozen=True)
class Place:
    """Where a script stopped: the kind of failure and the line, never its message, which may hold what it read."""

    kind: str
    module: str
    line: int

    @classmethod
    def told(cls, at: Any, sources: Sequence[Source]) -> "Place | None":
        """From the last line of a run; None when it is not of this shape (a script may write anything).

        The kind is one of a closed list, the line one that the script's own files have.
        """
        if not isinstance(at, dict):
            return None
        kind, module, line = at.get("kind"), at.get("module"), at.get("line")
        if not isinstance(kind, str) or type(line) is not int:
            return None
        kind = kind if kind in KINDS else OWN_KIND
        text = next((source["text"] for source in sources if source["module"] == module), "")
        if not 0 < line <= text.count("\n") + 1:
            return cls(kind, "", 0)
        return cls(kind, str(module), line)

    def __str__(self) -> str:
        return f"{self.kind} at {self.module.rpartition('.')[2]}.py line {self.line}" if self.line else self.kind


@dataclass(frozen=True)
class Done:
    """How a run ended. `words` are always the host's own: a script's could hold what it read."""

    outcome: Outcome
    words: str
    at: Place | None = None
    answer: dict[str, Any] | None = None
    """What a lookup found, as the script says it: checked by whoever uses it."""
    no_answer: dict[str, Any] | None = None
    """Why a lookup has none: `code` and `refs`, as the script says it."""


class ScriptProcesses:
    """Keeps one process waiting, so that a run starts at once."""

    def __init__(self, browser_user: str, *, unconfined: bool = False) -> None:
        self._uid = pwd.getpwnam(browser_user).pw_uid if os.geteuid() == 0 else os.getuid()
        self._unconfined = unconfined
        self._spare: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._stopped = False
        self._behind: asyncio.Task[None] | None = None

    async def _next(self) -> None:
        """The spare for the run after this one; the browser has the processor first."""
        await asyncio.sleep(BEHIND_S)
        await self.warm_up()

    async def warm_up(self) -> None:
        """Start the spare: one, however many runs have just taken theirs."""
        async with self._starting:
            if not self._stopped and (self._spare is None or self._spare.returncode is not None):
                self._spare = await self._start()

    async def report(self) -> dict[str, Any]:
        """Which walls stand around a script on this machine. Raises `OSError` or `ValueError` when no process answers."""
        process = await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(REPORT_S):
                process.stdin.write(json.dumps({"run": REPORT}).encode() + b"\n")
                walls: dict[str, Any] = json.loads(await process.stdout.readline())["report"]
        except (KeyError, TimeoutError) as none:
            raise ValueError("no report") from none
        finally:
            await _end(process)
        return walls

    async def run(
        self, script: Script, verb: str, answer: Answer, *, limit: Limit, asked: Mapping[str, Any] | None = None
    ) -> Done:
        """One verb of one script in a process of its own; every end is a `Done`. `asked`: a lookup's question."""
        process = await self.taken()
        try:
            done, _ = await _served(process, script, _told(script, verb, asked), answer, limit)
            return done
        finally:
            await _end(process)

    async def taken(self) -> asyncio.subprocess.Process:
        """A fresh process, whose end is up to the caller; the next spare starts behind it."""
        process, self._spare = self._spare, None
        if process is None or process.returncode is not None:
            process = await self._start()
        if self._behind is None or self._behind.done():
            self._behind = keep(self._next(), "spare script process")
        return process

    async def stop(self) -> None:
        """End the spare; none is started from now on."""
        await cancelled(self._behind)
        async with self._starting:
            self._stopped = True
            if self._spare is not None:
                await _end(self._spare)

    async def _start(self) -> asyncio.subprocess.Process:
        environment = {"PORTUNUS_SCRIPT_UID": str(self._uid)}
        if self._unconfined:
            environment["PORTUNUS_ALLOW_UNCONFINED_SCRIPTS"] = "1"
        return await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env=environment,
            start_new_session=True,
            limit=LINE_BYTES,
        )


class KeptProcess:
    """One process for the lookups of one lease: same script, same login, same practice, one run after the other.

    A run that does not end as it should takes the process along. What a script might remember of the patient before cannot
    become a value: each value needs a sighting of its own run, and the words seen there.
    """

    def __init__(self, processes: ScriptProcesses) -> None:
        self._processes = processes
        self._process: asyncio.subprocess.Process | None = None
        self._digest = ""
        self._runs = self._calls = 0

    async def run(
        self, script: Script, verb: str, answer: Answer, *, limit: Limit, asked: Mapping[str, Any] | None = None
    ) -> Done:
        """As `ScriptProcesses.run`; the process stays when the run has ended well."""
        if self._digest != script.digest or self._runs >= RUNS_KEPT or self._calls >= CALLS_KEPT:
            await self.close()
        told = _told(script, verb, asked) | {"more": True}
        if self._process is None or self._process.returncode is not None:
            self._process, self._digest = await self._processes.taken(), script.digest
            self._runs = self._calls = 0
        else:
            told["sources"] = []  # it has them
        self._runs += 1
        ended_well = False
        try:
            done, ended_well = await _served(self._process, script, told, self._counted(answer), limit)
            return done
        finally:
            if not ended_well:
                await self.close()

    @property
    def pid(self) -> int | None:
        """Of the process that waits for the next run; None when there is none."""
        return self._process.pid if self._process is not None else None

    def _counted(self, answer: Answer) -> Answer:
        async def counted(name: str, args: dict[str, Any]) -> Any:
            self._calls += 1
            return await answer(name, args)

        return counted

    async def close(self) -> None:
        """The process is gone."""
        process, self._process = self._process, None
        if process is not None:
            await _end(process)


def _told(script: Script, verb: str, asked: Mapping[str, Any] | None) -> dict[str, Any]:
    told = {"run": verb, "portal": script.key, "digest": script.digest, "sources": script.sources}
    return told | ({"asked": dict(asked)} if asked is not None else {})


async def _served(
    process: asyncio.subprocess.Process, script: Script, told: dict[str, Any], answer: Answer, limit: Limit
) -> tuple[Done, bool]:
    """How the run ended, and whether the process can take another."""
    try:
        async with limit.kept():
            return await _conversed(process, script, told, answer)
    except TimeoutError:
        return Done(Outcome.SCRIPT_FAILED, "The script took too long."), False
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as broken:
        return Done(Outcome.SCRIPT_FAILED, f"The script broke its contract ({type(broken).__name__})."), False


async def _conversed(
    process: asyncio.subprocess.Process, script: Script, told: dict[str, Any], answer: Answer
) -> tuple[Done, bool]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(told).encode() + b"\n")
    refused: CallRefused | None = None
    heard = 0
    for _ in range(CALLS_PER_RUN):
        line = await process.stdout.readline()
        heard += len(line)
        if not line:
            return Done(Outcome.SCRIPT_FAILED, "The script's process ended."), False
        if heard > RUN_BYTES:
            return Done(Outcome.SCRIPT_FAILED, "The script said too much."), False
        message = json.loads(line, parse_constant=_no_number)
        if "done" in message:
            return _done(message["done"], refused, script), True
        number, name, args = message["id"], message["call"], message["args"]
        if type(number) is not int or name not in CALLS or not isinstance(args, dict):
            raise ValueError("a call that does not exist")
        try:
            said: dict[str, Any] = {"id": number, "ok": await answer(name, args)}
        except CallRefused as no:
            refused = no
            said = {"id": number, "error": {"code": no.code, "message": no.message}}
        process.stdin.write(json.dumps(said).encode() + b"\n")
        await process.stdin.drain()
    return Done(Outcome.SCRIPT_FAILED, "The script asked too many questions."), False


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _done(done: dict[str, Any], refused: CallRefused | None, script: Script) -> Done:
    """The last line. Its words are the host's last refusal, when that is what ended the run."""
    outcome, at = Outcome(done["outcome"]), Place.told(done.get("at"), script.sources)
    words = f"The script stopped: {at}." if at and outcome is Outcome.SCRIPT_FAILED else ""
    if refused is not None and outcome.value in (refused.code, Outcome.REFUSED.value):
        words = refused.message
    return Done(outcome, words, at, _object(done.get("answer")), _object(done.get("no_answer")))


def _object(told: Any) -> dict[str, Any] | None:
    return told if isinstance(told, dict) else None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")
