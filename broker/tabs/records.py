"""Rows of this feature, found and changed the one right way: by the table, with the audit entry, with the signal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.directory.models import PortalAccount
from broker.tabs.budget import Budget, codes_left
from broker.tabs.models import Lease, LockoutDebit, LoginAttempt, ParkedState, PortalSession
from broker.tabs.states import AttemptState, SessionState, attempt_may_become, session_may_become

STALE = "This sign-in is no longer the one that counts: a newer one took over."


@dataclass(frozen=True)
class Ending:
    """How an attempt or a live session ended, as the browser host says it (from the kit's one list of outcomes)."""

    outcome: str
    signed_in: bool
    words: str
    next_actor: str
    parks_account: bool = False
    evidence: str | None = None


def portal_session(work: Unit, session_id: str) -> PortalSession:
    """Raises `NotFound`."""
    row = work.db.get(PortalSession, session_id)
    if row is None:
        raise NotFound("There is no such portal session.")
    return row


def attempt(work: Unit, attempt_id: str) -> LoginAttempt:
    """Raises `NotFound`."""
    row = work.db.get(LoginAttempt, attempt_id)
    if row is None:
        raise NotFound("There is no such sign-in.")
    return row


def fenced(work: Unit, attempt_id: str, fence: int) -> LoginAttempt:
    """The attempt, if it still holds its account. Raises `Conflict` for a stale fence."""
    row = attempt(work, attempt_id)
    current = work.db.scalar(select(PortalAccount.fence).where(PortalAccount.id == row.account_id).with_for_update())
    if row.fence != fence or current != fence:
        raise Conflict(STALE, code="stale-fence")
    return row


def lease(work: Unit, lease_id: str) -> Lease:
    """Raises `NotFound`."""
    row = work.db.get(Lease, lease_id)
    if row is None:
        raise NotFound("There is no such tab.")
    return row


def live_session(work: Unit, account_id: str) -> PortalSession | None:
    """The account's one session that has not ended."""
    return work.db.scalar(
        select(PortalSession).where(PortalSession.account_id == account_id, PortalSession.state != SessionState.ENDED)
    )


def live_lease(work: Unit, session_id: str) -> Lease | None:
    """The session's one lease that has not ended."""
    return work.db.scalar(select(Lease).where(Lease.portal_session_id == session_id, Lease.ended_at.is_(None)))


def move_session(work: Unit, row: PortalSession, state: SessionState, words: str | None = None) -> None:
    """Change a session's state by the table and wake whoever watches. Raises `Conflict` for a change it rules out."""
    if not session_may_become(row.state, state):
        raise Conflict(
            f"A portal session that is {row.state.replace('_', ' ')} cannot become {state.replace('_', ' ')}."
        )
    row.state, row.state_at, row.words = state.value, work.clock.now(), words
    work.signal(f"session:{row.id}")
    work.signal("tiles")


def move_attempt(work: Unit, row: LoginAttempt, state: AttemptState) -> None:
    """Change an attempt's state by the table. Raises `Conflict` for a change it rules out."""
    if not attempt_may_become(row.state, state):
        raise Conflict(f"A sign-in that is {row.state} cannot become {state}.")
    row.state = state.value
    if state not in (AttemptState.CLAIMED, AttemptState.SUBMITTING):
        row.ended_at = work.clock.now()


def end_session(work: Unit, row: PortalSession, reason: str, words: str | None = None) -> None:
    """End a session and its lease; the host that owns it closes the browser when it looks."""
    if row.state == SessionState.ENDED:
        return
    holder = live_lease(work, row.id)
    if holder is not None:
        end_lease(work, holder, reason)
    move_session(work, row, SessionState.ENDED, words)
    row.ended_at, row.end_reason = work.clock.now(), reason[:40]
    parked = work.db.get(ParkedState, row.id)
    if parked is not None:
        work.db.delete(parked)
    audit.record(
        work,
        Act.SESSION_ENDED,
        "portal_session",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        outcome=reason,
        reason=words,
    )
    work.enqueue("end_session", row.id)


def park(work: Unit, row: PortalSession, sealed: bytes, words: str | None = None) -> None:
    """The session is asleep from here on; nobody holds it."""
    move_session(work, row, SessionState.PARKED, words)
    kept = work.db.get(ParkedState, row.id)
    if kept is not None:
        work.db.delete(kept)
        work.db.flush()
    work.db.add(ParkedState(portal_session_id=row.id, sealed=sealed, parked_at=work.clock.now(), size=len(sealed)))
    audit.record(
        work,
        Act.SESSION_PARKED,
        "portal_session",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        detail={"bytes": len(sealed)},
    )


def record_grant(work: Unit, row: Lease, session: PortalSession) -> None:
    """The holder may start."""
    audit.record(
        work,
        Act.TAB_GRANTED,
        "lease",
        row.id,
        account_id=session.account_id,
        location_id=row.location_id,
        detail={
            "holder": row.holder_id,
            "holder_kind": row.holder_kind,
            "holder_name": row.holder_name,
            "session": session.id,
        },
    )


def end_lease(work: Unit, row: Lease, reason: str) -> None:
    """The holder's right is over; a live stream stops."""
    row.ended_at, row.end_reason = work.clock.now(), reason[:40]
    session = portal_session(work, row.portal_session_id)
    session.active_at = work.clock.now()
    audit.record(
        work,
        Act.TAB_ENDED,
        "lease",
        row.id,
        account_id=session.account_id,
        location_id=row.location_id,
        outcome=reason,
        detail={"holder": row.holder_id, "session": session.id},
    )
    for channel in (f"lease:{row.id}", f"session:{session.id}", "tiles", "revoked"):
        work.signal(channel)


def debits(work: Unit, account_id: str) -> list[datetime]:
    """When tries were taken that have not been given back."""
    return list(
        work.db.scalars(
            select(LockoutDebit.debited_at).where(
                LockoutDebit.account_id == account_id, LockoutDebit.credited_at.is_(None)
            )
        )
    )


def reserve_try(work: Unit, row: LoginAttempt, behaviour: dict[str, Any]) -> None:
    """Take a try from the account's lockout budget. Raises `Conflict` when none is left."""
    budget, taken, now = Budget.of(behaviour), debits(work, row.account_id), work.clock.now()
    refused = codes.rejected(work, row.account_id, now - budget.window) if behaviour.get("wrong_code_limit") else ()
    if refused and codes_left(behaviour, len(refused)) == 0:
        raise Conflict(
            "Another wrong code could make the carrier lock this login. The next try is free "
            f"{min(refused) + budget.window:%Y-%m-%d %H:%M} UTC; sign in by hand to see what is wrong.",
            code="lockout-budget",
        )
    if budget.left(taken, now) == 0:
        free = budget.free_again(taken, now)
        raise Conflict(
            "Another try could make the carrier lock this login. The next is free "
            f"{free:%Y-%m-%d %H:%M} UTC; sign in by hand to see what is wrong.",
            code="lockout-budget",
        )
    work.db.add(
        LockoutDebit(id=new_id("deb"), account_id=row.account_id, attempt_id=row.id, debited_at=now, credited_at=None)
    )
    work.db.flush()


def credit_try(work: Unit, attempt_id: str) -> None:
    """Give the attempt's try back: the login was proved, or nothing was submitted."""
    work.db.execute(
        update(LockoutDebit)
        .where(LockoutDebit.attempt_id == attempt_id, LockoutDebit.credited_at.is_(None))
        .values(credited_at=work.clock.now())
    )


def holds_debit(work: Unit, attempt_id: str) -> bool:
    """Whether a try was taken for this attempt and not given back."""
    return bool(
        work.db.scalar(
            select(func.count()).where(LockoutDebit.attempt_id == attempt_id, LockoutDebit.credited_at.is_(None))
        )
    )


def close_attempt(
    work: Unit, row: LoginAttempt, state: AttemptState, outcome: str, evidence: str | None = None
) -> None:
    """An attempt's last word, with its audit entry; its code request, if still open, is withdrawn."""
    move_attempt(work, row, state)
    row.outcome, row.evidence = outcome, evidence
    codes.withdraw(work, row.id, outcome)
    audit.record(
        work,
        Act.ATTEMPT_ENDED,
        "login_attempt",
        row.id,
        account_id=row.account_id,
        location_id=row.portal_session.location_id,
        outcome=outcome,
        detail={"state": state.value, "evidence": evidence},
    )
