"""A batch's way out: the file's own columns first, then what was found; nothing dropped, rows in their order, memory flat."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.unit import Unit
from broker.lookups import batches, flat, showing
from broker.lookups.failures import FAILURES, what_to_do
from broker.lookups.models import Lookup, LookupBatch
from broker.lookups.states import State
from broker.vault.service import Vault

PAGE = 200
ADDED = ["Lookup", "State", "What", "What to do"]
KINDS = ("eligibility", "claim_status")
Reading = Callable[[], AbstractContextManager[Unit]]


def begin(work: Unit, batch_id: str, form: str) -> LookupBatch:
    """The batch, and on record that its patients leave. Raises `NotFound`."""
    batch = batches.own(work, batch_id)
    audit.record(work, Act.LOOKUP_EXPORTED, "lookup_batch", batch.id, detail={"form": form, "rows": batch.rows})
    return batch


def table(reading: Reading, vault: Vault, batch_id: str) -> Iterator[list[str]]:
    """Headings, then one row of text per row of the file and, where claims were found, one for each of them.

    A few hundred rows per transaction. What the batch asks for decides the headings: benefits, claims, or both.
    """
    with reading() as work:
        own = batches.description(work, vault, work.db.get_one(LookupBatch, batch_id)).columns or ["Row"]
        asked = set(work.db.scalars(select(Lookup.kind).where(Lookup.batch_id == batch_id).distinct()))
    kinds = [kind for kind in KINDS if kind in asked]
    yield [*own, *ADDED, *(name for kind in kinds for name in flat.headings(kind))]
    for row, result in _rows(reading, vault, batch_id):
        found = row.lookup
        state = found.state if found else "not_asked"
        failed = FAILURES.get(found.error) if found and found.error else None
        words = row.problem or (failed.words if failed else "")
        first = _own(row.cells or [str(row.number)], len(own))
        action = what_to_do(found.error, in_vain=found.state == State.NEEDS_HUMAN) if found and found.error else ""
        first += [found.id if found else "", state, words, action]
        for number in range(max(1, len((result or {}).get("claims", [])))):
            values = [text for _, text, _ in flat.flat(result, number)] if result else []
            yield [*first, *(cell for kind in kinds for cell in _part(kind, found, values))]


def _own(cells: list[str], width: int) -> list[str]:
    """As wide as the file's headings; what stood beyond them goes into the last cell."""
    beyond = [cell for cell in cells[width:] if cell]
    kept = (cells + [""] * width)[:width]
    return [*kept[:-1], "; ".join([kept[-1], *beyond])] if beyond else kept


def _part(kind: str, found: Lookup | None, values: list[str]) -> list[str]:
    """The values under the headings of their kind, blanks under those of the other."""
    return values if values and found and found.kind == kind else [""] * len(flat.headings(kind))


def documents(reading: Reading, vault: Vault, batch_id: str) -> Iterator[dict[str, Any]]:
    """The same as JSON: row number, cells, state, failure, and the whole result with its evidence."""
    for row, result in _rows(reading, vault, batch_id):
        found = row.lookup
        yield {
            "row": row.number,
            "cells": row.cells,
            "problem": row.problem,
            "lookup_id": found.id if found else None,
            "state": found.state if found else "not_asked",
            "error": found.error if found else None,
            "result": result,
        }


def _rows(reading: Reading, vault: Vault, batch_id: str) -> Iterator[tuple[batches.Line, dict[str, Any] | None]]:
    after = 0
    while True:
        with reading() as work:
            batch = work.db.get_one(LookupBatch, batch_id)
            page = [
                (row, showing.result_of(work, vault, row.lookup) if row.lookup else None)
                for row in batches.pages(work, vault, batch, after, PAGE)
            ]
        if not page:
            return
        yield from page
        after = page[-1][0].number
