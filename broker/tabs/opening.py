"""Open a tab: decide, record, and either hand over a warm session at once or reserve a sign-in."""

from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.errors import ByHand, Conflict, Incomplete, NotFound, Refused
from broker.base.ids import new_id
from broker.base.settings import settings
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.directory import service as directory
from broker.directory.models import Location, PortalAccount
from broker.identity.policy import Permission, require
from broker.tabs import records
from broker.tabs.models import Lease, LoginAttempt, ParkedState, PortalSession
from broker.tabs.states import SessionState

PURPOSE_CHARACTERS = 200
RACE = "Someone else opened this portal at the same moment. Look at the tile: it says who."


def open_tab(work: Unit, account_id: str, location_id: str, purpose: str, asker: Actor | None = None) -> Lease:
    """A lease on the account's portal session for this location.

    Warm session: granted at once. Otherwise the sign-in is reserved (with its try of the lockout budget) and a worker
    is told. The same holder asking again gets the lease she has. `asker`: for whom Portunus itself opens it. Raises `NotFound`,
    `Refused` (role or policy), `Conflict` (in use, parked, out of tries, just taken, no way for its code), `Incomplete`
    (no purpose).
    """
    account = directory.account_by_id(work, account_id)
    location = work.db.get(Location, location_id)
    if location is None:
        raise NotFound("There is no such location.")
    require(work, Permission.TAB_OPEN, account=account, location=location)
    purpose = purpose.strip()[:PURPOSE_CHARACTERS]
    if not purpose:
        raise Incomplete("Say what you open the portal for.")
    respect_policy(account)
    work.db.refresh(account, with_for_update=True)  # two people at the same instant: one goes first
    try:
        return _open(work, account, location, purpose, asker or work.actor)
    except IntegrityError as race:
        raise Conflict(RACE, code="just-taken") from race


def respect_policy(account: PortalAccount) -> None:
    """Raises `Refused` for a portal that is switched off, `ByHand` for one that people must sign in to themselves."""
    if account.portal.status != "active":
        raise Refused(f"{account.portal.name} is switched off in Portunus.", code="portal-off")
    if account.portal.automation == "attended":
        raise ByHand(
            f"{account.portal.name} does not allow automated sign-in. Sign in there yourself, in your own browser.",
            address=account.portal.start_url,
            provider_line=account.portal.provider_line,
        )


def _open(work: Unit, account: PortalAccount, location: Location, purpose: str, asker: Actor) -> Lease:
    session = records.live_session(work, account.id)
    if session is not None:
        held = records.live_lease(work, session.id)
        if held is not None and _gives_way(work, held):
            records.end_lease(work, held, "preempted")
            work.db.flush()
        elif held is not None:
            return _of_holder(work, held, location)
        if session.location_id == location.id and session.state == SessionState.READY:
            return _grant_now(work, session, location, purpose, asker)
        if session.location_id == location.id and session.state == SessionState.PARKED:
            return _reserve(work, account, session, location, purpose, asker, kind="revive")
        if session.state in (SessionState.READY, SessionState.PARKED):
            records.end_session(work, session, "other_location", "Signed in for another location.")
        elif session.location_id == location.id:
            return _lease(work, session, location, purpose, asker)  # a sign-in is under way: wait for it
        else:
            raise Conflict("This login is signing in for another location. Try again in a minute.", code="in-use")
    _refuse_parked(account)
    codes.refuse_without(work, account, location.id)
    work.db.flush()
    fresh = PortalSession(
        id=new_id("ses"),
        account_id=account.id,
        account=account,
        location_id=location.id,
        location=location,
        state=SessionState.REQUESTED.value,
        state_at=work.clock.now(),
        words="Waiting for a browser.",
        created_at=work.clock.now(),
    )
    work.db.add(fresh)
    work.db.flush()
    return _reserve(work, account, fresh, location, purpose, asker, kind="login")


def _gives_way(work: Unit, held: Lease) -> bool:
    """Portunus's own work in a portal (lookups) gives way to whoever comes."""
    return held.holder_kind == ActorKind.SYSTEM and work.actor.kind is not ActorKind.SYSTEM


def _refuse_parked(account: PortalAccount) -> None:
    if account.status != "active":
        raise Conflict(
            account.status_words or f"This login is {account.status.replace('_', ' ')}. Its owner must release it.",
            code="account-parked",
        )


def _of_holder(work: Unit, held: Lease, location: Location) -> Lease:
    mine = held.holder_kind == work.actor.kind.value and held.holder_id == work.actor.id
    if mine and held.location_id == location.id:
        return held
    if mine:
        raise Conflict("You have this login open for another location. End that tab first.", code="in-use")
    raise Conflict(
        f"{held.holder_name} has this portal open since {held.created_at:%H:%M} UTC. Ask for it, or wait.",
        code="in-use",
    )


def _grant_now(work: Unit, session: PortalSession, location: Location, purpose: str, asker: Actor) -> Lease:
    row = _lease(work, session, location, purpose, asker)
    row.granted_at = session.active_at = work.clock.now()
    records.record_grant(work, row, session)
    return row


def _reserve(
    work: Unit,
    account: PortalAccount,
    session: PortalSession,
    location: Location,
    purpose: str,
    asker: Actor,
    *,
    kind: str,
) -> Lease:
    _refuse_parked(account)
    attempt = LoginAttempt(
        id=new_id("att"),
        account_id=account.id,
        portal_session_id=session.id,
        portal_session=session,
        kind=kind,
        requester_kind=asker.kind.value,
        requester_id=asker.id,
        state="reserved",
        created_at=work.clock.now(),
    )
    work.db.add(attempt)
    work.db.flush()
    if kind == "login":
        records.reserve_try(work, attempt, directory.behaviour(work, account.portal))
    row = _lease(work, session, location, purpose, asker)
    if kind == "revive":
        records.move_session(work, session, SessionState.REVIVING, "Waking up.")
        assert work.db.get(ParkedState, session.id) is not None
    work.enqueue("open_tab", attempt.id)
    return row


def _lease(work: Unit, session: PortalSession, location: Location, purpose: str, asker: Actor) -> Lease:
    now = work.clock.now()
    row = Lease(
        id=new_id("lea"),
        portal_session_id=session.id,
        portal_session=session,
        holder_kind=work.actor.kind.value,
        holder_id=work.actor.id,
        holder_name=work.actor.name,
        location_id=location.id,
        purpose=purpose,
        created_at=now,
        expires_at=now + timedelta(seconds=settings().lease_s),
    )
    work.db.add(row)
    work.db.flush()
    audit.record(
        work,
        Act.TAB_REQUESTED,
        "lease",
        row.id,
        account_id=session.account_id,
        location_id=location.id,
        detail={
            "purpose": purpose,
            "session": session.id,
            "for": asker.id,
            "for_kind": asker.kind.value,
            "for_name": asker.name,
        },
    )
    work.signal("tiles")
    return row
