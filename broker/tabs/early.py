"""Early sign-ins: a login signs in by itself before the office comes in, so that what is broken is known before anybody needs it.

The session is left warm and held by nobody. Like lookups it has a lease in Portunus's own name, which a person who opens the portal
takes from it. It costs a code and risks a try, so it is off until an administrator sets a time, and people's tries are left to them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, system
from broker.base.db import changed
from broker.base.errors import BrokerError, Conflict, Incomplete
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.way_in import method_of, trouble
from broker.directory import service as directory
from broker.directory.models import Location, Portal, PortalAccount
from broker.identity.policy import Permission, organization_of, require
from broker.tabs import attempts, opening, records
from broker.tabs.budget import Budget, codes_left
from broker.tabs.models import EarlySignIn, Lease

HOLDER: Actor = system("early sign-in")
"""Who holds the lease."""
PURPOSE = "Early sign-in"
LATE = timedelta(minutes=60)
"""What is later than this is not made up for: a machine that was off at night must not sign in at noon."""
APART = timedelta(minutes=3)
"""Between two logins of one portal."""
LEFT_TO_PEOPLE = 2
"""Tries that remain after an early sign-in that fails."""
BY_ITSELF = ("email", "sms", "totp")
"""Channels whose codes no person has to see, hear or fetch."""
PERSONS = {
    "voice": "comes by a call",
    "recovery": "is one of the recovery codes, which are used up",
    "provider_line": "takes a call to the provider line",
    "push": "is a push to somebody's telephone",
    "passkey": "takes somebody's passkey",
}
FIRST_FREE_DAY = 5
"""Saturday."""
TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
COUNTED = ("no try is", "only one try is", "only two tries are")


@dataclass(frozen=True)
class Early:
    """One login's early sign-ins, as pages and JSON show them."""

    portal: str
    login: str
    location: str
    location_key: str
    at: str
    """`07:15` by the location's clock; empty: switched off."""
    next_at: datetime | None
    last: str
    """How it went last, in a sentence; empty before the first."""
    bad: bool
    """Whether somebody should look after it."""


def set_time(work: Unit, account_id: str, at: str, location: Location | None = None) -> None:
    """From the next working day (or today, when the time is still to come) on it signs in at `at`; empty: never again by itself.

    `location`: for which, and by whose clock; needed where the login is for several. Raises `Incomplete`, and `Conflict` where it
    must not sign in by itself.
    """
    account = directory.account_by_id(work, account_id)
    require(work, Permission.ACCOUNT_MANAGE, account=account)
    row = work.db.get(EarlySignIn, account_id, with_for_update=True)
    minute = _minute(at)
    if minute is None:
        if row is None:
            raise Incomplete("Type a time, like 07:15: this login does not sign in by itself yet.")
        row.minute, row.next_at = None, None
    else:
        place = _place(account, location, row)
        require(work, Permission.ACCOUNT_MANAGE, account=account, location=place)
        no = cannot(work, account)
        if no:
            raise Conflict(no, code="not-by-itself")
        row = row or EarlySignIn(account_id=account.id, account=account)
        row.location_id, row.location, row.minute = place.id, place, minute
        row.next_at = next_turn(minute, ZoneInfo(place.time_zone), work.clock.now(), row.done_on)
    row.set_by, row.set_at = work.actor.id, work.clock.now()
    work.db.add(row)
    work.db.flush()
    audit.record(
        work,
        Act.EARLY_SIGN_IN_SET,
        "portal_account",
        account.id,
        account_id=account.id,
        location_id=row.location_id,
        detail={"at": _clock(row.minute) or "off"},
    )


def _minute(at: str) -> int | None:
    """Raises `Incomplete`."""
    if not at.strip():
        return None
    found = TIME.fullmatch(at.strip())
    if found is None:
        raise Incomplete("A time must look like 07:15.")
    return int(found[1]) * 60 + int(found[2])


def _place(account: PortalAccount, location: Location | None, row: EarlySignIn | None) -> Location:
    known = row.location if row is not None and row.location in account.locations else None
    place = location or known or (account.locations[0] if len(account.locations) == 1 else None)
    if place is None or place not in account.locations:
        raise Incomplete("Choose one of this login's locations: it signs in for that one, by its clock.")
    return place


def _clock(minute: int | None) -> str:
    return "" if minute is None else f"{minute // 60:02}:{minute % 60:02}"


def next_turn(minute: int, zone: ZoneInfo, after: datetime, done_on: date | None) -> datetime:
    """The first such time of a working day that is not before `after`, on a day that has had no turn. Pure."""
    today = after.astimezone(zone).date()
    days = (today + timedelta(days=ahead) for ahead in count())
    working = (day for day in days if day.weekday() < FIRST_FREE_DAY and (done_on is None or day > done_on))
    turns = (datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone) for day in working)
    return next(at for at in turns if at >= after)


