"""How many calls to provider lines were not made, because a session was kept or a device was remembered; and the minutes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from broker.base.unit import Unit
from broker.codes.models import CodeRequest, LineCall
from broker.directory.models import MfaMethod, PortalAccount
from broker.identity.policy import Permission, Reach, reach
from broker.tabs.models import Lease, PortalSession

ASSUMED_S = 8 * 60.0
"""A call where none was measured: the middle of the 4 to 12 minutes that offices report."""
BY_LINE = "provider_line"


@dataclass(frozen=True)
class CallsAvoided:
    """One portal. `opened`: tabs that people got at logins whose code is read out on a provider line."""

    portal: str
    opened: int
    calls: int
    """Calls that were made, with or without success."""
    avoided: int
    """Tabs that needed no call: opened on a session that was signed in, or let in as a remembered device."""
    call_minutes: float
    """How long one call takes: the mean of those measured, else assumed."""
    measured: bool
    hold_minutes: float | None
    """Of that on hold; None where nothing was measured."""
    minutes_avoided: float


def calls_avoided(work: Unit, days: int = 30) -> list[CallsAvoided]:
    """The last `days` days at logins within the actor's reach, the most minutes first."""
    where = reach(work, Permission.STATUS_VIEW)
    since = work.clock.now() - timedelta(days=days)
    accounts = _accounts(work)
    opened = _opened(work, where, since, accounts)
    asked, calls = _asked(work, where, since, accounts), _calls(work, where, since)
    report = [
        _row(name, opened[portal_id], asked[portal_id], calls.get(portal_id, []))
        for portal_id, name in {account.portal_id: account.portal.name for account in accounts.values()}.items()
        if opened[portal_id] or calls.get(portal_id)
    ]
    return sorted(report, key=lambda row: -row.minutes_avoided)


def _accounts(work: Unit) -> dict[str, PortalAccount]:
    methods = work.db.scalars(select(MfaMethod).where(MfaMethod.preference == 0, MfaMethod.channel == "desk"))
    return {one.account_id: one.account for one in methods if one.way == BY_LINE}


def _opened(work: Unit, where: Reach, since: datetime, accounts: dict[str, PortalAccount]) -> dict[str, int]:
    rows = work.db.execute(
        select(PortalSession.account_id, PortalSession.location_id)
        .join(Lease, Lease.portal_session_id == PortalSession.id)
        .where(Lease.granted_at >= since, PortalSession.account_id.in_(accounts))
    )
    counted: dict[str, int] = defaultdict(int)
    for account_id, location_id in rows:
        if where.covers(account_id=account_id, location_id=location_id):
            counted[accounts[account_id].portal_id] += 1
    return counted


def _asked(work: Unit, where: Reach, since: datetime, accounts: dict[str, PortalAccount]) -> dict[str, int]:
    """Sign-ins that got in with a code from a call."""
    rows = work.db.execute(
        select(CodeRequest.account_id, CodeRequest.location_id).where(
            CodeRequest.first_asked_at >= since, CodeRequest.state == "accepted", CodeRequest.account_id.in_(accounts)
        )
    )
    counted: dict[str, int] = defaultdict(int)
    for account_id, location_id in rows:
        if where.covers(account_id=account_id, location_id=location_id):
            counted[accounts[account_id].portal_id] += 1
    return counted


def _calls(work: Unit, where: Reach, since: datetime) -> dict[str, list[LineCall]]:
    found: dict[str, list[LineCall]] = defaultdict(list)
    rows = work.db.execute(
        select(LineCall, CodeRequest.account_id, CodeRequest.location_id)
        .join(CodeRequest, CodeRequest.id == LineCall.request_id)
        .where(LineCall.began_at >= since)
    )
    for call, account_id, location_id in rows:
        if where.covers(account_id=account_id, location_id=location_id):
            found[call.portal_id].append(call)
    return found


def _row(name: str, opened: int, asked: int, calls: Sequence[LineCall]) -> CallsAvoided:
    ended = [(one, one.ended_at) for one in calls if one.ended_at is not None]
    seconds = [(ended_at - one.began_at).total_seconds() for one, ended_at in ended]
    held = [((one.answered_at or ended_at) - one.began_at).total_seconds() for one, ended_at in ended]
    each = sum(seconds) / len(seconds) if seconds else ASSUMED_S
    avoided = max(opened - asked, 0)
    return CallsAvoided(
        portal=name,
        opened=opened,
        calls=len(calls),
        avoided=avoided,
        call_minutes=round(each / 60, 1),
        measured=bool(seconds),
        hold_minutes=round(sum(held) / len(held) / 60, 1) if held else None,
        minutes_avoided=round(avoided * each / 60, 1),
    )
