"""`up`, `demo`, `migrate`: run Portunus on this machine."""

import asyncio
import os
import time

import typer

from api.cli import up as starting
from api.cli.demo import Demo, demo_folder
from api.cli.first_administrator import FirstAdministrator
from api.cli.up import Announce
from broker.base.settings import Settings, settings


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("up")(up)
    app.command("demo")(demo)
    app.command("migrate")(migrate)


ADDRESS = typer.Option(False, "--json", help="When everything answers, one JSON object; progress on standard error.")


def up(*, as_json: bool = ADDRESS) -> None:
    """Run everything on this machine; asks for the first administrator when there is none."""
    _run(settings(), FirstAdministrator(), demo=False, as_json=as_json)


def demo(*, as_json: bool = ADDRESS) -> None:
    """Run everything on this machine with simulated carriers and demo people."""
    chosen = settings()
    data_dir = chosen.data_dir if "PORTUNUS_DATA_DIR" in os.environ else demo_folder(chosen)
    _run(chosen.model_copy(update={"data_dir": data_dir}), Demo(), demo=True, as_json=as_json)


def migrate() -> None:
    """Bring the database to its newest migration."""
    starting.prepare(settings())
    starting.console.print("The database is at its newest migration.")


def _run(chosen: Settings, announce: Announce, *, demo: bool, as_json: bool) -> None:
    started = time.monotonic()
    starting.console.stderr = as_json
    starting.console.print("[bold]Portunus[/bold] is starting …")
    starting.as_root_note()
    starting.check_port(chosen)
    starting.prepare(chosen)
    starting.console.print("  [green]✓[/green] database")
    announce.ask(chosen)
    asyncio.run(starting.run(chosen, demo=demo, announce=announce, started=started, as_json=as_json))
