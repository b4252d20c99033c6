"""Who is there and what may they do: for the page where an administrator looks after people and automations."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from broker.base.unit import Unit
from broker.directory.models import Location, PortalAccount
from broker.identity import policy
from broker.identity.models import Grant, ServiceAccount, User
from broker.identity.policy import ROLE_WORDS, Permission, Role, require


@dataclass(frozen=True)
class GrantLine:
    id: str
    role: str
    place: str
    until: datetime | None


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    email: str
    active: bool
    has_password: bool
    has_second_factor: bool
    grants: list[GrantLine]


@dataclass(frozen=True)
class KeyLine:
    id: str
    hint: str
    expires_at: datetime


@dataclass(frozen=True)
class Automation:
    id: str
    name: str
    active: bool
    grants: list[GrantLine]
    keys: list[KeyLine]


@dataclass(frozen=True)
class Roster:
    people: list[Person]
    automations: list[Automation]
    locations: list[tuple[str, str]]
    """(id, name), for the form."""


def roster(work: Unit) -> Roster:
    """Everybody of the actor's organization (of all, for the operator). Raises `Refused`."""
    require(work, Permission.USER_MANAGE, anywhere=True)
    own = policy.organization_of(work)
    places = _places(work, own)
    users = select(User).options(selectinload(User.grants)).order_by(User.name)
    automations = (
        select(ServiceAccount)
        .options(selectinload(ServiceAccount.grants), selectinload(ServiceAccount.keys))
        .order_by(ServiceAccount.name)
    )
    if own is not None:
        users = users.where(User.organization_id == own)
        automations = automations.where(ServiceAccount.organization_id == own)
    return Roster(
        [_person(work, row, places) for row in work.db.scalars(users)],
        [_automation(work, row, places) for row in work.db.scalars(automations)],
        _locations(work, own),
    )


def administrators(work: Unit) -> list[str]:
    """Names of the people who administer the actor's own organization: whom to ask when something is not allowed."""
    names = (
        select(User.name)
        .join(Grant, Grant.user_id == User.id)
        .where(
            User.organization_id == (policy.organization_of(work) or ""),
            User.status == "active",
            Grant.role == Role.ADMIN.value,
            Grant.revoked_at.is_(None),
            or_(Grant.expires_at.is_(None), Grant.expires_at > work.clock.now()),
        )
        .order_by(User.name)
        .distinct()
        .limit(5)
    )
    return list(work.db.scalars(names))


def _person(work: Unit, row: User, places: dict[str, str]) -> Person:
    return Person(
        row.id,
        row.name,
        row.email,
        row.status == "active",
        row.password_hash is not None,
        row.totp_secret_id is not None,
        _lines(work, row.grants, places),
    )


def _automation(work: Unit, row: ServiceAccount, places: dict[str, str]) -> Automation:
    now = work.clock.now()
    keys = [
        KeyLine(key.id, key.hint, key.expires_at) for key in row.keys if key.revoked_at is None and key.expires_at > now
    ]
    return Automation(row.id, row.name, row.status == "active", _lines(work, row.grants, places), keys)


def _lines(work: Unit, grants: list[Grant], places: dict[str, str]) -> list[GrantLine]:
    now = work.clock.now()
    return [
        GrantLine(
            grant.id,
            ROLE_WORDS[Role(grant.role)] if grant.role in Role.__members__.values() else grant.role,
            places.get(grant.location_id or grant.account_id or "", "everywhere"),
            grant.expires_at,
        )
        for grant in sorted(grants, key=lambda grant: grant.granted_at)
        if grant.revoked_at is None and (grant.expires_at is None or grant.expires_at > now)
    ]


def _locations(work: Unit, own: str | None) -> list[tuple[str, str]]:
    query = select(Location.id, Location.name).order_by(Location.name)
    return [
        (row.id, row.name)
        for row in work.db.execute(query if own is None else query.where(Location.organization_id == own))
    ]


def _places(work: Unit, own: str | None) -> dict[str, str]:
    accounts = select(PortalAccount)
    rows = work.db.scalars(accounts if own is None else accounts.where(PortalAccount.organization_id == own))
    return dict(_locations(work, own)) | {row.id: f"{row.username} at {row.portal.name}" for row in rows}