# --- what keeps a login from signing in by itself


def cannot(work: Unit, account: PortalAccount) -> str:
    """Why this login never signs in by itself as it is set up, in a sentence; empty when it may."""
    portal, method = account.portal, method_of(account)
    if portal.automation != "automated":
        return f"{portal.name} is {portal.automation}: only where it is automated does Portunus sign in by itself."
    if method is not None and method.channel not in BY_ITSELF:
        how = PERSONS.get(method.way if method.channel == "desk" else method.channel, "needs a person at the code desk")
        return (
            f"Its code {how}. Early sign-ins are for logins whose code comes by e-mail, text message or authenticator, "
            "or that need none."
        )
    behaviour = directory.behaviour(work, portal)
    if Budget.of(behaviour).tries <= LEFT_TO_PEOPLE:
        known = behaviour.get("login_failure_limit")
        why = f"locks a login after {known} failed tries" if known else "has no known limit of failed tries"
        return f"{portal.name} {why}: too few would be left to people if an early sign-in failed."
    return ""


def _not_now(work: Unit, row: EarlySignIn) -> tuple[str, str] | None:
    """Outcome and words of a turn in which nothing is tried; None: sign in."""
    account = row.account
    if records.live_session(work, account.id) is not None:
        return "already", ""
    words = next(filter(None, _reasons(work, row, account)), "")
    return ("skipped", words) if words else None


def _reasons(work: Unit, row: EarlySignIn, account: PortalAccount) -> Iterator[str]:
    if account.portal.status != "active":
        yield f"{account.portal.name} is switched off"
    if account.status != "active":
        yield account.status_words or f"the login is {account.status.replace('_', ' ')}"
    if row.location not in account.locations:
        yield f"it is no longer a login for {row.location.name}"
    yield cannot(work, account)
    yield _too_few(work, account)
    method = method_of(account)
    yield trouble(work, method.endpoint) if method else ""


def _too_few(work: Unit, account: PortalAccount) -> str:
    """What of the lockout budget is kept for people."""
    left = attempts.tries_left(work, account)
    if left <= LEFT_TO_PEOPLE:
        kept = ", and two are kept for people" if left == LEFT_TO_PEOPLE else ""
        return f"{COUNTED[left]} left{kept}"
    behaviour = directory.behaviour(work, account.portal)
    since = work.clock.now() - Budget.of(behaviour).window
    refused = codes.rejected(work, account.id, since) if behaviour.get("wrong_code_limit") else ()
    if refused and codes_left(behaviour, len(refused)) < LEFT_TO_PEOPLE:
        return "its last code was wrong, and another could make the carrier lock it"
    return ""


# --- its turn


def take_due(work: Unit) -> str | None:
    """The next login whose time has come has its turn: it signs in, or why not is kept. Its id; None when none is due.

    Called as `HOLDER`. Raises `Conflict` when somebody opens the portal at this very moment.
    """
    now = work.clock.now()
    due = select(EarlySignIn).where(EarlySignIn.next_at <= now).order_by(EarlySignIn.next_at, EarlySignIn.account_id)
    for row in work.db.scalars(due).all():
        late = row.next_at is not None and now - row.next_at > LATE
        if (not late and _another_just_began(work, row.account.portal_id)) or not _taken(work, row, late=late):
            continue
        if late:
            _ended(work, row, "late", f"its time was {_clock(row.minute)}, and it is not made up for so late")
        elif no := _not_now(work, row):
            _ended(work, row, *no)
        else:
            _begin(work, row)
        return row.account_id
    return None


def _taken(work: Unit, row: EarlySignIn, *, late: bool) -> bool:
    """Whether this worker has the turn: one UPDATE, of which one of several changes the row."""
    assert row.next_at is not None
    assert row.minute is not None
    now, zone = work.clock.now(), ZoneInfo(row.location.time_zone)
    done_on = row.done_on if late else row.next_at.astimezone(zone).date()
    following = next_turn(row.minute, zone, now - LATE if late else now, done_on)
    taken = work.db.execute(
        update(EarlySignIn)
        .where(EarlySignIn.account_id == row.account_id, EarlySignIn.next_at == row.next_at)
        .values(next_at=following, done_on=done_on)
    )
    if not changed(taken):
        return False
    work.db.refresh(row)
    return True


