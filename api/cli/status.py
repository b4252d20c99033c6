"""`portunus status`: what runs, who waits, what is ill; the twin of the page."""

from fastapi.encoders import jsonable_encoder

from api.cli.console import Json, console, operator, print_json
from api.standing import standing
from broker.wiring import build

STYLES = {"ok": "green", "silent": "red", "down": "red", "alarm": "red"}


def status(*, as_json: bool = Json) -> None:
    """Processes, mailboxes and phones, portals, sessions, open tabs, waiting codes, stopped accounts."""
    told = standing(build(), operator())
    if as_json:
        print_json(jsonable_encoder(told))
        return
    counted = ", ".join(f"{count} {state}" for state, count in told["sessions"].items())
    console.print(f"portal sessions   {counted or 'none'}")
    console.print(f"open tabs         {told['open_tabs']}, {told['codes_waiting']} waiting for a code")
    for part in told["parts"]:
        console.print(f"{part['name']:17} {part['state']}: {part['words']}", style=STYLES.get(part["state"]))
    for one in told["endpoints"]:
        console.print(f"{one['kind']:17} {one['name']}: {one['health']} {one['words']}".rstrip())
    for one in told["portals"]:
        if one["failed"]:
            console.print(
                f"portal            {one['name']}: {one['failed']} failed today. {one['words']}", style="yellow"
            )
    for one in told["codes_unasked"]:
        console.print(f"not asked for     {one['portal']} {one['login']}: {one['words']}", style="red")
    for one in told["accounts_stopped"]:
        console.print(
            f"stopped           {one['name']} {one['login']}: {one['words'] or one['status']}", style="yellow"
        )
