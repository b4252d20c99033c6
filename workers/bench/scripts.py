"""`bench scripts`: what closing a script off costs a sign-in, how soon a run starts, and a catalog of 350 scripts."""

import asyncio
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
import structlog
from playwright.async_api import Page

from broker.base.errors import Unavailable
from broker.base.settings import Settings, settings
from carrier_scripts import registry
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.lab import founding
from carrier_scripts.quality import lines
from workers.bench.figures import Figures, p50
from workers.browser.egress import Door, Egress
from workers.browser.facade import Facade, watch_status
from workers.browser.find import find
from workers.browser.limit import Limit
from workers.browser.pool import Pool, Shard
from workers.browser.scriptrun import ScriptProcesses
from workers.tryout.desk import CALLS, OwnDesk, OwnLogin

KEY, PLACE, SCRIPTS = "harborline", "phoenix", 350
LAB_S, CODE_S, START_S, LOOK_S = 30, 20, 20, 0.005
CATALOG = """import json, sys, time
sys.path.insert(0, sys.argv[1])
from carrier_scripts import registry
began, busy = time.perf_counter(), time.process_time()
for key in registry.keys():
    registry.portal(key), registry.script(key).digest
took, busy = time.perf_counter() - began, time.process_time() - busy
most = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([took * 1000, busy * 1000, int(most.split()[1]) / 1024, len(registry.keys())]))"""
"""The whole process's largest resident size, interpreter and kit included."""


@dataclass
class _Lab:
    """A lab in a process of its own."""

    facts: dict[str, Any]
    control: httpx2.AsyncClient

    async def forget(self) -> None:
        """As founded: no device is remembered."""
        (await self.control.post("/reset")).raise_for_status()

    async def code(self, username: str) -> str:
        """The newest code for this login, once it is sent. Raises `Unavailable` when none comes."""
        end = time.monotonic() + CODE_S
        while time.monotonic() < end:
            for message in reversed((await self.control.get("/outbox")).json()):
                if message["account"] == username and message["code"]:
                    return str(message["code"])
            await asyncio.sleep(LOOK_S)
        raise Unavailable(f"The lab sent no code to {username}.")


