"""A batch's way out: the file's own columns first, then what was found; nothing dropped, rows in their order, memory flat."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.unit import Unit
from broker.lookups import batches, flat, showing
from broker.lookups.failures import FAILURES
from broker.lookups.models import Lookup, LookupBatch
from broker.vault.service import Vault

PAGE = 200
ADDED = ["Lookup", "State", "What", "What to do"]
Reading = Callable[[], AbstractContextManager[Unit]]


def begin(work: Unit, batch_id: str, form: str) -> LookupBatch:
    """The batch, and on record that its patients leave. Raises `NotFound`."""
    batch = batches.own(work, batch_id)
    audit.record(work, Act.LOOKUP_EXPORTED, "lookup_batch", batch.id, detail={"form": form, "rows": batch.rows})
    return batch


def table(reading: Reading, vault: Vault, batch_id: str) -> Iterator[list[str]]:
    """Headings, then one row of text per row of the file; a few hundred rows per transaction."""
    width = 0
    for number, (row, cells, found, result) in enumerate(_rows(reading, vault, batch_id)):
        if number == 0:
            kind = found.kind if found else "eligibility"
            with reading() as work:
                own = list(work.db.get_one(LookupBatch, batch_id).columns) or ["Row"]
            names = flat.headings(kind)
            width = len(own) + len(ADDED) + len(names)
            yield [*own, *ADDED, *names]
        state = found.state if found else "not_asked"
        failed = FAILURES.get(found.error) if found and found.error else None
        words = row.problem or (failed.words if failed else "")
        told = [*cells, found.id if found else "", state, words, failed.human_action if failed else ""]
        values = [text for _, text, _ in flat.flat(result)] if result else []
        yield (told + values + [""] * width)[:width]


def documents(reading: Reading, vault: Vault, batch_id: str) -> Iterator[dict[str, Any]]:
    """The same as JSON: row number, cells, state, failure, and the whole result with its evidence."""
    for row, cells, found, result in _rows(reading, vault, batch_id):
        yield {
            "row": row.number,
            "cells": cells,
            "problem": row.problem,
            "lookup_id": found.id if found else None,
            "state": found.state if found else "not_asked",
            "error": found.error if found else None,
            "result": result,
        }


def _rows(
    reading: Reading, vault: Vault, batch_id: str
) -> Iterator[tuple[Any, list[str], Lookup | None, dict[str, Any] | None]]:
    after = 0
    while True:
        with reading() as work:
            batch = work.db.get_one(LookupBatch, batch_id)
            page = [
                (row, cells, found, showing.result_of(work, vault, found) if found else None)
                for row, cells, found in batches.pages(work, vault, batch, after, PAGE)
            ]
        if not page:
            return
        yield from page
        after = page[-1][0].number
