"""The command `portunus`. Errors are one sentence and an exit code, never a traceback."""

import sys

import typer

from api.cli import audit, bench, codes, doctor, operate, people, status, tabs
from api.cli.console import fail
from broker.base.errors import BrokerError

app = typer.Typer(
    name="portunus",
    help="Carrier portal session broker: pre-authenticated portal tabs, codes routed, every step proved.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
operate.register(app)
app.command("status")(status.status)
app.command("administrator")(people.administrator)
app.command("link")(people.link)
app.command("doctor")(doctor.doctor)
app.command("open")(tabs.open_portal)
app.add_typer(codes.app, name="code")
app.add_typer(audit.app, name="audit")
app.command("bench")(bench.bench)


def main() -> None:
    """Entry point: runs the command and turns a `BrokerError` into its sentence and exit code."""
    try:
        app()
    except BrokerError as error:
        sys.exit(fail(error))


if __name__ == "__main__":
    main()
