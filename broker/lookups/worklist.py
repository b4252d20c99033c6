"""The list people work from: what needs somebody first, until it is put right or put away; then everything, newest first."""

from sqlalchemy import ColumnElement, and_, or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict
from broker.base.unit import Unit
from broker.lookups.models import BatchRow, Lookup
from broker.lookups.showing import visible
from broker.lookups.states import State
from broker.lookups.submitting import own

NO_ANSWER = (State.FAILED.value, State.BLOCKED.value)
MOST_FIRST = 50
"""Exceptions shown before everything else; the others are a page of their own."""


def needs_somebody() -> ColumnElement[bool]:
    """Waits for a person, or ended without an answer and nobody has put it away."""
    return or_(Lookup.state == State.NEEDS_HUMAN, and_(Lookup.state.in_(NO_ANSWER), Lookup.put_away_at.is_(None)))


def page(
    work: Unit, show: str = "", *, before: str | None = None, batch_id: str | None = None, limit: int = 50
) -> tuple[list[Lookup], str | None]:
    """Rows newest first, and the id to go on `before`, if there are more. `show`: a state, `exceptions`, or nothing:
    then the first page begins with the exceptions."""
    first: list[Lookup] = []
    query = select(Lookup).where(visible(work))
    if batch_id:
        query = query.where(Lookup.batch_id == batch_id)
    newest = query.order_by(Lookup.id.desc())
    if not show:
        if before is None:
            first = list(work.db.scalars(newest.where(needs_somebody()).limit(MOST_FIRST)))
        newest = newest.where(~needs_somebody())
    else:
        newest = newest.where(needs_somebody() if show == "exceptions" else Lookup.state == show)
    if before is not None:
        newest = newest.where(Lookup.id < before)
    rows = list(work.db.scalars(newest.limit(limit + 1)))
    return first + rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def put_away(work: Unit, lookup_id: str) -> Lookup:
    """Somebody has dealt with it. Raises `Conflict` for one that has an answer or still waits."""
    row = own(work, lookup_id)
    if row.state not in NO_ANSWER:
        raise Conflict("Only a lookup that ended without an answer can be put away.")
    audit.record(work, Act.LOOKUP_PUT_AWAY, "lookup", row.id, account_id=row.account_id, location_id=row.location_id)
    row.put_away_at = work.clock.now()
    work.signal("lookups")
    return row


def places(work: Unit, rows: list[Lookup]) -> dict[str, list[int]]:
    """Which rows of their batches' files ask this, by lookup."""
    found: dict[str, list[int]] = {}
    ids = [one.id for one in rows if one.batch_id]
    for lookup_id, number in work.db.execute(
        select(BatchRow.lookup_id, BatchRow.number).where(BatchRow.lookup_id.in_(ids)).order_by(BatchRow.number)
    ).tuples():
        found.setdefault(lookup_id or "", []).append(number)
    return found
