"""Rows of this feature, changed the one right way: by the table, with the audit entry, the signal and the webhook."""

import json
import zlib
from typing import Any

from sqlalchemy import func, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.db import changed
from broker.base.errors import Conflict
from broker.base.unit import Unit
from broker.lookups import hooks
from broker.lookups.models import BatchRow, Lookup, LookupBatch, LookupTurn
from broker.lookups.states import ENDED, State, may_become
from broker.vault.service import Vault


def seal(work: Unit, vault: Vault, organization_id: str, context: tuple[str, ...], value: Any) -> bytes:
    """JSON, compressed, sealed for this very thing."""
    return vault.seal(work, organization_id, context, zlib.compress(json.dumps(value).encode(), 6))


def unseal(work: Unit, vault: Vault, organization_id: str, context: tuple[str, ...], sealed: bytes) -> Any:
    """The value again. Raises `Unavailable` when it was changed or moved."""
    return json.loads(zlib.decompress(vault.unseal(work, organization_id, context, sealed)))


def move(work: Unit, row: Lookup, state: State) -> None:
    """Change the state and wake whoever watches. Raises `Conflict` for a change the table rules out."""
    if not may_become(row.state, state):
        raise Conflict(f"A lookup that is {row.state.replace('_', ' ')} cannot become {state.replace('_', ' ')}.")
    row.state, row.state_at = state.value, work.clock.now()
    work.signal(f"lookup:{row.id}")
    if row.batch_id:
        work.signal(f"batch:{row.batch_id}")
    work.signal("lookups")


def end(work: Unit, row: Lookup, state: State, error: str | None = None) -> None:
    """Its last word (or the moment it starts to wait for a person), on record; subscribers are told."""
    move(work, row, state)
    row.error = error
    row.ended_at = work.clock.now() if state in ENDED else None
    row.lease_id = None
    audit.record(
        work,
        Act.LOOKUP_ENDED,
        "lookup",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        outcome=error or "done",
        detail={"kind": row.kind, "state": state.value, "result": row.result_id, "runs": row.runs},
    )
    if row.batch_id is None:
        hooks.tell(work, row.organization_id, f"lookup.{state.value}", row.id)
    else:
        settle(work, row.organization_id, row.batch_id)


def settle(work: Unit, organization_id: str, batch_id: str) -> None:
    """Tell subscribers that a batch is through: all its rows are read, none is under way, and they were not told yet."""
    work.db.flush()
    going = (State.QUEUED.value, State.RUNNING.value)
    if work.db.scalar(select(Lookup.id).where(Lookup.batch_id == batch_id, Lookup.state.in_(going)).limit(1)):
        return
    read = select(func.count()).where(BatchRow.batch_id == batch_id).scalar_subquery()
    told = work.db.execute(
        update(LookupBatch)
        .where(LookupBatch.id == batch_id, LookupBatch.told_at.is_(None), LookupBatch.rows <= read)
        .values(told_at=work.clock.now())
        .execution_options(synchronize_session=False)
    )
    if changed(told):
        hooks.tell(work, organization_id, "lookup_batch.done", batch_id)


def turn(work: Unit, account_id: str) -> LookupTurn:
    """The login's turn, made when there is none."""
    row = work.db.get(LookupTurn, account_id)
    if row is None:
        row = LookupTurn(account_id=account_id, lease_id=None, failures=0, not_before=None, words=None, stops=0)
        work.db.add(row)
        work.db.flush()
    return row


def clear_turn(work: Unit, account_id: str) -> None:
    """A person has looked after the login: no waiting for earlier failures."""
    row = turn(work, account_id)
    row.failures, row.stops, row.not_before, row.words = 0, 0, None, None


def file_kept(work: Unit, upload_id: str, rows: int) -> None:
    """A file of questions has come in and is kept sealed until its columns are named: patients, whether a batch comes of it or not."""
    audit.record(work, Act.LOOKUP_FILE_KEPT, "lookup_file", upload_id, detail={"rows": rows})
