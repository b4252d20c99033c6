"""Whose turn a login's lookups have: when to sign in for them, when to wait, when a person must act first.

Lookups hold a lease like a person does, in the name of Portunus itself. A person who opens the portal takes it from them.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, system
from broker.base.errors import Conflict, Refused
from broker.base.unit import Unit
from broker.directory.models import PortalAccount
from broker.lookups import records
from broker.lookups.failures import FAILURES, OF_OUTCOME, Retry
from broker.lookups.governor import BACKOFF
from broker.lookups.models import Lookup, LookupBatch, LookupTurn
from broker.lookups.states import State
from broker.tabs import service as tabs
from broker.tabs.models import Lease, PortalSession
from broker.tabs.records import live_lease, live_session

HOLDER: Actor = system("lookups")
"""Who holds the lease."""
PURPOSE = "Lookups"


def is_ours(lease: Lease) -> bool:
    """Whether lookups hold it."""
    return (lease.holder_kind, lease.holder_id) == (HOLDER.kind.value, HOLDER.id)


def due(work: Unit) -> ColumnElement[bool]:
    """Queued lookups that may start: not before their time, not in a paused batch."""
    resting = select(LookupBatch.id).where(
        or_(LookupBatch.paused_at.is_not(None), LookupBatch.cancelled_at.is_not(None))
    )
    return and_(
        Lookup.state == State.QUEUED,
        Lookup.not_before <= work.clock.now(),
        or_(Lookup.batch_id.is_(None), Lookup.batch_id.not_in(resting)),
    )


def next_of(work: Unit, account_id: str, location_id: str | None = None) -> Lookup | None:
    """The login's most urgent lookup, at one location when asked."""
    query = select(Lookup).where(Lookup.account_id == account_id, due(work))
    if location_id is not None:
        query = query.where(Lookup.location_id == location_id)
    return work.db.scalar(query.order_by(Lookup.priority, Lookup.not_before, Lookup.id).limit(1))


def take_turn(work: Unit, account_id: str) -> str | None:
    """The lease under which this login's lookups may run now; None: not now. Called as `HOLDER`.

    Signs in when that is needed and allowed: once, not again by itself after a sign-in that failed. Raises `Conflict` when
    somebody opens the portal at this very moment.
    """
    account = work.db.get(PortalAccount, account_id)
    if account is None:
        return None
    turn = records.turn(work, account_id)
    work.db.refresh(turn, with_for_update=True)
    _see_through(work, account, turn)
    row = next_of(work, account_id)
    if row is None or (turn.not_before is not None and turn.not_before > work.clock.now()):
        return None
    if account.portal.status != "active" or account.portal.automation != "automated":
        _block(work, account)
        return None
    if account.status != "active":
        _need_person(work, account, OF_OUTCOME.get(account.status, "login_failed"))
        return None
    session = live_session(work, account_id)
    held = live_lease(work, session.id) if session else None
    if held is not None:
        return held.id if is_ours(held) and held.granted_at is not None else None
    try:
        lease = tabs.open_tab(work, account_id, row.location_id, PURPOSE)
    except Refused:
        _block(work, account)
        return None
    except Conflict as no:
        if no.code == "just-taken":
            raise  # somebody was quicker and this transaction is lost: the sweep asks again
        turn.not_before = work.clock.now() + timedelta(minutes=1)
        return None
    turn.lease_id = lease.id
    return lease.id if lease.granted_at is not None else None


def served(work: Unit, account_id: str) -> bool:
    """Whether this login's lookups are being worked on: a signal is enough then, and a worker need not look."""
    session = live_session(work, account_id)
    held = live_lease(work, session.id) if session else None
    return held is not None and is_ours(held) and held.granted_at is not None


def _see_through(work: Unit, account: PortalAccount, turn: LookupTurn) -> None:
    """How the sign-in ended that was asked for last time."""
    lease = work.db.get(Lease, turn.lease_id) if turn.lease_id else None
    if lease is None or (lease.ended_at is None and lease.granted_at is None):
        return
    turn.lease_id = None
    if lease.granted_at is not None or lease.end_reason == "preempted":
        turn.failures = 0
        return
    session = work.db.get_one(PortalSession, lease.portal_session_id)
    code = OF_OUTCOME.get(session.end_reason or "", "login_failed")
    turn.failures += 1
    if FAILURES[code].retry is Retry.AFTER_FIX or turn.failures > len(BACKOFF):
        _need_person(work, account, code)
        turn.failures = 0
        return
    turn.not_before = work.clock.now() + BACKOFF[turn.failures - 1]
    audit.record(
        work, Act.RECONCILED, "portal_account", account.id, account_id=account.id, outcome=code, reason="lookups wait"
    )


def _need_person(work: Unit, account: PortalAccount, code: str) -> None:
    """All that wait for this login now wait for a person."""
    for row in work.db.scalars(select(Lookup).where(Lookup.account_id == account.id, Lookup.state == State.QUEUED)):
        records.end(work, row, State.NEEDS_HUMAN, code)


def _block(work: Unit, account: PortalAccount) -> None:
    for row in work.db.scalars(select(Lookup).where(Lookup.account_id == account.id, Lookup.state == State.QUEUED)):
        records.end(work, row, State.BLOCKED, "policy_blocked")


def sweep(work: Unit) -> list[str]:
    """Queue again what nobody works on any more, end what is late; the logins that have something to do."""
    now = work.clock.now()
    for row in work.db.scalars(select(Lookup).where(Lookup.state == State.RUNNING)):
        lease = work.db.get(Lease, row.lease_id or "")
        if lease is None or lease.ended_at is not None:
            records.move(work, row, State.QUEUED)
            row.lease_id = None
            audit.record(work, Act.RECONCILED, "lookup", row.id, account_id=row.account_id, outcome="queued")
    for row in work.db.scalars(select(Lookup).where(Lookup.state == State.QUEUED, Lookup.deadline <= now).limit(500)):
        records.end(work, row, State.FAILED, "deadline_passed")
    return list(work.db.scalars(select(Lookup.account_id).where(due(work), Lookup.account_id.is_not(None)).distinct()))


def release_portal(work: Unit, account_id: str) -> None:
    """Put back what waited for a person because of this login, once it is in order again."""
    work.db.execute(update(LookupTurn).where(LookupTurn.account_id == account_id).values(failures=0, not_before=None))
    for row in work.db.scalars(
        select(Lookup).where(Lookup.account_id == account_id, Lookup.state == State.NEEDS_HUMAN)
    ):
        row.failures, row.error, row.not_before = 0, None, work.clock.now()
        records.move(work, row, State.QUEUED)
    work.enqueue("run_lookups", account_id)
