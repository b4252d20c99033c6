"""Ask, cancel, ask again. Decide by policy, record, then queue: the rest is the engine's."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Location, Portal, PortalAccount
from broker.identity.places import location_by_key
from broker.identity.policy import NOTHING_THERE, may, organization_of, require
from broker.lookups import records, turns
from broker.lookups.ask import LONGEST_AGE_S, Ask
from broker.lookups.askers import NEEDED
from broker.lookups.models import FAR, Lookup, LookupBatch, LookupResult
from broker.lookups.states import State
from broker.tabs.models import PortalSession
from broker.tabs.states import SessionState
from broker.vault.service import Vault

LONGEST_DEADLINE = timedelta(days=14)


@dataclass
class Known:
    """What was looked up and allowed already in this transaction: a batch's rows are alike."""

    places: dict[tuple[str, str], tuple[Portal, Location, PortalAccount | None]] = field(default_factory=dict)
    allowed: set[tuple[str, str, str]] = field(default_factory=set)


def submit(
    work: Unit,
    vault: Vault,
    ask: Ask,
    *,
    priority: int = 5,
    deadline: datetime | None = None,
    max_age_s: int | None = None,
    batch: LookupBatch | None = None,
    known: Known | None = None,
) -> Lookup:
    """Queue a lookup, answer it from a result not older than `max_age_s`, or record why it may not be run.

    Raises `NotFound` (portal, location), `Refused` (role), `Incomplete` (dates).
    """
    now = work.clock.now()
    ask.check_dates(now.date())
    if deadline is not None and not now < deadline <= now + LONGEST_DEADLINE:
        raise Incomplete("The deadline must lie within the next 14 days.")
    check_age(max_age_s)
    portal, location, account = _placed(work, ask, known or Known())
    subject = ask.subject()  # of the question as it came: a batch's rows are compared by it
    ask.check_provider(location.npi)
    ask.check_payer(portal.name, [carrier.name for carrier in portal.carriers])
    row = _row(work, vault, ask, subject, portal, location, account)
    row.priority, row.batch_id = priority, batch.id if batch else None
    row.deadline, row.due_by = deadline, deadline or FAR
    if batch is not None and batch.not_before is not None:
        row.not_before = batch.not_before
    work.db.add(row)
    work.db.flush()
    if batch is None:
        audit.record(
            work,
            Act.LOOKUP_REQUESTED,
            "lookup",
            row.id,
            account_id=row.account_id,
            location_id=row.location_id,
            detail={"kind": row.kind, "portal": portal.key},
        )
    _place(work, row, portal, max_age_s)
    return row


def check_age(max_age_s: int | None) -> None:
    """Raises `Incomplete` for an age that no kept result may have."""
    if max_age_s is not None and not 0 <= max_age_s <= LONGEST_AGE_S:
        raise Incomplete("max_age_s must lie between 0 and 30 days.")


def _placed(work: Unit, ask: Ask, known: Known) -> tuple[Portal, Location, PortalAccount | None]:
    """Portal, location and login, when the actor may ask there. Raises `NotFound`, `Refused`."""
    place, asks = (ask.portal, ask.location), (ask.kind, ask.portal, ask.location)
    if place not in known.places:
        location, portal = location_by_key(work, ask.location), directory.portal_by_key(work, ask.portal)
        known.places[place] = portal, location, account_for(work, portal, location)
    portal, location, account = known.places[place]
    if asks not in known.allowed:
        require(work, NEEDED[ask.kind], account=account, location=location)
        known.allowed.add(asks)
    return portal, location, account


def _place(work: Unit, row: Lookup, portal: Portal, max_age_s: int | None) -> None:
    """Where a new one goes: the queue, done at once, or nowhere."""
    if portal.status != "active" or portal.automation != "automated":
        records.end(work, row, State.BLOCKED, "policy_blocked")
    elif row.account_id is None:
        records.end(work, row, State.NEEDS_HUMAN, "no_account")
    elif max_age_s and (recent := _recent(work, row, timedelta(seconds=max_age_s))):
        row.result_id = recent.id
        records.end(work, row, State.DONE)
    elif row.batch_id is None:
        if not turns.served(work, row.account_id):
            work.enqueue("run_lookups", row.account_id)
        work.signal(f"lookups:{row.account_id}")


