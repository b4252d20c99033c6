"""How the command line speaks: words to people, JSON to programs, errors to stderr with an exit code."""

import json
import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import typer
from rich.console import Console

from broker.base.actor import Actor, ActorKind
from broker.base.errors import BrokerError, Incomplete, NotFound, Refused
from broker.base.unit import Unit
from broker.identity.shell import person_at_shell
from broker.wiring import Portunus

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

EXIT_CODES: list[tuple[type[BrokerError], int]] = [(Incomplete, 2), (NotFound, 3), (Refused, 4)]
NEEDS_A_HUMAN = 5

Json = typer.Option(False, "--json", help="One JSON object instead of words.")


def operator() -> Actor:
    """Whoever runs the command at this machine's shell, as the kernel knows her: no variable says who one is."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Actor(kind=ActorKind.OPERATOR, id=name, name=f"{name} at the shell")


@contextmanager
def as_person(portunus: Portunus) -> Iterator[Unit]:
    """A unit of the person who runs the command, for what takes two people. Raises `Refused` where nobody has said who she is."""
    with portunus.reading(operator()) as work:
        person = person_at_shell(work)
    with portunus.unit(person) as work:
        yield work


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, indent=2, default=str))


@contextmanager
def written_to(output: Path) -> Iterator[TextIO]:
    """The file, open for ASCII (`-`: standard output). Raises `Incomplete` when it cannot be written, before any work."""
    if str(output) == "-":
        yield sys.stdout
        return
    try:
        sink = output.open("w", encoding="ascii")
    except OSError as cannot:
        raise Incomplete(f"{output} cannot be written ({cannot.strerror}): choose another file with -o.") from cannot
    with sink:
        yield sink


def fail(error: BrokerError) -> int:
    """Say the error and give its exit code."""
    errors.print(error.message, style="red", markup=False, soft_wrap=True)
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
