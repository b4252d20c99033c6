"""The command `portunus`. Errors are one sentence and an exit code, never a traceback."""

import os
import sys

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from api.cli import audit, bench, codes, doctor, operate, people, recordings, scripts, status, tabs
from api.cli.console import fail
from api.cli.demo import demo_folder
from broker.base.errors import BrokerError, Incomplete, Unavailable
from broker.base.settings import settings

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
app.add_typer(recordings.app, name="recording")
app.add_typer(scripts.app, name="script")
app.command("bench")(bench.bench)


STARTERS = ("up", "demo", "migrate", "administrator", "bench")
"""They make a database, or say themselves which."""


@app.callback()
def choose_data(context: typer.Context) -> None:
    """Where only the demo was ever started in this folder, the other commands look at the demo."""
    if context.invoked_subcommand in STARTERS or "PORTUNUS_DATA_DIR" in os.environ:
        return
    chosen = settings()
    real, demo = chosen.data_dir / "portunus.db", demo_folder(chosen)
    if not chosen.database_url.get_secret_value() and not real.exists() and demo.exists():
        os.environ["PORTUNUS_DATA_DIR"] = str(demo)
        settings.cache_clear()


def main() -> None:
    """Entry point: runs the command and turns a `BrokerError` into its sentence and exit code."""
    try:
        app()
    except BrokerError as error:
        sys.exit(fail(error))
    except DBAPIError as away:
        kind = type(away.orig).__name__
        sys.exit(fail(Unavailable(f"The database cannot be used ({kind}). portunus doctor says what is wrong.")))
    except ValidationError as wrong:
        sys.exit(fail(Incomplete(_settings_words(wrong))))


def _settings_words(wrong: ValidationError) -> str:
    """Which settings are not right, without what they hold: one of them may be a secret."""
    found = [
        f"PORTUNUS_{'.'.join(map(str, error['loc'])).upper()}: {error['msg']}"
        for error in wrong.errors(include_input=False, include_context=False, include_url=False)
    ]
    return f"These settings are not right: {'; '.join(found)}. docs/operating.md says what each may be."


if __name__ == "__main__":
    main()