async def measure(runs: int) -> Figures:
    """All of it; `runs` per median (sign-ins: a third of that, at least five where so many are asked for)."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))  # standard output is for figures
    median_lines = statistics.median(lines(key) for key in registry.keys())  # noqa: SIM118 - a function
    with tempfile.TemporaryDirectory(prefix="portunus-bench-") as folder:
        loaded = await asyncio.to_thread(_catalog, Path(folder), min(runs, 7))
        async with _lab(Path(folder)) as lab:
            figures = await _sign_ins(lab, max(min(runs, 5), runs // 3))
    started = await _starts(runs)
    return figures | started | loaded | {"script_lines_median": float(median_lines)}


async def _starts(runs: int) -> Figures:
    """From the host's decision to the script's first call, with a process waiting as always, and without."""
    warm, cold = [], []
    script = registry.script(KEY)
    for _ in range(runs):
        processes = ScriptProcesses(settings().browser_user)
        await _waiting(processes)
        warm.append(await _first_call(processes, script))
        await processes.stop()
    for _ in range(min(runs, 10)):
        alone = ScriptProcesses(settings().browser_user)
        cold.append(await _first_call(alone, script))
        await alone.stop()
    return {"script_start_p50_ms": p50(warm), "script_start_cold_p50_ms": p50(cold)}


async def _waiting(processes: ScriptProcesses) -> None:
    """A process has put up its walls (its filter of system calls is on) and waits, as one does between two sign-ins."""
    await processes.warm_up()
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        inside = [one for one in psutil.Process().children(recursive=True) if _walled(one.pid)]
        if inside:
            return
        await asyncio.sleep(LOOK_S)
    raise Unavailable("A script process does not start; see portunus doctor.")


def _walled(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"carrier_scripts.kit.process" in command and "Seccomp:\t2" in status


async def _first_call(processes: ScriptProcesses, script: registry.Script) -> float:
    began, first = time.perf_counter(), []

    async def answer(name: str, args: dict[str, Any]) -> Any:
        del args
        first.append(time.perf_counter())
        return "down" if name == "recognise" else None

    await processes.run(script, "recognise", answer, limit=Limit(20))
    if not first:
        raise Unavailable("A script process does not start; see portunus doctor.")
    return (first[0] - began) * 1000


async def _sign_ins(lab: _Lab, runs: int) -> Figures:
    """In pairs, in the same browser behind the same door: plain Playwright (the floor), then the confined script."""
    chosen = _settings(lab)
    pool, egress = Pool(chosen, find(chosen), _shard_died), Egress(chosen.resolve)
    processes = ScriptProcesses(chosen.browser_user)
    await pool.start()
    plain, confined = [], []
    try:
        for turn in range(runs + 1):
            floor = await _one(lab, pool, egress, turn, None)
            script = await _one(lab, pool, egress, turn, processes)
            if turn:  # the first pair warms browser and lab up
                plain.append(floor)
                confined.append(script)
    finally:
        await processes.stop()
        await pool.stop()
    more = [100 * (with_walls - floor) / floor for floor, with_walls in zip(plain, confined, strict=True)]
    return {
        "isolation_overhead_pct": p50(more),
        "script_sign_in_p50_ms": p50(confined),
        "floor_sign_in_p50_ms": p50(plain),
    }


async def _one(lab: _Lab, pool: Pool, egress: Egress, turn: int, processes: ScriptProcesses | None) -> float:
    await lab.forget()
    fence = 2 * turn + (processes is not None)
    door = await egress.open(
        session_id="bench", account_id="bench", fence=fence, hosts=sorted(registry.portal(KEY).hosts), on_denied=_denied
    )
    shard, context = await pool.context("bench", proxy={"server": door.url, "bypass": "<-loopback>"})
    page = await context.new_page()
    watch_status(page)
    if processes is not None:
        await _waiting(processes)
    began = time.perf_counter()
    await (_plain(lab, page) if processes is None else _confined(lab, page, door, processes))
    took = (time.perf_counter() - began) * 1000
    await egress.shut(door)
    await pool.give_back(shard, context)
    return took


async def _plain(lab: _Lab, page: Page) -> None:
    """What a person who knows the page would write straight against it."""
    account, practice = founding.accounts_of(KEY)[0], founding.location(PLACE).legal_name
    await page.goto(registry.portal(KEY).start, wait_until="domcontentloaded")
    await page.fill("#username", account.username)
    await page.fill("#password", account.password)
    await page.click("#signin-button")
    await page.locator("#code").wait_for()
    await page.check("#remember-device")
    await page.fill("#code", await lab.code(account.username))
    await page.click("#verify-button")
    await page.locator("#practice-list label.practice-option", has_text=practice).click()
    await page.click("#practice-continue")
    await page.locator("#signed-in-as").wait_for()
    await page.locator("#who-practice").inner_text()


async def _confined(lab: _Lab, page: Page, door: Door, processes: ScriptProcesses) -> None:
    account = founding.accounts_of(KEY)[0]
    facade = Facade(_Live(door, []), page)  # type: ignore[arg-type]

    async def code() -> str:
        return await lab.code(account.username)

    login = OwnLogin(account.username, account.password, code, _may, practice=founding.location(PLACE).legal_name)
    desk = OwnDesk(login, facade, registry.portal(KEY).hosts, tell=_nobody_listens)

    async def answer(name: str, args: dict[str, Any]) -> Any:
        return await (desk if name in CALLS else facade).call(name, args)

    done = await processes.run(registry.script(KEY), "sign_in", answer, limit=Limit(60))
    if done.outcome is not Outcome.SIGNED_IN:
        raise Unavailable(f"The script did not sign in: {done.outcome.value}.")


@dataclass
class _Live:
    """What the facade needs of a live session."""

    door: Door
    tabs: list[Any]


def _catalog(folder: Path, runs: int) -> Figures:
    """In a fresh process with compiled files, as a host has them: every class imported, every version hashed."""
    package = folder / "catalog" / "carrier_scripts"
    shutil.copytree(registry.HERE, package, ignore=shutil.ignore_patterns("lab", "__pycache__", "portals"))
    (package / "portals").mkdir()
    (package / "portals" / "__init__.py").touch()
    for number, (name, text) in enumerate(_copies()):
        (package / "portals" / f"{name}.py").write_text(text, encoding="utf-8")
        if number + 1 == SCRIPTS:
            break
    took, busy, memory = [], [], []
    for turn in range(runs + 1):
        command = [sys.executable, "-I", "-c", CATALOG, str(package.parent)]
        told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=package.parent)
        if told.returncode:
            raise Unavailable(f"The catalog does not load: {told.stderr.strip().splitlines()[-1]}")
        ms, cpu_ms, mb, count = json.loads(told.stdout)
        if count != SCRIPTS:
            raise Unavailable(f"The catalog has {count} scripts.")
        if turn:  # the first one compiles
            took.append(ms)
            busy.append(cpu_ms)
            memory.append(mb)
    return {"catalog350_load_ms": p50(took), "catalog350_cpu_ms": p50(busy), "catalog350_mb": p50(memory)}


def _copies() -> Iterator[tuple[str, str]]:
    """The shipped scripts under new names, again and again."""
    from itertools import count

    from carrier_scripts.kit.process import class_name

    for number in count():
        for key in registry.keys():  # noqa: SIM118 - a function, not a dictionary
            name = f"{key}_{number}"
            yield (
                name,
                registry.script(key)
                .sources[-1]["text"]
                .replace(f"class {class_name(key)}(", f"class {class_name(name)}("),
            )


@contextlib.asynccontextmanager
async def _lab(folder: Path) -> AsyncIterator[_Lab]:
    command = [sys.executable, "-m", "carrier_scripts.lab", "--state-dir", str(folder / "lab"), "--die-with-parent"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LAB_S):
            await process.stdout.readline()
        facts = json.loads(await asyncio.to_thread((folder / "lab" / "lab.json").read_text, encoding="utf-8"))
        async with httpx2.AsyncClient(base_url=facts["control"], trust_env=False, timeout=20) as control:
            yield _Lab(facts, control)
    except TimeoutError as slow:
        raise Unavailable("The lab did not start.") from slow
    finally:
        process.terminate()
        await process.wait()


def _settings(lab: _Lab) -> Settings:
    spki = lab.facts["trusted_spki"]
    keys = [spki] if isinstance(spki, str) else list(spki)
    return settings().model_copy(update={"resolve": dict(lab.facts["resolve"]), "trusted_spki": keys})


def _may() -> None:
    """The lab locks nobody out for being measured."""


def _nobody_listens(words: str) -> None:
    del words


def _denied(host: str) -> None:
    del host


def _shard_died(shard: Shard) -> None:
    del shard
