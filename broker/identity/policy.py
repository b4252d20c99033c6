"""Who may do what, where: one table of roles, one function `may`. Default deny; nothing is cached.

A grant without a place holds in the whole of the holder's own organization and nowhere else. The operator at the
machine's own shell and Portunus's own named processes are not limited here: who controls them controls the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import ColumnElement, literal, or_, select
from sqlalchemy.orm import QueryableAttribute

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.errors import NotFound, Refused
from broker.base.unit import Unit
from broker.directory.models import Location, PortalAccount, account_location
from broker.identity.models import Grant, ServiceAccount, User


class Permission(StrEnum):
    TAB_OPEN = "tab:open"
    TAB_END_ANY = "tab:end_any"
    TAB_WATCH = "tab:watch"
    """Look on while a colleague works; she is told."""
    TAB_TAKE_OVER = "tab:take_over"
    TAB_HAND_OVER = "tab:hand_over"
    """Give one's own tab, as it stands, to a colleague."""
    CODE_GIVE = "code:give"
    LOOKUP_RUN = "lookup:run"
    """Ask portals for eligibility, by program."""
    LOOKUP_CLAIMS = "lookup:claims"
    """Ask them for claims and payments too."""
    RECORDING_VIEW_OWN = "recording:view_own"
    RECORDING_VIEW_ALL = "recording:view_all"
    RECORDING_GOVERN = "recording:govern"
    ACCOUNT_VIEW = "account:view"
    ACCOUNT_MANAGE = "account:manage"
    SECRET_STORE = "secret:store"
    """Store or replace a credential. There is no permission to read one."""
    PORTAL_MANAGE = "portal:manage"
    USER_MANAGE = "user:manage"
    AUDIT_VIEW = "audit:view"
    AUDIT_EXPORT = "audit:export"
    LAST_CODE = "report:last_code"
    SCRIPT_MAINTAIN = "script:maintain"
    SCRIPT_APPROVE = "script:approve"
    """Not with SCRIPT_MAINTAIN in one role: who writes a version does not approve it."""
    STATUS_VIEW = "status:view"


class Role(StrEnum):
    ADMIN = "admin"
    BILLER = "biller"
    SUPERVISOR = "supervisor"
    FRONT_DESK = "front_desk"
    COMPLIANCE = "compliance"
    SCRIPT_MAINTAINER = "script_maintainer"
    SERVICE = "service"


P = Permission
ROLES: dict[Role, frozenset[Permission]] = {
    # runs the accounts, sees no patient: opens no portal and views no recording (domain: portal administrator)
    Role.ADMIN: frozenset(
        {
            P.ACCOUNT_VIEW,
            P.ACCOUNT_MANAGE,
            P.SECRET_STORE,
            P.PORTAL_MANAGE,
            P.USER_MANAGE,
            P.CODE_GIVE,
            P.STATUS_VIEW,
            P.TAB_END_ANY,
            P.LAST_CODE,
            P.SCRIPT_APPROVE,
        }
    ),
    Role.BILLER: frozenset(
        {P.TAB_OPEN, P.TAB_HAND_OVER, P.CODE_GIVE, P.LOOKUP_RUN, P.LOOKUP_CLAIMS, P.RECORDING_VIEW_OWN}
    ),
    # a biller who answers for others: looks on, helps out, ends what was left open
    Role.SUPERVISOR: frozenset(
        {
            P.TAB_OPEN,
            P.TAB_HAND_OVER,
            P.TAB_WATCH,
            P.TAB_TAKE_OVER,
            P.TAB_END_ANY,
            P.CODE_GIVE,
            P.LOOKUP_RUN,
            P.LOOKUP_CLAIMS,
            P.RECORDING_VIEW_OWN,
        }
    ),
    Role.FRONT_DESK: frozenset({P.TAB_OPEN, P.TAB_HAND_OVER, P.CODE_GIVE, P.LOOKUP_RUN, P.RECORDING_VIEW_OWN}),
    # sees everything, changes nothing but how long recordings are kept
    Role.COMPLIANCE: frozenset(
        {
            P.TAB_WATCH,
            P.RECORDING_VIEW_ALL,
            P.RECORDING_GOVERN,
            P.ACCOUNT_VIEW,
            P.AUDIT_VIEW,
            P.AUDIT_EXPORT,
            P.LAST_CODE,
            P.STATUS_VIEW,
        }
    ),
    Role.SCRIPT_MAINTAINER: frozenset({P.SCRIPT_MAINTAIN, P.STATUS_VIEW}),
    Role.SERVICE: frozenset({P.LOOKUP_RUN, P.LOOKUP_CLAIMS}),
}
WHOLE_ORGANIZATION = frozenset(
    {P.USER_MANAGE, P.PORTAL_MANAGE, P.AUDIT_VIEW, P.AUDIT_EXPORT, P.SCRIPT_MAINTAIN, P.SCRIPT_APPROVE}
)
"""What cannot be cut by location or account: only a grant without a place gives these."""

