"""Batches: a file becomes rows, each row a lookup or a named problem; none is dropped, none is asked twice.

The rows are kept sealed first and turned into lookups piece by piece, so that a crash in between loses nothing and a large
file never holds the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ScalarSelect, case, func, or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.errors import BrokerError, Conflict, Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity.policy import NOTHING_THERE, Permission, organization_of, require
from broker.lookups import columns, onward, records
from broker.lookups.ask import parsed
from broker.lookups.batch_access import require_all, rows, seen, whole
from broker.lookups.models import BatchRow, Lookup, LookupBatch
from broker.lookups.sheets import MOST_ROWS, Sheet, too_wide
from broker.lookups.showing import visible
from broker.lookups.states import State
from broker.lookups.submitting import Known, check_age, submit
from broker.ports.blobs import Blobs
from broker.vault.service import Vault

PIECE = 200
"""Rows per transaction."""
FARTHEST = timedelta(days=60)
TOO_WIDE = "The row has more cells than there are headings. Put text that has commas in it into quotes."
NOWHERE = "There is no portal, or no location, of this row's short name at one of your places."
UNNAMED = "Batch"
NOT_ASKED = "The batch was cancelled before this row was asked."


@dataclass(frozen=True)
class Described:
    """What people call a batch, and the headings of its file."""

    name: str
    columns: list[str]


@dataclass(frozen=True)
class Line:
    """One row of the file as it came in, with its lookup or why there is none."""

    number: int
    cells: list[str]
    problem: str | None
    lookup: Lookup | None


@dataclass(frozen=True)
class Counts:
    """A batch at a glance."""

    rows: int
    read: int
    """Rows turned into lookups or problems so far."""
    problems: int
    duplicates: int
    states: dict[str, int]

    @property
    def ended(self) -> bool:
        """Whether everything that happens by itself has happened."""
        going = self.states.get("queued", 0) + self.states.get("running", 0)
        return self.read == self.rows and not going


def create(
    work: Unit,
    vault: Vault,
    blobs: Blobs,
    *,
    name: str,
    headings: list[str],
    rows: list[tuple[list[str], dict[str, Any]]],
    not_before: datetime | None = None,
    max_age_s: int | None = None,
) -> LookupBatch:
    """Keep the rows (cells as they came, and the question each makes or `{"problem": …}`); a task does the rest.

    `max_age_s`: a result this much older than the batch's start will do.
    """
    require(work, Permission.LOOKUP_RUN, anywhere=True)
    now = work.clock.now()
    if not rows or len(rows) > MOST_ROWS:
        raise Incomplete(f"A batch has 1 to {MOST_ROWS} rows.")
    if not_before is not None and not now - timedelta(minutes=5) <= not_before <= now + FARTHEST:
        raise Incomplete("A batch starts now or within the next 60 days.")
    check_age(max_age_s)
    organization = organization_of(work)
    if not organization:
        raise Incomplete("A batch belongs to an organization: submit it as a person or a service account.")
    batch_id, told = new_id("bat"), {"name": (name.strip() or UNNAMED)[:120], "columns": headings}
    batch = LookupBatch(
        id=batch_id,
        organization_id=organization,
        described=records.seal(work, vault, organization, ("batch description", batch_id), told),
        requester_kind=work.actor.kind.value,
        requester_id=work.actor.id,
        requester_name=work.actor.name,
        created_at=now,
        not_before=not_before,
        paused_at=None,
        cancelled_at=None,
        told_at=None,
        max_age_s=max_age_s,
        rows=len(rows),
    )
    work.db.add(batch)
    blobs.append(_blob(batch), records.seal(work, vault, organization, ("batch", batch.id), rows))
    audit.record(work, Act.BATCH_CREATED, "lookup_batch", batch.id, detail={"rows": len(rows)})
    work.enqueue("read_batch", batch.id)
    return batch


def rows_of(sheet: Sheet, mapping: dict[str, str], fixed: dict[str, str]) -> list[tuple[list[str], dict[str, Any]]]:
    """A file's rows with the question each makes; what cannot be read becomes a named problem."""
    made: list[tuple[list[str], dict[str, Any]]] = []
    for cells in sheet.rows:
        if not any(cells):
            made.append((cells, {"problem": ""}))  # a blank line: it keeps its number
            continue
        if too_wide(sheet.headings, cells):
            made.append((cells, {"problem": TOO_WIDE}))
            continue
        try:
            made.append((cells, columns.told(sheet.headings, cells, mapping, fixed)))
        except Incomplete as wrong:
            made.append((cells, {"problem": wrong.message}))
    return made


def description(work: Unit, vault: Vault, batch: LookupBatch) -> Described:
    """Its name and headings, for somebody who may see it."""
    context = ("batch description", batch.id)
    return Described(**records.unseal(work, vault, batch.organization_id, context, batch.described))