def _recent(work: Unit, row: Lookup, age: timedelta) -> LookupResult | None:
    return work.db.scalar(
        select(LookupResult)
        .where(
            LookupResult.organization_id == row.organization_id,
            LookupResult.subject == row.subject,
            LookupResult.captured_at >= row.not_before - age,
        )
        .order_by(LookupResult.captured_at.desc())
        .limit(1)
    )


def _row(
    work: Unit,
    vault: Vault,
    ask: Ask,
    subject: str,
    portal: Portal,
    location: Location,
    account: PortalAccount | None,
) -> Lookup:
    now, lookup_id = work.clock.now(), new_id("lkp")
    return Lookup(
        id=lookup_id,
        organization_id=location.organization_id,
        kind=ask.kind,
        portal_id=portal.id,
        portal=portal,
        location_id=location.id,
        location=location,
        account_id=account.id if account else None,
        account=account,
        requester_kind=work.actor.kind.value,
        requester_id=work.actor.id,
        requester_name=work.actor.name,
        subject=vault.digest(work, location.organization_id, f"lookup {subject}"),
        asked=records.seal(
            work,
            vault,
            location.organization_id,
            ("lookup", lookup_id),
            ask.model_dump(mode="json", exclude_defaults=True),
        ),
        state=State.QUEUED.value,
        state_at=now,
        created_at=now,
        not_before=now,
        deadline=None,
        ended_at=None,
    )


def account_for(work: Unit, portal: Portal, location: Location) -> PortalAccount | None:
    """The login to ask with: one that works before one that is parked, one that is signed in here before the others."""
    rows = [
        row
        for row in work.db.scalars(
            select(PortalAccount).where(PortalAccount.portal_id == portal.id).order_by(PortalAccount.id)
        )
        if location in row.locations
    ]
    if not rows:
        return None
    here = set(
        work.db.scalars(
            select(PortalSession.account_id).where(
                PortalSession.account_id.in_([row.id for row in rows]),
                PortalSession.state != SessionState.ENDED,
                PortalSession.location_id == location.id,
            )
        )
    )
    return min(rows, key=lambda row: (row.status != "active", row.id not in here, row.id))


def own(work: Unit, lookup_id: str) -> Lookup:
    """A lookup at one of the actor's places, of a kind he may ask. Others answer like unknown ones: raises `NotFound`."""
    row = work.db.get(Lookup, lookup_id)
    organization = organization_of(work)
    if row is None or organization not in (None, row.organization_id):
        raise NotFound(NOTHING_THERE)
    on_login = row.account is not None and may(work, NEEDED[row.kind], account=row.account, location=row.location)
    if not on_login:  # a grant for the login alone is enough
        require(work, NEEDED[row.kind], location=row.location)
    return row


def start_of(work: Unit, row: Lookup) -> datetime:
    """When a row may be asked again: now, or when its batch is to start."""
    planned = row.batch.not_before if row.batch is not None else None
    return max(work.clock.now(), planned) if planned else work.clock.now()


def cancel(work: Unit, lookup_id: str) -> Lookup:
    """Take it out of the queue. Raises `Conflict` when it runs or has ended: what the portal was asked was asked."""
    row = own(work, lookup_id)
    work.db.refresh(row, with_for_update=True)
    if row.state == State.CANCELLED:
        return row
    if row.state not in (State.QUEUED, State.NEEDS_HUMAN):
        raise Conflict(f"This lookup is {row.state.replace('_', ' ')}; it cannot be cancelled any more.")
    records.end(work, row, State.CANCELLED, "cancelled")
    return row


def again(work: Unit, lookup_id: str) -> Lookup:
    """A person has put right what was in the way. Raises `Conflict` for one that does not wait for a person."""
    row = own(work, lookup_id)
    work.db.refresh(row, with_for_update=True)
    if row.state != State.NEEDS_HUMAN:
        raise Conflict("This lookup does not wait for a person.")
    account = account_for(work, row.portal, row.location)
    if account is None:
        raise Conflict("Still no login covers this portal at this location. Add one under Accounts.")
    audit.record(
        work, Act.LOOKUP_AGAIN, "lookup", row.id, reason=row.error, account_id=account.id, location_id=row.location_id
    )
    row.account_id = account.id
    row.failures, row.runs, row.yielded = 0, 0, 0
    row.error, row.not_before = None, start_of(work, row)
    records.move(work, row, State.QUEUED)
    if row.batch is not None:
        row.batch.told_at = None
    records.clear_turn(work, account.id)
    work.enqueue("run_lookups", account.id)
    return row