NOTHING_THERE = "There is no such thing, or it is not at one of your locations."
"""The one answer to an unknown id and to somebody else's."""

ROLE_WORDS: dict[Role, str] = {
    Role.ADMIN: "Administrator",
    Role.BILLER: "Biller",
    Role.SUPERVISOR: "Supervisor",
    Role.FRONT_DESK: "Front desk",
    Role.COMPLIANCE: "Compliance officer",
    Role.SCRIPT_MAINTAINER: "Script maintainer",
    Role.SERVICE: "Service account",
}


@dataclass(frozen=True)
class Reach:
    """Where a permission holds: everywhere, or at these locations and on these accounts.

    A grant for a whole organization shows as that organization's locations; `everywhere` is for the operator and the
    system only.
    """

    everywhere: bool
    location_ids: frozenset[str]
    account_ids: frozenset[str]
    organization_id: str | None = None
    """The organization in whose whole the permission holds."""

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.location_ids or self.account_ids or self.organization_id)

    def covers(self, *, account_id: str | None = None, location_id: str | None = None) -> bool:
        """Whether the thing at this location, or on this account, is within reach."""
        return self.everywhere or location_id in self.location_ids or account_id in self.account_ids

    def these(self, account_id: QueryableAttribute[str], location_id: QueryableAttribute[str]) -> ColumnElement[bool]:
        """The same as a condition on rows: one tenant's many must not crowd out another's."""
        return or_(literal(self.everywhere), location_id.in_(self.location_ids), account_id.in_(self.account_ids))


EVERYWHERE = Reach(everywhere=True, location_ids=frozenset(), account_ids=frozenset())


def grants_of(work: Unit) -> Sequence[Grant]:
    """The actor's grants that hold now; none for a disabled user or service account, nor one that names two places."""
    person = work.actor.kind is ActorKind.USER
    if not person and work.actor.kind is not ActorKind.SERVICE:
        return []
    holder = Grant.user_id if person else Grant.service_account_id
    table = User if person else ServiceAccount
    return work.db.scalars(
        select(Grant)
        .join(table, table.id == holder)
        .where(
            holder == work.actor.id,
            table.status == "active",
            Grant.revoked_at.is_(None),
            or_(Grant.location_id.is_(None), Grant.account_id.is_(None)),
            or_(Grant.expires_at.is_(None), Grant.expires_at > work.clock.now()),
        )
    ).all()


def reach(work: Unit, permission: Permission | None) -> Reach:
    """Where the actor holds the permission (None: any role at all). The operator at the shell and the system reach all."""
    if work.actor.kind in (ActorKind.OPERATOR, ActorKind.SYSTEM):
        return EVERYWHERE
    held = [grant for grant in grants_of(work) if permission is None or permission in _allowed(grant)]
    organization_id = organization_of(work) if any(_without_place(grant) for grant in held) else None
    return Reach(
        everywhere=False,
        location_ids=frozenset(grant.location_id for grant in held if grant.location_id)
        | frozenset(_locations_of(work, organization_id)),
        account_ids=frozenset(grant.account_id for grant in held if grant.account_id),
        organization_id=organization_id,
    )


def held(work: Unit) -> frozenset[Permission]:
    """Every permission the actor holds somewhere: what to offer. Offering is not allowing: services ask `require`."""
    if work.actor.kind in (ActorKind.OPERATOR, ActorKind.SYSTEM):
        return frozenset(Permission)
    return frozenset[Permission]().union(*(_allowed(grant) for grant in grants_of(work)))


