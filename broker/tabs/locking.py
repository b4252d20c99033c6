"""A tab nobody touches for a while is covered: its holder shows once more that it is she. The lease goes on meanwhile."""

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict
from broker.base.unit import Unit
from broker.tabs import records
from broker.tabs.leases import LOCKED, held_lease
from broker.tabs.models import Lease


def lock(work: Unit, lease_id: str) -> None:
    """Cover the tab: nothing of it is shown or handed out until its holder has unlocked it."""
    row = records.lease(work, lease_id)
    if row.ended_at is None and row.locked_at is None:
        row.locked_at = work.clock.now()
        _record(work, Act.TAB_LOCKED, row)


def unlock(work: Unit, lease_id: str, how: str) -> Lease:
    """Its holder has just shown who she is (`how`: `code` or `phrase`). Raises `NotFound`, `Conflict` when it has ended."""
    row = held_lease(work, lease_id)
    if row.locked_at is not None:
        row.locked_at = None
        _record(work, Act.TAB_UNLOCKED, row, how)
    return row


def uncovered(work: Unit, lease_id: str) -> Lease:
    """The actor's own lease. Raises `NotFound`, `Conflict` (`tab-ended`; `tab-locked` while it is covered)."""
    row = held_lease(work, lease_id)
    if row.locked_at is not None:
        raise Conflict(LOCKED, code="tab-locked")
    return row


def _record(work: Unit, act: Act, row: Lease, how: str | None = None) -> None:
    account_id = row.portal_session.account_id
    detail = {"how": how} if how else None
    audit.record(work, act, "lease", row.id, account_id=account_id, location_id=row.location_id, detail=detail)
