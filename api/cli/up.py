"""`portunus up` and `portunus demo`: everything on this machine, started in order, stopped without a trace."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from alembic import command as alembic
from alembic.config import Config
from rich.console import Console

from api.cli import services
from api.cli.children import Child, ChildFailed, Children
from api.cli.console import print_json
from broker.base.errors import Unavailable
from broker.base.settings import Settings

console = Console(highlight=False)
MIGRATIONS = Path(__file__).parents[2] / "broker" / "migrations"


def prepare(settings: Settings) -> None:
    """Folders (0700) and the database, at its newest migration. Raises `Unavailable` where the sockets would lie in another's."""
    for directory in (settings.data_dir.absolute(), settings.run_dir, settings.data_dir.absolute() / "keys"):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (owner := settings.run_dir.lstat().st_uid) != os.geteuid():
        raise Unavailable(f"{settings.run_dir} belongs to user {owner}. Remove it, or set a shorter PORTUNUS_DATA_DIR.")
    migrate(settings)


def migrate(settings: Settings) -> None:
    """Bring the database to its newest migration."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = settings.database
    alembic.upgrade(config, "head")


def find_browser() -> str:
    """The browser's version; installs one when there is none. Raises `Unavailable` with what to do."""
    found = subprocess.run(
        [sys.executable, "-m", "workers.browser.find"], capture_output=True, text=True, check=False, timeout=900
    )
    if found.returncode:
        raise Unavailable(found.stderr.strip() or "No browser could be found.")
    return found.stdout.strip()


def step(what: str, module: str, settings: Settings, env: Mapping[str, str]) -> str:
    """What one step of the start prints, run in a process of its own. Raises `Unavailable`; its last words are in the log."""
    done = subprocess.run(
        [sys.executable, "-m", module], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return done.stdout
    log = settings.data_dir.absolute() / "log" / f"{module}.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with log.open("a", encoding="utf-8") as kept:
        kept.write(done.stderr)
    raise Unavailable(f"{what} failed; its last words are in {log}")


def check_port(settings: Settings) -> None:
    """Raises `Unavailable` when something else has our address already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as taken:
            raise Unavailable(
                f"{settings.host}:{settings.port} is in use. Is Portunus running already? "
                "Stop it, or choose another port with PORTUNUS_PORT."
            ) from taken


async def run(settings: Settings, *, demo: bool, announce: "Announce", started: float, as_json: bool = False) -> None:
    """Start everything, tell the user (or a program), wait for Ctrl-C (or SIGTERM), stop everything."""
    children = Children(settings.data_dir.absolute() / "log")
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    try:
        await _until(asked, _start(settings, children, demo=demo, announce=announce))
        if not asked.is_set():
            took = round(time.monotonic() - started, 1)
            if as_json:
                print_json({**announce.facts(settings), "started_in_s": took})
            else:
                announce.ready(settings)
            console.print(f"Started in {took} s.", style="dim")
        await asked.wait()
        console.print("\nStopping …")
    except ChildFailed as failed:
        _show_log(children.log_of(failed.child))
        raise Unavailable(str(failed)) from failed
    finally:
        await children.stop()
        console.print("Stopped. Nothing is left running.")


async def _until(asked: asyncio.Event, starting: Coroutine[Any, Any, None]) -> None:
    """Run the start; a Ctrl-C in the middle of it ends it."""
    start = asyncio.ensure_future(starting)
    stop = asyncio.ensure_future(asked.wait())
    await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
    if not start.done():
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
    stop.cancel()
    if start.done() and not start.cancelled():
        start.result()


async def _start(settings: Settings, children: Children, *, demo: bool, announce: "Announce") -> None:
    env: dict[str, str] = {"PORTUNUS_DATA_DIR": str(settings.data_dir.absolute())}
    first: list[tuple[str, Child]] = []
    if not settings.redis_url.get_secret_value():
        first.append(("message broker", services.valkey(settings)))
    if demo:
        first.append(("simulated carriers", services.lab(settings)))
    await asyncio.gather(_together(children, first), _find_browser())
    if demo:
        env |= services.lab_environment(settings)
    await asyncio.to_thread(announce.seed, settings, env)
    await _together(
        children,
        [
            ("browser host", services.browserhost(settings, env)),
            ("worker", services.worker(settings, env)),
            ("mailbox watcher", services.mailwatch(settings, env)),
            ("web", services.api(settings, env)),
        ],
    )


async def _find_browser() -> None:
    console.print(f"  [green]✓[/green] {await asyncio.to_thread(find_browser)}")


async def _together(children: Children, named: list[tuple[str, Child]]) -> None:
    async def one(name: str, child: Child) -> None:
        await children.start(child)
        console.print(f"  [green]✓[/green] {name}")

    try:
        async with asyncio.TaskGroup() as group:
            for name, child in named:
                group.create_task(one(name, child))
    except ExceptionGroup as failed:  # one sentence about the first, not a group of them
        raise failed.exceptions[0] from None


def _show_log(log: Path) -> None:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:] if log.exists() else []
    for line in lines:
        console.print(f"    {line}", style="dim", markup=False)


class Announce:
    """What `up` and `demo` say and do differently around the common start."""

    def ask(self, settings: Settings) -> None:
        """Before anything starts: what must be asked at the terminal."""

    def seed(self, settings: Settings, env: Mapping[str, str]) -> None:
        """Before the services: what must be in the database."""

    def facts(self, settings: Settings) -> dict[str, Any]:
        """When everything answers: what a program must know to go on."""
        return {"url": settings.public_url}

    def ready(self, settings: Settings) -> None:
        """When everything answers: the same in words."""
        console.print(f"\nPortunus is at [bold]{settings.public_url}[/bold]   (Ctrl-C stops it)")


def as_root_note() -> None:
    if os.geteuid() == 0:
        console.print("  Running as root: browsers and scripts run as an unprivileged user.", style="dim")