def user_may(work: Unit, user_id: str, permission: Permission) -> bool:
    """Whether a user, not necessarily the actor, holds a permission somewhere now."""
    return bool(reach_of(work, user_id, permission))


def reach_of(work: Unit, user_id: str, permission: Permission) -> Reach:
    """Where a user, not necessarily the actor, holds a permission now."""
    return reach(replace(work, actor=Actor(kind=ActorKind.USER, id=user_id, name=user_id)), permission)


def has_role(work: Unit, user_id: str, role: Role) -> bool:
    """Whether a user holds a role somewhere now."""
    query = select(Grant.id).where(
        Grant.user_id == user_id,
        Grant.role == role.value,
        Grant.revoked_at.is_(None),
        or_(Grant.expires_at.is_(None), Grant.expires_at > work.clock.now()),
    )
    return work.db.scalar(query.limit(1)) is not None


def organization_of(work: Unit) -> str | None:
    """The organization of a person or service account; None for the operator and the system, who belong to all."""
    if work.actor.kind in (ActorKind.OPERATOR, ActorKind.SYSTEM):
        return None
    table = User if work.actor.kind is ActorKind.USER else ServiceAccount
    return work.db.scalar(select(table.organization_id).where(table.id == work.actor.id)) or ""


def may(
    work: Unit,
    permission: Permission,
    *,
    account: PortalAccount | None = None,
    location: Location | None = None,
    anywhere: bool = False,
) -> bool:
    """Whether the actor may do this to the account, at the location, or (`anywhere`) at some place at least.

    An account named together with a location must cover that location.
    """
    return _holds(work, reach(work, permission), account, location, anywhere=anywhere)


def require(
    work: Unit,
    permission: Permission,
    *,
    account: PortalAccount | None = None,
    location: Location | None = None,
    anywhere: bool = False,
) -> None:
    """Raises `NotFound` when the thing is outside all the actor's places, `Refused` when only the permission lacks.

    So another practice's id answers like an id that does not exist.
    """
    if may(work, permission, account=account, location=location, anywhere=anywhere):
        return
    known = anywhere or _holds(work, reach(work, None), account, location, anywhere=False)
    work.denials.append(f"{permission.value} {account.id if account else ''} {location.id if location else ''}".strip())
    if not known:
        raise NotFound(NOTHING_THERE)
    raise Refused("Your role does not allow this. Ask an administrator if you need it for your work.")


def record_denials(work: Unit, denials: Sequence[str]) -> None:
    """Keep refused requests in the log: called with a unit of its own, since the refused one is rolled back."""
    for words in denials:
        audit.record(work, Act.ACCESS_DENIED, work.actor.kind.value, work.actor.id, outcome="denied", reason=words)


def _allowed(grant: Grant) -> frozenset[Permission]:
    """What the grant allows; a role that this version does not know allows nothing."""
    permissions = ROLES[Role(grant.role)] if grant.role in Role.__members__.values() else frozenset[Permission]()
    return permissions if _without_place(grant) else permissions - WHOLE_ORGANIZATION


def _without_place(grant: Grant) -> bool:
    return grant.location_id is None and grant.account_id is None


def _locations_of(work: Unit, organization_id: str | None) -> Sequence[str]:
    if organization_id is None:
        return []
    return work.db.scalars(select(Location.id).where(Location.organization_id == organization_id)).all()


def _holds(
    work: Unit, where: Reach, account: PortalAccount | None, location: Location | None, *, anywhere: bool
) -> bool:
    if not where:
        return False
    if account is None and location is None:
        return anywhere or where.everywhere
    if account is not None and location is not None and location not in account.locations:
        return False
    if where.everywhere:
        return True
    if account is not None and location is not None:
        return where.covers(account_id=account.id, location_id=location.id)
    if account is not None:
        if account.id in where.account_ids or account.organization_id == where.organization_id:
            return True
        places = work.db.scalars(
            select(account_location.c.location_id).where(account_location.c.account_id == account.id)
        )
        return any(place in where.location_ids for place in places)
    assert location is not None
    return location.id in where.location_ids
