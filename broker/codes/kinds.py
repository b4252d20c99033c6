"""The kinds of ways a code comes, and how each of them does: which logins use it, when it last worked, and for how many."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.unit import Unit
from broker.codes.models import Code, CodeRequest
from broker.directory.models import PortalAccount
from broker.identity.policy import Permission, reach
from broker.vault.models import Secret

KINDS = (
    "email",
    "sms",
    "voice",
    "totp",
    "desk",
    "provider_line",
    "push",
    "questions",
    "passkey",
    "recovery",
)
RECENT = timedelta(days=30)
MOST = 20_000
BY_HAND = ("provider_line", "push", "passkey")
"""What a person does at the portal's wish, rather than read a code."""


@dataclass(frozen=True)
class Login:
    """One login that uses a way."""

    account_id: str
    portal: str
    username: str
    endpoint: str
    worked_at: datetime | None
    """When it last brought this login in."""


@dataclass
class Kind:
    """One way, as its page shows it."""

    key: str
    logins: list[Login] = field(default_factory=list)
    worked_at: datetime | None = None
    worked: int = 0
    """Sign-ins of the last thirty days that it brought in."""
    worked_for: int = 0
    """Logins among them."""
    failed: int = 0
    """Sign-ins of the last thirty days whose code was refused or never came."""
    failed_at: datetime | None = None


def kind_of(channel: str, by: str) -> str:
    """`by`: what a person at the code desk does, where the channel is the desk."""
    return (by if by in BY_HAND else "desk") if channel == "desk" else channel


def kinds(work: Unit) -> dict[str, Kind]:
    """Every kind, with the logins of the actor's organization that use it first."""
    accounts = _accounts(work)
    found = {key: Kind(key) for key in KINDS}
    worked = _worked(work, {row.id for row in accounts}, found)
    answers = _with_answers(work, accounts)
    for row in accounts:
        for key in _used_by(row, answers):
            method = row.mfa_methods[0] if row.mfa_methods else None
            endpoint = method.endpoint.name if method and method.endpoint and key == method.channel else ""
            at = row.last_login_at if key == "questions" else worked[key].get(row.id)
            found[key].logins.append(Login(row.id, row.portal.name, row.username, endpoint, at))
    for one in found.values():
        one.logins.sort(key=lambda login: (login.portal, login.username))
    return found


def _accounts(work: Unit) -> list[PortalAccount]:
    where = reach(work, Permission.ACCOUNT_MANAGE)
    return [
        row
        for row in work.db.scalars(select(PortalAccount))
        if where.everywhere
        or row.organization_id == where.organization_id
        or row.id in where.account_ids
        or any(place.id in where.location_ids for place in row.locations)
    ]


def _used_by(row: PortalAccount, answers: frozenset[str]) -> Iterable[str]:
    method = row.mfa_methods[0] if row.mfa_methods else None
    if method is not None:
        yield kind_of(method.channel, str(method.template.get("by", "")))
    if row.recovery_codes_left is not None and (method is None or method.channel != "recovery"):
        yield "recovery"
    if row.id in answers:
        yield "questions"


def _with_answers(work: Unit, accounts: list[PortalAccount]) -> frozenset[str]:
    stored = select(Secret.owner_id).where(
        Secret.owner_kind == "portal_account", Secret.field == "security_answers", Secret.destroyed_at.is_(None)
    )
    return frozenset(work.db.scalars(stored)) & {row.id for row in accounts}


def _worked(work: Unit, account_ids: set[str], found: dict[str, Kind]) -> dict[str, dict[str, datetime]]:
    """When each way last brought each login in; counts go to `found`. By the channel that really gave the code."""
    rows = work.db.execute(
        select(CodeRequest, Code.channel)
        .outerjoin(Code, (Code.request_id == CodeRequest.id) & Code.used_at.is_not(None))
        .where(CodeRequest.state.in_(("accepted", "rejected", "expired")), CodeRequest.account_id.in_(account_ids))
        .order_by(CodeRequest.id.desc())
        .limit(MOST)
    )
    last: dict[str, dict[str, datetime]] = defaultdict(dict)
    since = work.clock.now() - RECENT
    for request, given in rows:
        by = str(request.rule.get("by", "")) if request.channel == "desk" else ""
        one = found[kind_of(given or request.channel, by)]
        if request.state == "accepted":
            one.worked_at = max(one.worked_at or request.state_at, request.state_at)
            before = last[one.key].get(request.account_id, request.state_at)
            last[one.key][request.account_id] = max(before, request.state_at)
            one.worked += request.state_at > since
        elif request.state_at > since:
            one.failed += 1
            one.failed_at = max(one.failed_at or request.state_at, request.state_at)
    for key, times in last.items():
        found[key].worked_for = sum(at > since for at in times.values())
    return last


def tried(work: Unit, account: PortalAccount, channel: str) -> None:
    """An administrator asks whether what is stored of this login is right; what is stored is compared and never shown."""
    audit.record(
        work, Act.METHOD_TRIED, "portal_account", account.id, account_id=account.id, detail={"channel": channel}
    )