def requester(work: Unit, batch_id: str) -> Actor | None:
    """In whose name the batch's rows are asked; None when there is no such batch."""
    batch = work.db.get(LookupBatch, batch_id)
    if batch is None:
        return None
    return Actor(kind=ActorKind(batch.requester_kind), id=batch.requester_id, name=batch.requester_name)


def read_piece(work: Unit, vault: Vault, blobs: Blobs, batch_id: str) -> bool:
    """Turn the next rows into lookups, as the batch's requester. False when all are read. Once per row, whoever calls."""
    batch = work.db.get_one(LookupBatch, batch_id)
    work.db.refresh(batch, with_for_update=True)
    done = work.db.scalar(select(func.count()).where(BatchRow.batch_id == batch.id)) or 0
    if done >= batch.rows:
        return False
    sealed = blobs.read(_blob(batch))
    rows = records.unseal(work, vault, batch.organization_id, ("batch", batch.id), sealed)
    known, accounts = Known(), set()
    for place, (cells, told) in enumerate(rows[done : done + PIECE], done):
        row = BatchRow(id=new_id("row"), batch_id=batch.id, number=place + 2, cells=b"", lookup_id=None, problem=None)
        row.cells = records.seal(work, vault, batch.organization_id, ("batch row", row.id), cells)
        lookup = _ask(work, vault, batch, row, told, known)
        work.db.add(row)
        if lookup is not None and lookup.account_id and lookup.state == State.QUEUED:
            accounts.add(lookup.account_id)
    work.db.flush()
    for account_id in accounts:
        work.enqueue("run_lookups", account_id)
        work.signal(f"lookups:{account_id}")
    work.signal(f"batch:{batch.id}")
    if done + PIECE < batch.rows:
        return True
    records.settle(work, batch.organization_id, batch.id)
    return False


def _ask(
    work: Unit, vault: Vault, batch: LookupBatch, row: BatchRow, told: dict[str, Any], known: Known
) -> Lookup | None:
    """The row's lookup; a row that asks what an earlier one asks shares its lookup. Once cancelled nothing is asked."""
    if batch.cancelled_at is not None:
        row.problem = NOT_ASKED
        return None
    if "problem" in told:
        row.problem = str(told["problem"])[:600] or None
        return None
    try:
        ask = parsed(told)
        subject = vault.digest(work, batch.organization_id, f"lookup {ask.subject()}")
        same = work.db.scalar(select(Lookup).where(Lookup.batch_id == batch.id, Lookup.subject == subject).limit(1))
        lookup = same or submit(work, vault, ask, priority=9, max_age_s=batch.max_age_s, batch=batch, known=known)
    except NotFound:
        row.problem = NOWHERE  # never the cell itself: a column that was named wrongly holds patients
        return None
    except BrokerError as no:
        row.problem = no.message[:600]
        return None
    row.lookup_id = lookup.id
    return lookup


def own(work: Unit, batch_id: str) -> LookupBatch:
    """A batch that the actor sent, or some of whose rows he may see. Raises `NotFound`."""
    batch = work.db.get(LookupBatch, batch_id)
    if batch is None or organization_of(work) not in (None, batch.organization_id):
        raise NotFound(NOTHING_THERE)
    require(work, Permission.LOOKUP_RUN, anywhere=True)
    if work.db.scalar(select(LookupBatch.id).where(LookupBatch.id == batch.id, seen(work))) is None:
        raise NotFound(NOTHING_THERE)
    return batch


def listed(work: Unit, *, cursor: str | None = None, limit: int = 50) -> list[LookupBatch]:
    """Newest first."""
    require(work, Permission.LOOKUP_RUN, anywhere=True)
    query = select(LookupBatch).where(LookupBatch.organization_id == (organization_of(work) or ""), seen(work))
    if cursor:
        query = query.where(LookupBatch.id < cursor)
    return list(work.db.scalars(query.order_by(LookupBatch.id.desc()).limit(min(max(limit, 1), 200))))


def counts(work: Unit, batch: LookupBatch) -> Counts:
    """How far it is, of the rows that the actor may see."""
    named = case((BatchRow.problem != NOT_ASKED, BatchRow.problem))
    of_rows = (
        select(
            func.count(),
            func.count(named),
            func.count(BatchRow.problem),
            func.count(BatchRow.lookup_id.distinct()),
            func.count(BatchRow.lookup_id),
        )
        .select_from(BatchRow)
        .outerjoin(Lookup, Lookup.id == BatchRow.lookup_id)
        .where(rows(work, batch))
    )
    read, problems, unasked, asked, with_lookup = work.db.execute(of_rows).one()
    grouped = (
        select(Lookup.state, func.count()).where(Lookup.batch_id == batch.id, visible(work)).group_by(Lookup.state)
    )
    states = {str(state): int(number) for state, number in work.db.execute(grouped).tuples()}
    if unasked > problems:
        states[State.CANCELLED.value] = states.get(State.CANCELLED.value, 0) + unasked - problems
    hidden = (work.db.scalar(select(func.count()).where(BatchRow.batch_id == batch.id)) or 0) - read
    expected = batch.rows - hidden if whole(work, batch) else read
    return Counts(expected, read, problems, with_lookup - asked, states)


