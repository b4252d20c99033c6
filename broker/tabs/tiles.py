"""The launcher's tiles: every portal account at every location the actor may open, its state, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, text
from sqlalchemy.orm import joinedload, selectinload

from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.directory.models import Location, Portal, PortalAccount, account_location
from broker.identity.policy import Permission, Reach, reach
from broker.scripts import service as scripts
from broker.scripts.service import Downtime
from broker.tabs.models import LIVE_SESSION, Lease, LoginAttempt, PortalSession
from broker.tabs.states import LIVE_ATTEMPTS, SessionState

REMEMBERED = timedelta(days=1)
"""For how long a sign-in that failed is shown: what failed yesterday may work today."""


@dataclass(frozen=True)
class Tile:
    """One portal account at one location, as the launcher shows it."""

    account_id: str
    location_id: str
    location_key: str
    location_name: str
    portal_key: str
    portal_name: str
    carrier_names: tuple[str, ...]
    location_town: str
    login_tail: str
    login_label: str
    """What people call this login, or the ends of its username."""
    state: str
    """cold, signing_in, needs_code, warm, parked, yours, in_use, stopped, failed, down, attended, off"""
    words: str
    """What to do next."""
    stopped_by: str | None = None
    """What stopped this login: locked, wrong_password, password_expired, …"""
    down_since: datetime | None = None
    """Since when the portal was found down; empty when it worked when it was last seen."""
    deadline: datetime | None = None
    """Until when a code is good, or the tab is yours."""
    lease_id: str | None = None
    provider_line: str | None = None
    address: str | None = None
    """Where a person signs in herself, at a portal that allows no program (attended)."""


@dataclass(frozen=True)
class _Known:
    """What all tiles need, asked once: a launcher of thirty offices has hundreds of tiles and looks every two seconds."""

    sessions: dict[str, PortalSession]
    """The live portal session of an account."""
    leases: dict[str, Lease]
    """The live lease of a portal session."""
    last: dict[tuple[str, str], PortalSession]
    """Of the last day, the newest session of an account at a location."""
    down: dict[str, Downtime]
    """The portals that were down when they were last seen, by key."""


def tiles(work: Unit) -> list[Tile]:
    """Sorted by location, then portal."""
    where = reach(work, Permission.TAB_OPEN)
    if not where:
        return []
    accounts = _accounts(work, where)
    known = _known(work, {account.portal.key for account in accounts})
    made = [
        _tile(work, account, location, known)
        for account in accounts
        for location in account.locations
        if where.covers(account_id=account.id, location_id=location.id)
    ]
    return sorted(made, key=lambda tile: (tile.location_name, tile.portal_name, tile.login_label))


def _accounts(work: Unit, where: Reach) -> Sequence[PortalAccount]:
    query = select(PortalAccount).options(
        selectinload(PortalAccount.locations), selectinload(PortalAccount.portal).selectinload(Portal.carriers)
    )
    if not where.everywhere:
        at_places = select(account_location.c.account_id).where(account_location.c.location_id.in_(where.location_ids))
        query = query.where(or_(PortalAccount.id.in_(at_places), PortalAccount.id.in_(where.account_ids)))
    return work.db.scalars(query).all()


def _known(work: Unit, portal_keys: set[str]) -> _Known:
    live = select(PortalSession).options(joinedload(PortalSession.location))
    sessions = work.db.scalars(live.where(text(f"portal_session.{LIVE_SESSION}"))).all()  # as its partial index says it
    leases = work.db.scalars(select(Lease).where(Lease.ended_at.is_(None))).all()
    recent = select(PortalSession).where(PortalSession.created_at > work.clock.now() - REMEMBERED)
    return _Known(
        sessions={row.account_id: row for row in sessions},
        leases={row.portal_session_id: row for row in leases},
        last={
            (row.account_id, row.location_id): row for row in work.db.scalars(recent.order_by(PortalSession.created_at))
        },
        down={one.portal_key: one for one in scripts.downtimes(work, portal_keys)},
    )


def _tile(work: Unit, account: PortalAccount, location: Location, known: _Known) -> Tile:
    state, words, deadline, lease_id = _state(work, account, location, known)
    portal = account.portal
    down = known.down.get(portal.key)
    if down is not None and state not in ("down", "attended", "off"):
        words = f"{words} The portal was down at {down.seen_at:%H:%M} UTC."
    return Tile(
        account_id=account.id,
        location_id=location.id,
        location_key=location.key,
        location_name=location.name,
        portal_key=portal.key,
        portal_name=portal.name,
        carrier_names=tuple(carrier.name for carrier in portal.carriers),
        location_town=location.city,
        login_tail="…" + account.username[-3:],
        login_label=account.label or f"login {_ends(account.username)}",
        state=state,
        words=words,
        stopped_by=account.status if state == "stopped" else None,
        down_since=down.since if down else None,
        deadline=deadline,
        lease_id=lease_id,
        provider_line=portal.provider_line,
        address=portal.start_url if state == "attended" else None,
    )


def _ends(username: str) -> str:
    """Enough of a username to tell it from its neighbours, not to sign in with."""
    return f"{username[:3]}…{username[-3:]}" if len(username) > 8 else "…" + username[-3:]


Said = tuple[str, str, datetime | None, str | None]


def _state(work: Unit, account: PortalAccount, location: Location, known: _Known) -> Said:
    session = known.sessions.get(account.id)
    if account.portal.status != "active":
        return "off", "Switched off by an administrator.", None, None
    if account.portal.automation == "attended":
        return "attended", "This portal allows no program: sign in there yourself.", None, None
    if session is None:
        down = known.down.get(account.portal.key)
        return _without_session(account, known.last.get((account.id, location.id)), down)
    here = session.location_id == location.id
    lease = known.leases.get(session.id)
    if lease is not None:
        mine = (lease.holder_kind, lease.holder_id) == (work.actor.kind.value, work.actor.id)
        if mine and not here:
            return "in_use", f"You have this login open for {session.location.name}. End that tab first.", None, None
        if not mine:
            return "in_use", f"{lease.holder_name} has it open since {lease.created_at:%H:%M} UTC.", None, None
        if lease.granted_at is not None:
            return "yours", handed_words(work, lease) or "Open. Enter goes back to it.", lease.expires_at, lease.id
    lease_id = lease.id if lease else None
    if session.state == SessionState.WAITING_CODE:
        return "needs_code", *_waiting(work, session), lease_id
    if session.state in (SessionState.REQUESTED, SessionState.SIGNING_IN, SessionState.REVIVING):
        return "signing_in", session.words or "Signing in.", None, lease_id
    if not here:
        return "cold", f"Signed in for {session.location.name}; opening it here signs in again.", None, None
    if session.state == SessionState.PARKED:
        return "parked", "Asleep, signed in. Enter wakes it.", None, None
    return "warm", "Signed in. Enter opens it at once.", None, None


def _without_session(account: PortalAccount, last: PortalSession | None, down: Downtime | None) -> Said:
    if account.status != "active":
        return "stopped", account.status_words or "A person must look after this login.", None, None
    if down is not None:
        return "down", f"Since {down.since:%H:%M} UTC. Meanwhile: {down.steps[0]}", None, None
    if last is not None and last.end_reason == "down" and last.ended_at is not None:
        return "cold", f"Enter signs in. The portal was down at {last.ended_at:%H:%M} UTC.", None, None
    if last is not None and last.words and last.end_reason not in (None, "given_back", "other_location", "withdrawn"):
        return "failed", last.words, None, None
    return "cold", "Enter signs in.", None, None


def _waiting(work: Unit, session: PortalSession) -> tuple[str, datetime | None]:
    """What to say while a code is waited for: what is in its way, what the code desk said; and until when it is good."""
    request = code_request(work, session)
    words = session.words or "Waiting for a code."
    if request is None:
        return words, None
    noticed = codes.notice(work, request)
    told = [words, noticed.words if noticed else "", codes.declined(work, request.id)]
    return " ".join(part for part in told if part), request.deadline


def code_request(work: Unit, session: PortalSession) -> CodeRequest | None:
    """The request for which this sign-in waits now."""
    return work.db.scalar(
        select(CodeRequest)
        .where(CodeRequest.account_id == session.account_id, CodeRequest.state.in_(codes.OPEN))
        .order_by(CodeRequest.id.desc())
        .limit(1)
    )


def opening(work: Unit, lease: Lease) -> tuple[str, str, datetime | None]:
    """Where the tab of this lease is: (state, words, code deadline) for the page that waits for it."""
    session = lease.portal_session
    if lease.ended_at is not None:
        return (
            "ended",
            _passed_words(work, lease)
            or ENDED_WORDS.get(lease.end_reason or "")
            or session.words  # the session may have had other holders since
            or "This tab has ended.",
            None,
        )
    if lease.granted_at is not None:
        return "ready", "Signed in.", lease.expires_at
    attempt = work.db.scalar(
        select(LoginAttempt).where(
            LoginAttempt.portal_session_id == session.id,
            LoginAttempt.state.in_([state.value for state in LIVE_ATTEMPTS]),
        )
    )
    if session.state == SessionState.WAITING_CODE:
        return "needs_code", *_waiting(work, session)
    return "signing_in", session.words or ("Signing in." if attempt else "Waiting for a browser."), None


def handed_words(work: Unit, lease: Lease) -> str:
    """Who gave this tab to its holder, and what she said; empty when nobody did."""
    before = work.db.get(Lease, lease.continues_id) if lease.continues_id else None
    if before is None or before.end_reason != "handed_over":
        return ""
    return f"{before.holder_name} handed it to you" + (f": {lease.note}" if lease.note else ".")


def _passed_words(work: Unit, lease: Lease) -> str:
    """Who goes on with a tab that somebody else has now."""
    if lease.end_reason not in ("taken_over", "handed_over"):
        return ""
    after = work.db.scalar(select(Lease).where(Lease.continues_id == lease.id))
    if after is None:
        return ""
    if lease.end_reason == "handed_over":
        return f"You handed this tab to {after.holder_name}."
    return f"{after.holder_name} took this tab over" + (f": {after.note}" if after.note else ".")


ENDED_WORDS = {
    "given_back": "You ended this tab. The portal stays signed in for the next one.",
    "ended_by_other": "A supervisor or an administrator ended this tab.",
    "expired": "The time for this tab is over. Open it again to go on.",
    "signed_out_by_holder": "You signed out of the portal.",
}
