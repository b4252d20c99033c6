"""Whoever answers for others: looks on while a colleague works, takes a tab over, ends it; a holder hands hers over.

There is one holder at a time. Who looks on sends nothing to the portal; who takes over ends the other's lease first.
A tab that is passed on stays as it stands, with a new lease and a new recording in the next holder's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import ActorKind
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.base.ids import new_id
from broker.base.settings import settings
from broker.base.unit import Unit
from broker.identity import service as identity
from broker.identity.models import User
from broker.identity.policy import Permission, may, reach, reach_of, require
from broker.tabs import leases, locking, opening, records
from broker.tabs.models import Lease, PortalSession
from broker.tabs.states import SessionState

REASON_CHARACTERS = 5
NOTE_CHARACTERS = 300
NO_TAB = "There is no such tab, or it has ended."


@dataclass(frozen=True)
class OpenTab:
    """A colleague's tab, and what the actor may do about it."""

    lease_id: str
    holder_name: str
    portal_name: str
    location_name: str
    purpose: str
    since: datetime
    expires_at: datetime
    ready: bool
    """Whether the portal is signed in; before that there is nothing to look at."""
    may_watch: bool
    may_take_over: bool
    may_end: bool


def open_tabs(work: Unit) -> list[OpenTab]:
    """Tabs that other people hold now where the actor may look on, take over or end; the oldest first."""
    watch, take, end = (
        reach(work, one) for one in (Permission.TAB_WATCH, Permission.TAB_TAKE_OVER, Permission.TAB_END_ANY)
    )
    rows = work.db.scalars(
        select(Lease)
        .options(joinedload(Lease.portal_session).joinedload(PortalSession.account))
        .where(Lease.ended_at.is_(None), Lease.holder_kind == ActorKind.USER.value, Lease.holder_id != work.actor.id)
        .order_by(Lease.created_at)
    )
    found = []
    for row in rows:
        session = row.portal_session
        can = [
            one.covers(account_id=session.account_id, location_id=row.location_id) and row.expires_at > work.clock.now()
            for one in (watch, take, end)
        ]
        if any(can):
            found.append(
                OpenTab(
                    lease_id=row.id,
                    holder_name=row.holder_name,
                    portal_name=session.account.portal.name,
                    location_name=session.location.name,
                    purpose=row.purpose,
                    since=row.created_at,
                    expires_at=row.expires_at,
                    ready=row.granted_at is not None,
                    may_watch=can[0],
                    may_take_over=can[1],
                    may_end=can[2],
                )
            )
    return found


# --- looking on


def may_watch(work: Unit, lease_id: str) -> Lease:
    """A colleague's running tab that the actor may look at. Raises `NotFound` (also for one's own), `Refused`."""
    return _others(work, lease_id, Permission.TAB_WATCH)[0]


def watch_ticket(work: Unit, lease_id: str, reason: str) -> str:
    """A one-time permission to look on within 15 s, for a reason that goes into the log. Raises also `Incomplete`."""
    row, session = _others(work, lease_id, Permission.TAB_WATCH)
    reason = _said(reason, "Say in a few words why you watch this tab; your colleague and the audit log are told.")
    _record(work, Act.WATCH_ASKED, row, session, reason=reason)
    return leases.new_ticket(work, row.id, watch_reason=reason)


def join_watch(work: Unit, token: str, lease_id: str) -> Lease:
    """Use a ticket to look on. Raises `Refused`, `NotFound`."""
    leases.use_ticket(work, token, lease_id, watching=True)
    row, session = _others(work, lease_id, Permission.TAB_WATCH)
    _record(work, Act.WATCH_JOINED, row, session)
    return row


def watch_left(work: Unit, lease_id: str) -> None:
    """The one who looked on is gone."""
    row = records.lease(work, lease_id)
    _record(work, Act.WATCH_LEFT, row, records.portal_session(work, row.portal_session_id))


def watches(work: Unit, lease_id: str) -> bool:
    """Whether the actor may still look on: asked every second while she does."""
    if work.actor.kind is ActorKind.USER and not identity.still_counts(work, work.actor.login_id or ""):
        return False
    row = work.db.get(Lease, lease_id)
    if row is None or row.ended_at is not None or row.expires_at <= work.clock.now():
        return False
    session = records.portal_session(work, row.portal_session_id)
    return session.state != SessionState.ENDED and may(
        work, Permission.TAB_WATCH, account=session.account, location=session.location
    )


# --- another holder