def problems(work: Unit, batch: LookupBatch, limit: int = 500) -> list[tuple[int, str]]:
    """(row number, what is wrong) of the rows that could not be asked, for those who may see them."""
    if not whole(work, batch):
        return []
    found = work.db.execute(
        select(BatchRow.number, BatchRow.problem)
        .where(BatchRow.batch_id == batch.id, BatchRow.problem.is_not(None), BatchRow.problem != NOT_ASKED)
        .order_by(BatchRow.number)
        .limit(limit)
    )
    return [(number, str(problem)) for number, problem in found]


def pause(work: Unit, batch_id: str) -> LookupBatch:
    """Take nothing more from it until it is resumed. Raises `Conflict` when it is cancelled."""
    return _change(work, batch_id, "paused")


def resume(work: Unit, batch_id: str) -> LookupBatch:
    """Go on."""
    batch = _change(work, batch_id, "resumed")
    for account_id in work.db.scalars(
        select(Lookup.account_id).where(Lookup.batch_id == batch.id, Lookup.state == State.QUEUED).distinct()
    ):
        if account_id:
            work.enqueue("run_lookups", account_id)
    return batch


def cancel(work: Unit, batch_id: str) -> LookupBatch:
    """What is not asked yet is not asked; what was answered stays. The sweep ends the rows."""
    return _change(work, batch_id, "cancelled")


def again(work: Unit, batch_id: str) -> LookupBatch:
    """What was in the way of its rows that wait for a person is put right: ask them all again."""
    batch = own(work, batch_id)
    require_all(work, batch)
    work.db.refresh(batch, with_for_update=True)
    if batch.cancelled_at is not None:
        raise Conflict("This batch is cancelled.")
    asked = onward.again(work, batch)
    audit.record(work, Act.BATCH_CHANGED, "lookup_batch", batch.id, outcome="asked_again", detail={"rows": asked})
    return batch


def _change(work: Unit, batch_id: str, what: str) -> LookupBatch:
    batch = own(work, batch_id)
    require_all(work, batch)
    work.db.refresh(batch, with_for_update=True)
    if batch.cancelled_at is not None:
        raise Conflict("This batch is cancelled.")
    now = work.clock.now()
    if what == "cancelled":
        batch.cancelled_at = now
        work.enqueue("read_batch", batch.id)
    else:
        batch.paused_at = now if what == "paused" else None
    audit.record(work, Act.BATCH_CHANGED, "lookup_batch", batch.id, outcome=what)
    work.signal(f"batch:{batch.id}")
    return batch


def sweep(work: Unit) -> bool:
    """Read on where a file was left; end what waits in cancelled batches; tell of those that came through unnoticed.

    Some at a time; whether there may be more.
    """
    since = work.clock.now() - timedelta(days=2)
    recent = or_(LookupBatch.created_at > since, LookupBatch.cancelled_at > since)
    for batch_id in work.db.scalars(
        select(LookupBatch.id).where(LookupBatch.told_at.is_(None), recent, _read() < LookupBatch.rows)
    ):
        work.enqueue("read_batch", batch_id)
    gone = select(LookupBatch.id).where(LookupBatch.cancelled_at.is_not(None), LookupBatch.told_at.is_(None))
    waiting = (
        select(Lookup)
        .where(Lookup.batch_id.in_(gone), Lookup.state.in_((State.QUEUED, State.NEEDS_HUMAN)))
        .order_by(Lookup.id)
        .limit(PIECE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    rows = work.db.scalars(waiting).all()
    for row in rows:
        records.end(work, row, State.CANCELLED, "cancelled")
    if len(rows) == PIECE:
        return True
    for batch in work.db.scalars(select(LookupBatch).where(LookupBatch.told_at.is_(None), _read() >= LookupBatch.rows)):
        records.settle(work, batch.organization_id, batch.id)  # two hosts ended its last two rows at one moment
    return False


def _read() -> ScalarSelect[int]:
    return select(func.count()).where(BatchRow.batch_id == LookupBatch.id).correlate(LookupBatch).scalar_subquery()


def pages(work: Unit, vault: Vault, batch: LookupBatch, after: int, size: int = 200) -> Iterator[Line]:
    """The rows after that number that the actor may see, as they came in, with their lookups."""
    page = (
        select(BatchRow)
        .outerjoin(Lookup, Lookup.id == BatchRow.lookup_id)
        .where(rows(work, batch), BatchRow.number > after)
        .order_by(BatchRow.number)
        .limit(size)
    )
    for row in work.db.scalars(page).all():
        cells = records.unseal(work, vault, batch.organization_id, ("batch row", row.id), row.cells)
        found = work.db.get(Lookup, row.lookup_id) if row.lookup_id else None
        yield Line(row.number, cells, row.problem, found)


def _blob(batch: LookupBatch) -> str:
    return f"lookups/batches/{batch.id}"
