"""How the command line speaks: words to people, JSON to programs, errors to stderr with an exit code."""

import getpass
import json
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console

from broker.base.actor import Actor, ActorKind
from broker.base.errors import BrokerError, Incomplete, NotFound, Refused

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

EXIT_CODES: list[tuple[type[BrokerError], int]] = [(Incomplete, 2), (NotFound, 3), (Refused, 4)]
NEEDS_A_HUMAN = 5

Json = typer.Option(False, "--json", help="One JSON object instead of words.")


def operator() -> Actor:
    """Whoever runs the command at this machine's shell."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return Actor(kind=ActorKind.OPERATOR, id=name, name=f"{name} at the shell")


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, indent=2, default=str))


def fail(error: BrokerError) -> int:
    """Say the error and give its exit code."""
    errors.print(error.message, style="red", markup=False)
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
