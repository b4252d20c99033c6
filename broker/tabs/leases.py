"""A holder's right to a portal session: ticket, join, extend, end; and the session's rest: park, wake, be lost."""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import ActorKind
from broker.base.db import changed
from broker.base.errors import Conflict, NotFound, Refused
from broker.base.settings import settings
from broker.base.unit import Unit
from broker.identity import service as identity
from broker.identity.policy import Permission, may
from broker.tabs import records
from broker.tabs.models import BrowserNode, Lease, ParkedState, StreamTicket
from broker.tabs.states import SessionState

TICKET_LIFE = timedelta(seconds=15)
OVER = "This tab has ended. Open the portal again."
LOCKED = "This tab is covered, because nothing was done in it for a while. Unlock it first."
BAD_TICKET = "This tab's address is used up. Reload the page."


def own_lease(work: Unit, lease_id: str) -> Lease:
    """The actor's own lease. Another's answers like an unknown one: raises `NotFound`."""
    row = records.lease(work, lease_id)
    if (row.holder_kind, row.holder_id) != (work.actor.kind.value, work.actor.id):
        raise NotFound("There is no such tab.")
    return row


def held_lease(work: Unit, lease_id: str) -> Lease:
    """The actor's own lease, where she may still be in it: asked before anything is done there.

    Raises `NotFound`, `Conflict` (`tab-ended`) when it is over, or her time or her right to this portal is.
    """
    row = own_lease(work, lease_id)
    if not _stands(work, row):
        raise Conflict(OVER, code="tab-ended")
    return row


def ticket(work: Unit, lease_id: str) -> str:
    """A one-time permission to open the stream within 15 s, for this sign-in and this lease."""
    row = held_lease(work, lease_id)
    if row.locked_at is not None:
        raise Conflict(LOCKED, code="tab-locked")
    return new_ticket(work, row.id)


def new_ticket(work: Unit, lease_id: str, watch_reason: str | None = None) -> str:
    """A ticket for the actor's sign-in: the holder's own, or with a reason to look on."""
    token, now = secrets.token_urlsafe(32), work.clock.now()
    work.db.add(
        StreamTicket(
            digest=_digest(token),
            lease_id=lease_id,
            login_id=work.actor.login_id or "",
            watch_reason=watch_reason,
            created_at=now,
            expires_at=now + TICKET_LIFE,
            used_at=None,
        )
    )
    return token


def use_ticket(work: Unit, token: str, lease_id: str, *, watching: bool) -> None:
    """Once. Raises `Refused` when it is unknown, used, late, of the other kind, or another sign-in's or lease's."""
    now = work.clock.now()
    taken = work.db.execute(
        update(StreamTicket)
        .where(
            StreamTicket.digest == _digest(token),
            StreamTicket.lease_id == lease_id,
            StreamTicket.login_id == (work.actor.login_id or ""),
            StreamTicket.watch_reason.is_not(None) if watching else StreamTicket.watch_reason.is_(None),
            StreamTicket.used_at.is_(None),
            StreamTicket.expires_at > now,
        )
        .values(used_at=now)
    )
    if changed(taken) == 0:
        raise Refused(BAD_TICKET, code="ticket")


def join(work: Unit, token: str, lease_id: str) -> Lease:
    """Use a ticket. Raises `Refused` when it is unknown, used, late, or another sign-in's or lease's."""
    use_ticket(work, token, lease_id, watching=False)
    row = own_lease(work, lease_id)
    if row.granted_at is None or not _stands(work, row):
        raise Refused("This tab is not ready or has ended.", code="tab-ended")
    if row.locked_at is not None:
        raise Refused(LOCKED, code="tab-locked")
    session = records.portal_session(work, row.portal_session_id)
    session.active_at = work.clock.now()
    audit.record(work, Act.STREAM_JOINED, "lease", row.id, account_id=session.account_id, location_id=row.location_id)
    return row


def refused_stream(work: Unit, lease_id: str, why: str) -> None:
    """Keep a refused stream in the log (a unit of its own: the refused one is rolled back)."""
    audit.record(work, Act.STREAM_REFUSED, "lease", lease_id[:60], outcome="refused", reason=why)


def left(work: Unit, lease_id: str) -> None:
    """The viewer is gone; the lease stays hers until it ends or runs out."""
    row = records.lease(work, lease_id)
    session = records.portal_session(work, row.portal_session_id)
    audit.record(work, Act.STREAM_LEFT, "lease", row.id, account_id=session.account_id, location_id=row.location_id)


