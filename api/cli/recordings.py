"""`portunus recording`: films of recordings for people outside."""

import subprocess
import sys
from pathlib import Path

import typer

from api.cli.console import operator

app = typer.Typer(help="Recordings.", no_args_is_help=True)


@app.callback()
def recording() -> None:
    """Recordings."""


@app.command("export")
def export(
    recording_id: str = typer.Argument(..., help="The recording's id (rec_…)."),
    output: Path = typer.Option(..., "--output", "-o", help="A .webm or .mp4 file; its manifest is written beside it."),
    reason: str = typer.Option(..., help="Why it leaves the house; it goes into the audit log."),
) -> None:
    """Write a recording as a film with a watermark, and a manifest with its digests. Needs PyAV (pip install av)."""
    command = [sys.executable, "-m", "workers.films", recording_id, "-o", str(output)]
    done = subprocess.run([*command, "--reason", reason, "--who", operator().id], check=False)
    raise typer.Exit(done.returncode)
