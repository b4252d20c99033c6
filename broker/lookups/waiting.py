"""What a queued lookup waits for, in one sentence and as a condition on rows: one order of reasons for both."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select

from broker.base.unit import Unit
from broker.lookups import turns
from broker.lookups.failures import failure
from broker.lookups.models import Lookup, LookupTurn, PortalPace
from broker.lookups.states import State
from broker.tabs.models import Lease, PortalSession
from broker.tabs.records import live_lease, live_session
from broker.tabs.states import SessionState

SIGNING_IN = (SessionState.REQUESTED, SessionState.SIGNING_IN, SessionState.REVIVING)
WAITING = ("queued", "waiting_session", "waiting_code")
"""What a queued lookup shows itself as."""


def reason(work: Unit, row: Lookup) -> tuple[str, str]:
    """(state, one sentence) of a queued lookup."""
    now = work.clock.now()
    if row.batch is not None and row.batch.paused_at is not None:
        return "queued", "Its batch is paused."
    if row.not_before > now:
        why = f" {failure(row.error).words}" if row.error else ""
        return "queued", f"Next try at {_clock(row, row.not_before)}.{why}"
    pace = work.db.get(PortalPace, row.portal_id)
    if pace is not None and pace.paused_until is not None and pace.paused_until > now:
        return "queued", f"The portal is left alone until {_clock(row, pace.paused_until)}. {pace.words or ''}".strip()
    session = live_session(work, row.account_id) if row.account_id else None
    if session is not None and session.state == SessionState.WAITING_CODE:
        return "waiting_code", session.words or "The portal asks for a code."
    if session is not None and session.state in SIGNING_IN:
        return "waiting_session", session.words or "Signing in."
    lease = live_lease(work, session.id) if session is not None else None
    if lease is not None and not turns.is_ours(lease):
        return "waiting_session", f"{lease.holder_name} works in this portal; lookups go on afterwards."
    turn = work.db.get(LookupTurn, row.account_id) if row.account_id else None
    if turn is not None and turn.not_before is not None and turn.not_before > now and turn.words:
        return "queued", f"Next try at {_clock(row, turn.not_before)}. {turn.words}"
    return "queued", "Waiting for its turn."


def _clock(row: Lookup, moment: datetime) -> str:
    """By the clock of the location; the day too when it is another than the one it was asked on."""
    local = moment.astimezone(ZoneInfo(row.location.time_zone))
    same = local.date() == row.created_at.astimezone(local.tzinfo).date()
    return f"{local:%H:%M %Z}" if same else f"{local:%Y-%m-%d %H:%M %Z}"


def shows_as(work: Unit, state: str) -> ColumnElement[bool]:
    """The rows whose `reason` begins with that state."""
    resting = exists().where(PortalPace.portal_id == Lookup.portal_id, PortalPace.paused_until > work.clock.now())
    ready = and_(turns.due(work), not_(resting))
    session = and_(PortalSession.account_id == Lookup.account_id, PortalSession.state != SessionState.ENDED)
    code = and_(ready, exists().where(session, PortalSession.state == SessionState.WAITING_CODE))
    ours = and_(Lease.holder_kind == turns.HOLDER.kind.value, Lease.holder_id == turns.HOLDER.id)
    taken = exists().where(Lease.portal_session_id == PortalSession.id, Lease.ended_at.is_(None), not_(ours))
    opening = select(PortalSession.id).where(
        session,
        PortalSession.state != SessionState.WAITING_CODE,
        or_(PortalSession.state.in_(SIGNING_IN), taken),
    )
    waits = and_(ready, opening.exists())
    if state == "waiting_code":
        return code
    if state == "waiting_session":
        return waits
    return and_(Lookup.state == State.QUEUED, not_(code), not_(waits))
