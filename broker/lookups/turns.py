"""Whose turn a login's lookups have: when to sign in for them, when to wait, when a person must act first.

Lookups hold a lease like a person does, in the name of Portunus itself. A person who opens the portal takes it from them.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, system
from broker.base.errors import Conflict, Refused
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Portal, PortalAccount
from broker.lookups import askers, records
from broker.lookups.failures import FAILURES, OF_CODES, OF_OUTCOME, Retry
from broker.lookups.governor import BACKOFF, LONGEST_WAIT, RETRIES, Governor
from broker.lookups.models import Lookup, LookupBatch, LookupTurn, PortalPace
from broker.lookups.states import State
from broker.tabs import service as tabs
from broker.tabs.models import Lease, PortalSession
from broker.tabs.records import live_lease, live_session
from broker.tabs.states import SessionState

HOLDER: Actor = system("lookups")
"""Who holds the lease."""
PURPOSE = "Lookups"
PIECE = 200
"""Rows per transaction: each has its own audit entry, and one writer at a time is all that SQLite has."""
SETTLED = timedelta(minutes=10)
"""What was asked in a session's first minutes is done in it, before older questions of another location."""
MOST_RUNS = 8
"""Started so often and never ended, whatever it is must be looked at."""


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
    order = (Lookup.priority, Lookup.due_by, Lookup.not_before, Lookup.id)
    return work.db.scalar(query.order_by(*order).limit(1))


def next_in(work: Unit, session: PortalSession, first: Lookup) -> Lookup | None:
    """What is done next in this session when `first` is the login's most urgent; None: what is at another location.

    A new sign-in costs minutes, a try and often somebody's code: a session's own location is seen through, unless something
    more urgent waits elsewhere, or something older than what only came long after the sign-in.
    """
    if first.location_id == session.location_id:
        return first
    here = next_of(work, session.account_id, session.location_id)
    if here is None or first.priority < here.priority:
        return None
    late = here.created_at > session.created_at + SETTLED and first.created_at < here.created_at
    return None if late else here


def portal_rest(work: Unit, portal: Portal) -> timedelta:
    """How long until the portal may be asked again, as its pace and its failures say."""
    pace = work.db.get(PortalPace, portal.id)
    if pace is None:
        return timedelta(0)
    governor = Governor.of(directory.behaviour(work, portal))
    return governor.wait(pace.started_at, pace.paused_until, work.clock.now())


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
    if turn.stuck is not None and turn.stuck_at is not None:
        if not _end_queued(work, account, State.NEEDS_HUMAN, turn.stuck, turn.stuck_at):
            return None
        turn.stuck, turn.stuck_at = None, None
    row = next_of(work, account_id)
    if row is None or (turn.not_before is not None and turn.not_before > work.clock.now()):
        return None
    if not askers.may_still_ask(work, row):
        end_of_asker(work, account_id, row)
        return None
    if account.portal.status != "active" or account.portal.automation != "automated":
        _end_queued(work, account, State.BLOCKED, "policy_blocked")
        return None
    if account.status != "active":
        _end_queued(work, account, State.NEEDS_HUMAN, OF_OUTCOME.get(account.status, "login_failed"))
        return None
    session = live_session(work, account_id)
    held = live_lease(work, session.id) if session else None
    if held is not None:
        return held.id if is_ours(held) and held.granted_at is not None else None
    rest = portal_rest(work, account.portal)
    if rest > LONGEST_WAIT:
        turn.not_before, turn.words = work.clock.now() + rest, None
        return None
    if session is not None and session.state in (SessionState.READY, SessionState.PARKED):
        row = next_in(work, session, row) or row
    try:
        with work.db.begin_nested():  # a refusal leaves no half-made session behind
            lease = tabs.open_tab(work, account_id, row.location_id, PURPOSE, asker=askers.asker(row))
    except Refused:
        _end_queued(work, account, State.BLOCKED, "policy_blocked")
        return None
    except Conflict as no:
        if no.code == "just-taken":
            raise  # somebody was quicker and this transaction is lost: the sweep asks again
        turn.not_before, turn.words = work.clock.now() + timedelta(minutes=1), no.message[:300]
        return None
    turn.lease_id, turn.words = lease.id, None
    return lease.id if lease.granted_at is not None else None


def served(work: Unit, account_id: str) -> bool:
    """Whether this login's lookups are being worked on: a signal is enough then, and a worker need not look."""
    session = live_session(work, account_id)
    held = live_lease(work, session.id) if session else None
    return held is not None and is_ours(held) and held.granted_at is not None


def put_back(work: Unit, row: Lookup) -> None:
    """A running lookup that was stopped in the middle is queued again; one that never comes to an end waits for a person.

    A person who took the portal does not count. What stopped twice already waits a while, so that others come first.
    """
    lease = work.db.get(Lease, row.lease_id or "")
    if lease is not None and lease.end_reason == "preempted":
        row.yielded += 1
    elif (broken_off := row.runs - row.yielded) >= MOST_RUNS:
        records.end(work, row, State.NEEDS_HUMAN, "never_ended")
        return
    elif broken_off > 2:
        row.not_before = work.clock.now() + BACKOFF[min(broken_off - 3, len(BACKOFF) - 1)]
    records.move(work, row, State.QUEUED)
    row.lease_id = None


