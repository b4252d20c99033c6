"""Which location somebody means by its short name: each organization has its own."""

from sqlalchemy import select

from broker.base.errors import Conflict, NotFound
from broker.base.unit import Unit
from broker.directory.models import Location
from broker.identity import policy


def location_by_key(work: Unit, key: str) -> Location:
    """The location of the actor's organization. Raises `NotFound`, `Conflict` (an operator's, with several organizations)."""
    named = select(Location).where(Location.key == key)
    organization_id = policy.organization_of(work)
    if organization_id is not None:
        named = named.where(Location.organization_id == organization_id)
    found = work.db.scalars(named.limit(2)).all()
    if not found:
        raise NotFound(f"There is no location {key}.")
    if len(found) > 1:
        raise Conflict(f"Several organizations have a location {key}: ask as somebody of the one you mean.")
    return found[0]