def take_over(work: Unit, lease_id: str, reason: str) -> Lease:
    """The tab as it stands, for the actor; its holder is told who has it and why.

    Raises `NotFound`, `Refused`, `Incomplete` (no reason), `Conflict` (still signing in, or somebody was quicker).
    """
    row, session = _others(work, lease_id, Permission.TAB_TAKE_OVER)
    require(work, Permission.TAB_OPEN, account=session.account, location=session.location)
    reason = _said(reason, "Say in a few words why you take this tab over; your colleague and the audit log are told.")
    _record(work, Act.TAB_TAKEN_OVER, row, session, reason=reason)
    return _passed_on(work, row, session, "taken_over", (work.actor.id, work.actor.name), reason)


def colleagues(work: Unit, lease_id: str) -> list[tuple[str, str]]:
    """(id, name) of the people who may open this portal there: to whom the holder can hand her tab."""
    row = leases.own_lease(work, lease_id)
    session = records.portal_session(work, row.portal_session_id)
    return [(user.id, user.name) for user in _people(work, session) if _may_hold(work, user.id, session)]


def hand_over(work: Unit, lease_id: str, user_id: str, note: str) -> Lease:
    """The actor's own tab as it stands, for a colleague, with a note to her.

    Raises `NotFound`, `Refused` (the actor may not, or the colleague may not open it), `Conflict`.
    """
    row = locking.uncovered(work, lease_id)
    session = records.portal_session(work, row.portal_session_id)
    require(work, Permission.TAB_HAND_OVER, account=session.account, location=session.location)
    user = next((one for one in _people(work, session) if one.id == user_id), None)
    if user is None or not _may_hold(work, user_id, session):
        raise Refused("Choose a colleague who may open this portal at this location.", code="no-such-colleague")
    note = note.strip()[:NOTE_CHARACTERS]
    _record(work, Act.TAB_HANDED_OVER, row, session, to=user_id, with_note=bool(note))  # it may name a patient
    return _passed_on(work, row, session, "handed_over", (user.id, user.name), note)


def stop_tab(work: Unit, lease_id: str) -> None:
    """End a colleague's tab; the portal stays signed in. Raises `NotFound`."""
    leases.end_tab(work, lease_id)


def _passed_on(work: Unit, row: Lease, session: PortalSession, how: str, holder: tuple[str, str], note: str) -> Lease:
    opening.respect_policy(session.account)
    work.db.refresh(session.account, with_for_update=True)  # two people at the same instant: one goes first
    work.db.refresh(row)
    if row.ended_at is not None or session.state != SessionState.READY or row.granted_at is None:
        raise Conflict("This tab is still signing in, or it has ended. Try again in a moment.", code="not-ready")
    records.end_lease(work, row, how)
    work.db.flush()
    now = work.clock.now()
    after = Lease(
        id=new_id("lea"),
        portal_session_id=session.id,
        portal_session=session,
        holder_kind=ActorKind.USER.value,
        holder_id=holder[0],
        holder_name=holder[1],
        location_id=row.location_id,
        purpose=row.purpose,
        created_at=now,
        granted_at=now,
        expires_at=now + timedelta(seconds=settings().lease_s),
        continues_id=row.id,
        note=note or None,
    )
    try:
        work.db.add(after)
        work.db.flush()
    except IntegrityError as race:
        raise Conflict(opening.RACE, code="just-taken") from race
    records.record_grant(work, after, session)
    work.signal("tiles")
    return after


def _others(work: Unit, lease_id: str, permission: Permission) -> tuple[Lease, PortalSession]:
    """A running tab of somebody else, which the actor may do this to. Another practice's answers like an unknown one."""
    row = work.db.get(Lease, lease_id)
    now = work.clock.now()
    if row is None or row.ended_at is not None or row.expires_at <= now or row.holder_kind != ActorKind.USER.value:
        raise NotFound(NO_TAB)
    session = records.portal_session(work, row.portal_session_id)
    require(work, permission, account=session.account, location=session.location)
    if row.holder_id == work.actor.id:
        raise NotFound("This tab is yours.")
    return row, session


def _people(work: Unit, session: PortalSession) -> Sequence[User]:
    query = select(User).where(
        User.organization_id == session.account.organization_id, User.status == "active", User.id != work.actor.id
    )
    return work.db.scalars(query.order_by(User.name)).all()


def _may_hold(work: Unit, user_id: str, session: PortalSession) -> bool:
    where = reach_of(work, user_id, Permission.TAB_OPEN)
    return where.covers(account_id=session.account_id, location_id=session.location_id)


def _said(reason: str, otherwise: str) -> str:
    if len(reason.strip()) < REASON_CHARACTERS:
        raise Incomplete(otherwise)
    return reason.strip()[:NOTE_CHARACTERS]


def _record(work: Unit, act: Act, row: Lease, session: PortalSession, reason: str | None = None, **more: Any) -> None:
    audit.record(
        work,
        act,
        "lease",
        row.id,
        account_id=session.account_id,
        location_id=row.location_id,
        reason=reason,
        detail={"holder": row.holder_id, **more},
    )
