"""`portunus recording`: films of recordings for people outside, and whether a file is what the log names."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer

from api.cli.console import Json, console, operator, print_json
from broker.base.errors import Incomplete
from broker.recordings import checking, container
from broker.recordings.checking import Outcome
from broker.wiring import build

EXIT = {Outcome.PROVED: 0, Outcome.CHANGED: 1, Outcome.UNKNOWN: 3}
COLOURS = {Outcome.PROVED: "green", Outcome.CHANGED: "red", Outcome.UNKNOWN: "yellow"}

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


@app.command("verify")
def verify(
    thing: str = typer.Argument(
        ..., metavar="ID|FILE", help="A recording's id (rec_…), a copy of its sealed file, or an exported film."
    ),
    *,
    as_json: bool = Json,
) -> None:
    """Hold a recording or a film against the signed log; exit code 1 when it is not what the log names, 3 when it is unknown, 2 when it cannot be read."""
    portunus, file = build(), Path(thing)
    named = _recording_of(file) if file.exists() else ""
    with portunus.reading(operator()) as work:
        if not file.exists():
            found = checking.kept(work, portunus.keyring, portunus.blobs, thing)
        elif named:
            found = checking.copy(work, portunus.keyring, named, checking.measured(_pieces(file)))
        else:
            found = checking.film(work, portunus.keyring, checking.measured(_pieces(file)))
    if as_json:
        print_json(asdict(found))
    else:
        colour = COLOURS[found.outcome]
        console.print(f"[{colour}]{found.outcome.upper()}[/{colour}]: {found.words}", soft_wrap=True)
        if found.outcome is Outcome.PROVED:
            console.print(found.not_proved, soft_wrap=True)
    raise typer.Exit(EXIT[found.outcome])


def _recording_of(file: Path) -> str:
    """Whose sealed file it says it is; empty for another kind of file."""
    begun = next(_pieces(file), b"")
    head = len(container.MAGIC) + 2
    if not begun.startswith(container.MAGIC) or len(begun) < head:
        return ""
    length = int.from_bytes(begun[head - 2 : head], "big")
    return begun[head : head + length].decode("utf-8", "replace")


def _pieces(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as source:
            while piece := source.read(checking.PIECE):
                yield piece
    except OSError as no:
        raise Incomplete(f"{file} cannot be read ({no.strerror}).") from no