def _another_just_began(work: Unit, portal_id: str) -> bool:
    """Whether another login of this portal began a moment ago; of two workers that ask at once, one waits for the other."""
    work.db.execute(select(Portal.id).where(Portal.id == portal_id).with_for_update(key_share=True))
    begun = (
        select(EarlySignIn.account_id)
        .join(PortalAccount, PortalAccount.id == EarlySignIn.account_id)
        .where(PortalAccount.portal_id == portal_id, EarlySignIn.begun_at > work.clock.now() - APART)
    )
    return work.db.scalar(begun.limit(1)) is not None


def _begin(work: Unit, row: EarlySignIn) -> None:
    try:
        with work.db.begin_nested():  # a refusal leaves no half-made session behind
            lease = opening.open_tab(work, row.account_id, row.location_id, PURPOSE)
    except BrokerError as no:
        if no.code == "just-taken":
            raise  # somebody was quicker and this transaction is lost: the next look finds the login signed in
        _ended(work, row, "skipped", no.message)
        return
    row.begun_at, row.lease_id, row.ended_at, row.outcome, row.words = work.clock.now(), lease.id, None, "", ""
    work.db.flush()


def settle(work: Unit) -> None:
    """Let go of what is signed in, and keep how each ended."""
    under_way = select(EarlySignIn).where(EarlySignIn.lease_id.is_not(None)).with_for_update(skip_locked=True)
    for row in work.db.scalars(under_way).all():
        lease = work.db.get_one(Lease, row.lease_id, with_for_update=True)
        if lease.granted_at is not None:
            if lease.ended_at is None:
                records.end_lease(work, lease, "given_back")
            _ended(work, row, "signed_in", "")
        elif lease.end_reason == "preempted":
            _ended(work, row, "taken", "")
        elif lease.ended_at is not None:
            session = records.portal_session(work, lease.portal_session_id)
            _ended(work, row, session.end_reason or "failed", session.words or "")


def _ended(work: Unit, row: EarlySignIn, outcome: str, words: str) -> None:
    row.lease_id, row.ended_at = None, work.clock.now()
    row.outcome, row.words = outcome[:30], words.strip().rstrip(".")[:300]
    work.db.flush()
    audit.record(
        work,
        Act.EARLY_SIGN_IN_ENDED,
        "portal_account",
        row.account_id,
        account_id=row.account_id,
        location_id=row.location_id,
        outcome=row.outcome,
        reason=row.words or None,
    )


# --- how it went


def shown(work: Unit) -> list[Early]:
    """Every login of the actor's organization that signs in by itself, by portal."""
    require(work, Permission.STATUS_VIEW, anywhere=True)
    query = select(EarlySignIn).join(PortalAccount, PortalAccount.id == EarlySignIn.account_id)
    mine = organization_of(work)
    if mine is not None:
        query = query.where(PortalAccount.organization_id == mine)
    rows: Sequence[EarlySignIn] = work.db.scalars(query.where(EarlySignIn.minute.is_not(None))).all()
    return sorted((_early(work, row) for row in rows), key=lambda one: (one.portal, one.location, one.login))


def of_account(work: Unit, account: PortalAccount) -> Early | None:
    """This login's; None when it never had any."""
    row = work.db.get(EarlySignIn, account.id)
    return _early(work, row) if row else None


def _early(work: Unit, row: EarlySignIn) -> Early:
    return Early(
        portal=row.account.portal.name,
        login=row.account.label or "…" + row.account.username[-3:],
        location=row.location.name,
        location_key=row.location.key,
        at=_clock(row.minute),
        next_at=row.next_at,
        last=told(row, work.clock.now()),
        bad=bool(row.outcome) and row.outcome not in ("signed_in", "taken", "already"),
    )


HEADS = {
    "signed_in": "Signed in by itself",
    "taken": "Somebody opened it while it signed in by itself, and went on with it",
    "already": "It was signed in already",
    "skipped": "Not tried",
    "late": "Not tried",
}


def told(row: EarlySignIn, now: datetime) -> str:
    """How it went last, by the location's clock: `Signed in by itself at 07:15 today.`"""
    zone = ZoneInfo(row.location.time_zone)
    if row.lease_id is not None and row.begun_at is not None:
        return f"Signing in by itself since {row.begun_at.astimezone(zone):%H:%M}."
    if row.ended_at is None:
        return ""
    at = (row.begun_at if row.outcome == "signed_in" else None) or row.ended_at
    local = at.astimezone(zone)
    when = "today" if local.date() == now.astimezone(zone).date() else f"on {local:%Y-%m-%d}"
    head = HEADS.get(row.outcome, "It could not sign in by itself")
    return f"{head} at {local:%H:%M} {when}{': ' + row.words if row.words else ''}."
