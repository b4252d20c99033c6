"""Requests that are repeated with the same `Idempotency-Key` are carried out once."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from broker.base.errors import Conflict, Incomplete
from broker.base.unit import Unit
from broker.identity.models import OneTimeUse
from broker.identity.policy import organization_of
from broker.vault.service import Vault

KEPT = timedelta(hours=24)
"""After that a key is forgotten and may be used again."""


def once(work: Unit, kind: str, key: str | None, body: str, act: Callable[[], str]) -> str:
    """What `act` returned (the id of a row) at the first request of this actor with this key; without a key, `act` now.

    The key is claimed before `act`: of two requests at the same instant the second waits for the first (PostgreSQL) or
    is the second (SQLite). What `act` raises takes the claim back with the unit. Raises `Incomplete` (422) when the key
    came with another body before, `Conflict` (409) while the first request is not done.
    """
    if key is None:
        return act()
    row, mine = _claim(work, kind, f"{work.actor.id}:{key}")
    fingerprint = hashlib.sha256(body.encode()).hexdigest()[:16]
    if not mine:
        result_id, _, known = (row.result_id or "").partition(" ")
        if not result_id:
            raise Conflict("A request with this Idempotency-Key is under way. Ask again.", code="idempotency-key")
        if known != fingerprint:
            raise Incomplete(
                "This Idempotency-Key was used for another request. Use a new one.", code="idempotency-key"
            )
        return result_id
    result_id = act()
    row.result_id = f"{result_id} {fingerprint}"
    return result_id


def of_patients(work: Unit, vault: Vault, body: str) -> str:
    """A body that names patients, as what `once` may keep of it: under the organization's key nobody finds it by guessing."""
    organization = organization_of(work)
    return vault.digest(work, organization, f"request {body}").hex() if organization else body


def _claim(work: Unit, kind: str, key: str) -> tuple[OneTimeUse, bool]:
    """The key's row, and whether it is this request's: new, or so old that it is forgotten."""
    wanted = select(OneTimeUse).where(OneTimeUse.kind == kind, OneTimeUse.key == key).with_for_update()
    now = work.clock.now()
    row = work.db.scalar(wanted)
    if row is None:
        row = OneTimeUse(kind=kind, key=key, at=now, result_id=None)
        try:
            with work.db.begin_nested():
                work.db.add(row)
        except IntegrityError:
            found = work.db.scalar(wanted)
            if found is None:
                raise
            return found, False
        return row, True
    if row.at >= now - KEPT:
        return row, False
    row.at, row.result_id = now, None
    return row, True
