"""`portunus code`: who waits for a code; give one."""

import getpass
import sys

import typer

from api.cli.console import Json, console, operator, print_json
from broker.base.errors import Incomplete
from broker.codes import service as codes
from broker.wiring import build

app = typer.Typer(help="Codes that portals wait for.", invoke_without_command=True)


@app.callback()
def pending(context: typer.Context, *, as_json: bool = Json) -> None:
    """List the code requests that wait now."""
    if context.invoked_subcommand:
        return
    portunus = build()
    with portunus.reading(operator()) as work:
        waiting = [
            {
                "id": request.id,
                "portal": request.portal_name,
                "location": request.location_name,
                "asked_by": request.requester_name,
                "channel": request.channel,
                "sent_to": request.destination,
                "asked_at": request.asked_at.isoformat(),
                "deadline": request.deadline.isoformat(),
            }
            for request in codes.pending(work)
        ]
    if as_json:
        print_json(waiting)
    elif not waiting:
        console.print("Nobody waits for a code.")
    for row in [] if as_json else waiting:
        console.print(
            f"{row['id']}  {row['portal']} · {row['location']}: asked by {row['asked_by']}, "
            f"sent by {row['channel']} to {row['sent_to']}, until {row['deadline']}",
            markup=False,
        )


@app.command("give")
def give(request_id: str, *, as_json: bool = Json) -> None:
    """Hand in a code that a person received. It is read from the keyboard or standard input, never from arguments."""
    value = getpass.getpass("Code: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not value.strip():
        raise Incomplete("No code was given: type it at the prompt or pass it on standard input.")
    portunus = build()
    with portunus.unit(operator()) as work:
        codes.give(work, portunus.vault, request_id, value.strip())
    if as_json:
        print_json({"id": request_id, "handed_in": True})
    else:
        console.print("Handed in.")
