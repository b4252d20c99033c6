"""What of the audit log somebody may read, page by page, and how he asks: by act, person, account, location, time.

The log is one for the whole installation. With one organization its compliance officer reads all of it; with several
each reads the entries on the own organization's people, places and accounts, and nothing of another's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import ActorKind
from broker.base.unit import Unit
from broker.directory.models import DeliveryEndpoint, Location, Organization, PortalAccount
from broker.identity.models import Login, ServiceAccount, User
from broker.identity.policy import Permission, reach, require

LONGEST_PAGE = 200


@dataclass(frozen=True)
class Asked:
    """Which entries; an empty field asks for all."""

    act: str = ""
    actor_id: str = ""
    """A person, a service account, or the name of one of Portunus's own processes."""
    account_id: str = ""
    location_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Up to but not including this moment."""


def entries(work: Unit, asked: Asked, *, before: int | None = None, limit: int = 100) -> Sequence[AuditEntry]:
    """Newest first; `before` is the index the page continues from. Raises `Refused`."""
    require(work, Permission.AUDIT_VIEW, anywhere=True)
    wanted: list[ColumnElement[bool]] = [_readable(work)]
    if before is not None:
        wanted.append(AuditEntry.index < before)
    for column, value in (
        (AuditEntry.act, asked.act),
        (AuditEntry.actor_id, asked.actor_id),
        (AuditEntry.account_id, asked.account_id),
        (AuditEntry.location_id, asked.location_id),
    ):
        if value:
            wanted.append(column == value)
    if asked.since is not None:
        wanted.append(AuditEntry.at >= asked.since)
    if asked.until is not None:
        wanted.append(AuditEntry.at < asked.until)
    query = select(AuditEntry).where(*wanted).order_by(AuditEntry.index.desc())
    return work.db.scalars(query.limit(min(max(limit, 1), LONGEST_PAGE))).all()


def actors(work: Unit) -> list[tuple[str, str]]:
    """(id, name) of everybody the reader may ask about: people and service accounts of the own organization."""
    where = reach(work, Permission.AUDIT_VIEW)
    found: list[tuple[str, str]] = []
    for table in (User, ServiceAccount):
        query = select(table.id, table.name).order_by(table.name)
        if not where.everywhere:
            query = query.where(table.organization_id == where.organization_id)
        found += [(row[0], row[1]) for row in work.db.execute(query)]
    return found


def _readable(work: Unit) -> ColumnElement[bool]:
    where = reach(work, Permission.AUDIT_VIEW)
    if where.everywhere or work.db.scalar(select(func.count()).select_from(Organization)) == 1:
        return true()
    own = where.organization_id or ""
    locations = select(Location.id).where(Location.organization_id == own)
    accounts = select(PortalAccount.id).where(PortalAccount.organization_id == own)
    people = select(User.id).where(User.organization_id == own)
    robots = select(ServiceAccount.id).where(ServiceAccount.organization_id == own)
    things = {
        "user": people,
        "service_account": robots,
        "login": select(Login.id).join(User, User.id == Login.user_id).where(User.organization_id == own),
        "delivery_endpoint": select(DeliveryEndpoint.id).where(DeliveryEndpoint.organization_id == own),
    }
    return or_(
        AuditEntry.location_id.in_(locations),
        AuditEntry.account_id.in_(accounts),
        and_(AuditEntry.actor_kind == ActorKind.USER.value, AuditEntry.actor_id.in_(people)),
        and_(AuditEntry.actor_kind == ActorKind.SERVICE.value, AuditEntry.actor_id.in_(robots)),
        and_(AuditEntry.thing_kind == "organization", AuditEntry.thing_id == own),
        *(and_(AuditEntry.thing_kind == kind, AuditEntry.thing_id.in_(ids)) for kind, ids in things.items()),
        # the log's own upkeep belongs to everybody
        and_(AuditEntry.thing_kind == "audit_key", AuditEntry.act == Act.KEY_CREATED.value),
    )