def _see_through(work: Unit, account: PortalAccount, turn: LookupTurn) -> None:
    """How the sign-in ended that was asked for last time.

    What mends itself (a portal that is down, a browser that is gone) is tried again for a day, at last every half hour; what a
    person must mend, or was tried in vain for so long, ends what is due.
    """
    lease = work.db.get(Lease, turn.lease_id) if turn.lease_id else None
    if lease is None or (lease.ended_at is None and lease.granted_at is None):
        return
    turn.lease_id = None
    if lease.granted_at is not None or lease.end_reason == "preempted":
        turn.failures = 0
        return
    session = work.db.get_one(PortalSession, lease.portal_session_id)
    code = OF_OUTCOME.get(session.end_reason or "", "login_failed")
    turn.failures = 1 if _other_than_before(work, session, code) else turn.failures + 1
    after_codes = code in OF_CODES and turn.failures > len(BACKOFF)
    if FAILURES[code].retry is Retry.AFTER_FIX or after_codes or turn.failures > RETRIES["later"]:
        turn.stuck, turn.stuck_at, turn.failures = code, work.clock.now(), 0
        return
    turn.not_before, turn.words = work.clock.now() + BACKOFF[min(turn.failures, len(BACKOFF)) - 1], FAILURES[code].words
    audit.record(
        work, Act.RECONCILED, "portal_account", account.id, account_id=account.id, outcome=code, reason="lookups wait"
    )


def end_of_asker(work: Unit, account_id: str, row: Lookup) -> None:
    """What is due of the one who asked this, and may not any more, ends: his rows at this login, some at a time."""
    same = (
        Lookup.account_id == account_id,
        Lookup.location_id == row.location_id,
        Lookup.kind == row.kind,
        Lookup.requester_kind == row.requester_kind,
        Lookup.requester_id == row.requester_id,
    )
    for one in work.db.scalars(_free(select(Lookup).where(due(work), *same))).all():
        records.end(work, one, State.CANCELLED, "no_longer_allowed")
    work.enqueue("run_lookups", account_id)


def _other_than_before(work: Unit, session: PortalSession, code: str) -> bool:
    """Whether a missing code follows a portal that was down, or the other way round: they are counted apart."""
    before = work.db.scalar(
        select(PortalSession.end_reason)
        .where(PortalSession.account_id == session.account_id, PortalSession.id != session.id)
        .order_by(PortalSession.created_at.desc(), PortalSession.id.desc())
        .limit(1)
    )
    return before is not None and (OF_OUTCOME.get(before) in OF_CODES) != (code in OF_CODES)


def _end_queued(work: Unit, account: PortalAccount, state: State, code: str, until: datetime | None = None) -> bool:
    """What waits for this login (since `until`) ends so, some at a time; whether none is left.

    Batches that start later stay as they are: the login may be in order by then.
    """
    planned = select(LookupBatch.id).where(LookupBatch.not_before > (until or work.clock.now()))
    query = select(Lookup).where(
        Lookup.account_id == account.id,
        Lookup.state == State.QUEUED,
        or_(Lookup.batch_id.is_(None), Lookup.batch_id.not_in(planned)),
    )
    if until is not None:
        query = query.where(Lookup.state_at <= until)
    rows = work.db.scalars(_free(query)).all()
    for row in rows:
        records.end(work, row, state, code)
    if len(rows) == PIECE:
        work.enqueue("run_lookups", account.id)
        return False
    return True


def _free(query: Select[Lookup]) -> Select[Lookup]:
    """A piece of them, locked and as they are now; what another transaction is changing is left to it."""
    locked = query.order_by(Lookup.id).limit(PIECE).with_for_update(skip_locked=True)
    return locked.execution_options(populate_existing=True)


def sweep(work: Unit) -> list[str]:
    """Queue again what nobody works on any more, end what is late; the logins that have something to do."""
    held = exists().where(Lease.id == Lookup.lease_id, Lease.ended_at.is_(None))
    for row in work.db.scalars(_free(select(Lookup).where(Lookup.state == State.RUNNING, ~held))):
        put_back(work, row)
        audit.record(work, Act.RECONCILED, "lookup", row.id, account_id=row.account_id, outcome=row.state)
    late = select(Lookup).where(Lookup.state.in_((State.QUEUED, State.NEEDS_HUMAN)), Lookup.due_by <= work.clock.now())
    for row in work.db.scalars(_free(late)):
        records.end(work, row, State.FAILED, "deadline_passed")
    return list(work.db.scalars(select(Lookup.account_id).where(due(work), Lookup.account_id.is_not(None)).distinct()))