def holds(work: Unit, lease_id: str) -> bool:
    """Whether the lease is alive and its holder may still be there: asked every second while a stream runs."""
    row = work.db.get(Lease, lease_id)
    if work.actor.kind is ActorKind.USER and not identity.still_counts(work, work.actor.login_id or ""):
        return False
    return row is not None and _stands(work, row)


def _stands(work: Unit, row: Lease) -> bool:
    """The lease, its time, its session and the actor's right, all of them."""
    if row.ended_at is not None or row.expires_at <= work.clock.now():
        return False
    session = records.portal_session(work, row.portal_session_id)
    if session.state == SessionState.ENDED:
        return False
    return may(work, Permission.TAB_OPEN, account=session.account, location=session.location)


def extend(work: Unit, lease_id: str) -> Lease:
    """Another hour (or what the setting says). Raises `NotFound`, `Conflict` when it has ended."""
    row = held_lease(work, lease_id)
    row.expires_at = work.clock.now() + timedelta(seconds=settings().lease_s)
    session = records.portal_session(work, row.portal_session_id)
    audit.record(work, Act.TAB_EXTENDED, "lease", row.id, account_id=session.account_id, location_id=row.location_id)
    work.signal(f"lease:{row.id}")
    return row


def end_tab(work: Unit, lease_id: str) -> None:
    """Give the session back: it stays signed in for the next one. The holder may, and whoever may end any tab."""
    row = records.lease(work, lease_id)
    session = records.portal_session(work, row.portal_session_id)
    mine = (row.holder_kind, row.holder_id) == (work.actor.kind.value, work.actor.id)
    if not mine and not may(work, Permission.TAB_END_ANY, account=session.account, location=session.location):
        raise NotFound("There is no such tab.")
    if row.ended_at is None:
        records.end_lease(work, row, "given_back" if mine else "ended_by_other")
    if session.state == SessionState.REQUESTED:
        records.end_session(work, session, "withdrawn", "Nobody waits for it any more.")


def sign_out(work: Unit, lease_id: str) -> None:
    """End the tab and the portal session behind it. Of a tab that is over already, the session is somebody else's by now."""
    row = records.lease(work, lease_id)
    over = row.ended_at is not None
    end_tab(work, lease_id)
    session = records.portal_session(work, row.portal_session_id)
    if not over and session.state in (SessionState.READY, SessionState.PARKED):
        records.end_session(work, session, "signed_out_by_holder")


def proved(work: Unit, session_id: str) -> None:
    """The portal just showed again that it is signed in for the right practice."""
    row = records.portal_session(work, session_id)
    row.proved_at = work.clock.now()


def lost(work: Unit, session_id: str, reason: str, words: str) -> None:
    """The browser or the sign-in is gone."""
    row = records.portal_session(work, session_id)
    records.end_session(work, row, reason, words)


def logged_out(work: Unit, session_id: str, outcome: str) -> None:
    """The script logged out at the portal after the session had ended here; `outcome` is what the portal showed."""
    row = records.portal_session(work, session_id)
    audit.record(
        work,
        Act.SESSION_LOGGED_OUT,
        "portal_session",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        outcome=outcome,
    )


def park(work: Unit, session_id: str, sealed: bytes) -> None:
    """Keep an idle session as sealed browser state. Raises `Conflict` when someone holds it."""
    row = records.portal_session(work, session_id)
    if records.live_lease(work, row.id) is not None:
        raise Conflict("Someone works in this session.", code="in-use")
    records.park(work, row, sealed)


def parked_state(work: Unit, session_id: str) -> bytes | None:
    """The sealed state of a parked session; it is used once."""
    kept = work.db.get(ParkedState, session_id)
    if kept is None:
        return None
    sealed = kept.sealed
    work.db.delete(kept)
    return sealed


def node_beat(work: Unit, name: str, *, sessions: int, shards: int, sandbox: str, browser: str) -> None:
    """A browser host's sign of life."""
    row = work.db.get(BrowserNode, name)
    if row is None:
        row = BrowserNode(name=name, beat_at=work.clock.now(), sessions=0, shards=0, sandbox="", browser="")
        work.db.add(row)
    row.beat_at, row.sessions, row.shards, row.sandbox, row.browser = (
        work.clock.now(),
        sessions,
        shards,
        sandbox,
        browser,
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
