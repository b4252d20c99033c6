"""Task: a login has lookups to do. Take its turn in the database, and tell the browser host when the portal is open."""

from broker.base.errors import Conflict
from broker.lookups import service as lookups
from broker.wiring import Portunus

PERMISSION = "system"


def look(portunus: Portunus, account_id: str) -> None:
    """Delivered three times it changes nothing: the turn is a locked row, each lookup is taken by a conditional UPDATE."""
    try:
        with portunus.unit(lookups.HOLDER) as work:
            lease_id = lookups.take_turn(work, account_id)
    except Conflict:
        return  # somebody opened the portal at this moment; the sweep asks again
    if lease_id is not None:
        portunus.host.run_lookups(lease_id)
