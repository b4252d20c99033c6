"""Which sign-ins will need a code in the next hours, and whose phone or mailbox it comes to."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from broker.base.unit import Unit
from broker.codes.models import CodeRequest
from broker.directory import service as directory
from broker.directory.models import Location, PortalAccount
from broker.identity.policy import Permission, reach
from broker.tabs.models import PortalSession
from broker.tabs.states import SessionState

HISTORY = timedelta(days=21)
NOT_NEEDED = "not_needed"
LEAST_DAYS = 3
"""So many days with a first sign-in make a habit."""


@dataclass(frozen=True)
class Expected:
    """A sign-in that will ask for a code."""

    at: datetime
    why: str
    portal: str
    location: str
    login_tail: str
    channel: str
    destination: str
    custodian: str


def forecast(work: Unit, hours: int = 12) -> list[Expected]:
    """What is to be expected within so many hours at places within the actor's reach, soonest first."""
    where = reach(work, Permission.STATUS_VIEW)
    now = work.clock.now()
    found = []
    for account in work.db.scalars(select(PortalAccount).where(PortalAccount.status == "active")):
        if not account.mfa_methods or account.mfa_methods[0].channel == "totp":
            continue  # an authenticator asks nobody
        if not any(where.covers(account_id=account.id, location_id=place.id) for place in account.locations):
            continue
        asked = _asked(work, account, now)
        if asked and asked[-1].state == NOT_NEEDED:
            continue  # the portal remembers this browser
        due = _session_ends(work, account) or _habit(account, asked, now)
        if due is not None and now <= due[0] <= now + timedelta(hours=hours):
            found.append(_expected(account, *due))
    return sorted(found, key=lambda one: one.at)


def _session_ends(work: Unit, account: PortalAccount) -> tuple[datetime, str, Location] | None:
    """Its session is open and the portal ends it at a known time."""
    row = work.db.scalar(
        select(PortalSession).where(
            PortalSession.account_id == account.id, PortalSession.state.in_((SessionState.READY, SessionState.PARKED))
        )
    )
    if row is None or row.proved_at is None:
        return None
    limit = directory.behaviour(work, account.portal).get("absolute_timeout_s")
    if not limit:
        return None
    began = account.last_login_at or row.proved_at
    return began + timedelta(seconds=int(limit)), "The portal ends its session then.", row.location


def _asked(work: Unit, account: PortalAccount, now: datetime) -> Sequence[CodeRequest]:
    """The login's requests of the last weeks that are over, oldest first."""
    return work.db.scalars(
        select(CodeRequest)
        .where(
            CodeRequest.account_id == account.id,
            CodeRequest.first_asked_at > now - HISTORY,
            CodeRequest.state.not_in(("expected", "waiting", "matched")),
        )
        .order_by(CodeRequest.first_asked_at)
    ).all()


def _habit(
    account: PortalAccount, asked: Sequence[CodeRequest], now: datetime
) -> tuple[datetime, str, Location] | None:
    """A code is asked for at about this time on most days."""
    rows = [row for row in asked if row.state != NOT_NEEDED and not (row.state == "withdrawn" and row.sent == 0)]
    if not rows:
        return None
    places = {place.id: place for place in account.locations}
    location = places.get(rows[-1].location_id) or account.locations[0]
    at = next_usual([row.first_asked_at for row in rows], now, ZoneInfo(location.time_zone))
    return (at, "It is usually signed in at about this time.", location) if at else None


def next_usual(asked: Sequence[datetime], now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the next first sign-in of a day is usual, by local time; None without a habit, or on a day that has had one."""
    firsts: dict[object, int] = {}
    days = defaultdict(list)
    for moment in asked:
        local = moment.astimezone(zone)
        days[local.weekday()].append(local.date())
        firsts.setdefault(local.date(), local.hour * 60 + local.minute)
    if len(firsts) < LEAST_DAYS:
        return None
    usual = int(statistics.median(firsts.values()))
    for ahead in range(8):
        day = now.astimezone(zone).date() + timedelta(days=ahead)
        at = datetime(day.year, day.month, day.day, usual // 60, usual % 60, tzinfo=zone)
        if at >= now and day not in firsts and days[day.weekday()]:
            return at
    return None


def _expected(account: PortalAccount, at: datetime, why: str, location: Location) -> Expected:
    method = account.mfa_methods[0]
    endpoint = method.endpoint
    return Expected(
        at=at,
        why=why,
        portal=account.portal.name,
        location=location.name,
        login_tail="…" + account.username[-3:],
        channel=method.channel,
        destination=endpoint.name if endpoint else "the code desk",
        custodian=(endpoint.custodian if endpoint else None) or "",
    )
