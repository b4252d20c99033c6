"""`portunus open`: sign a portal in now, so that it is warm for whoever comes next."""

import typer
from sqlalchemy import select

from api.cli.console import NEEDS_A_HUMAN, Json, console, operator, print_json
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.identity.places import location_by_key
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from broker.tabs.service import Tile
from broker.wiring import Portunus, build

LIMIT_S = 300
SOONEST = (
    "yours", "warm", "parked", "needs_code", "signing_in", "cold", "failed", "down", "in_use", "stopped", "attended",
    "off",
)  # fmt: skip
"""States of a tile, those first that are ready first."""


def open_portal(
    portal: str = typer.Argument(help="The portal's key, such as harborline."),
    location: str = typer.Option(..., help="The location's key, such as phoenix."),
    login: str | None = typer.Option(None, help="The login's user name, where there are several."),
    *,
    as_json: bool = Json,
) -> None:
    """Sign in, wait, say how it went, and leave the session warm."""
    portunus = build()
    with portunus.unit(operator()) as work:
        tile = best_login(work, portal, location, login)
        lease_id = tabs.open_tab(work, tile.account_id, tile.location_id, "Warm-up from the command line").id
        session_id = work.db.get_one(Lease, lease_id).portal_session_id
    try:
        state, words = _waited(portunus, lease_id, session_id, aloud=not as_json)
    finally:  # also when she presses Ctrl-C: the portal is not left in use by nobody
        with portunus.unit(operator()) as work:
            tabs.end_tab(work, lease_id)
    if as_json:
        print_json(
            {"portal": portal, "location": location, "state": state, "words": words, "portal_session": session_id}
        )
    if state != "ready":
        raise typer.Exit(NEEDS_A_HUMAN)
    if not as_json:
        console.print(f"Warm. Open it at {portunus.settings.public_url}/")


def _waited(portunus: Portunus, lease_id: str, session_id: str, *, aloud: bool) -> tuple[str, str]:
    state, words, said = "signing_in", "", ""
    for _ in portunus.signals_or_ticks(f"session:{session_id}", limit_s=LIMIT_S):
        with portunus.reading(operator()) as work:
            state, words, _ = tabs.opening(work, work.db.get_one(Lease, lease_id))
        if words != said and aloud:
            console.print(f"  {words}")
        said = words
        if state in ("ready", "ended"):
            break
    return state, words


def best_login(work: Unit, portal: str, location: str, login: str | None = None) -> Tile:
    """The login that gets there soonest; a stopped one, or one in use, only when there is no other. Raises `NotFound`."""
    place = location_by_key(work, location)
    site = directory.portal_by_key(work, portal)
    named = {
        row.id for row in work.db.scalars(select(PortalAccount).where(PortalAccount.portal_id == site.id))
        if login in (None, row.username)
    }  # fmt: skip
    fitting = [tile for tile in tabs.tiles(work) if tile.account_id in named and tile.location_id == place.id]
    if not fitting:
        raise NotFound(f"No account of {site.name} covers {place.name}.")
    return min(fitting, key=lambda tile: SOONEST.index(tile.state))
