"""Who sees which rows of a batch: its lookups like any others; rows without one only whoever sent it or answers for everything."""

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true

from broker.base.errors import Refused
from broker.base.unit import Unit
from broker.identity.policy import Permission, reach
from broker.lookups.askers import NEEDED
from broker.lookups.models import BatchRow, Lookup, LookupBatch
from broker.lookups.showing import visible


def seen(work: Unit) -> ColumnElement[bool]:
    """The batches the actor may see at all."""
    if answers_for_all(work):
        return true()
    sent = and_(LookupBatch.requester_kind == work.actor.kind.value, LookupBatch.requester_id == work.actor.id)
    return or_(sent, exists().where(Lookup.batch_id == LookupBatch.id, visible(work)))


def answers_for_all(work: Unit) -> bool:
    """Whether he may ask everything everywhere in his organization."""
    places = [reach(work, permission) for permission in NEEDED.values()]
    return all(where.everywhere or where.organization_id is not None for where in places)


def whole(work: Unit, batch: LookupBatch) -> bool:
    """Whether rows without a lookup (unread, or problems) are his to see: they say nothing of a place."""
    sent = (batch.requester_kind, batch.requester_id) == (work.actor.kind.value, work.actor.id)
    return sent or answers_for_all(work)


def rows(work: Unit, batch: LookupBatch) -> ColumnElement[bool]:
    """The batch's rows that he may see; for a SELECT of `BatchRow` joined (outer) with `Lookup`."""
    mine = visible(work)
    if whole(work, batch):
        mine = or_(BatchRow.lookup_id.is_(None), mine)
    return and_(BatchRow.batch_id == batch.id, mine)


def require_all(work: Unit, batch: LookupBatch) -> None:
    """Raises `Refused` unless he sent it, or may see every row of it."""
    if whole(work, batch):
        return
    mine = select(func.count()).select_from(BatchRow).outerjoin(Lookup, Lookup.id == BatchRow.lookup_id)
    if (work.db.scalar(mine.where(rows(work, batch))) or 0) < batch.rows:
        work.denials.append(f"{Permission.LOOKUP_RUN.value} {batch.id}")
        raise Refused("Parts of this batch are for other locations. Ask whoever sent it.")
