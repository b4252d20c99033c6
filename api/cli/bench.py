"""`portunus bench`: figures on this machine, each with its floor, in one flat JSON object."""

import subprocess
import sys

import typer

WHAT = ("open", "stream", "recording", "codes", "lookups", "scripts")


def bench(
    what: list[str] = typer.Argument(None, help=f"Any of {', '.join(WHAT)}; all when none is named."),
    *,
    as_json: bool = typer.Option(False, "--json", help="One flat JSON object: name -> number."),
    runs: int = typer.Option(30, help="Runs per median."),
) -> None:
    """Start a demo of its own, act as its users in a real browser, measure, stop it."""
    chosen = list(what or WHAT)
    unknown = [name for name in chosen if name not in WHAT]
    if unknown:
        raise typer.BadParameter(f"there is no bench {unknown[0]}; there are {', '.join(WHAT)}")
    command = [sys.executable, "-m", "workers.bench", *chosen, "--runs", str(runs), *(["--json"] if as_json else [])]
    raise typer.Exit(subprocess.run(command, check=False).returncode)
