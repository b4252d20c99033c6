"""Who may do what, where: one table of roles, one function `may`. Default deny; nothing is cached."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import ActorKind
from broker.base.errors import NotFound, Refused
from broker.base.unit import Unit
from broker.directory.models import Location, PortalAccount, account_location
from broker.identity.models import Grant, ServiceAccount, User


class Permission(StrEnum):
    TAB_OPEN = "tab:open"
    TAB_END_ANY = "tab:end_any"
    CODE_GIVE = "code:give"
    LOOKUP_RUN = "lookup:run"
    RECORDING_VIEW_OWN = "recording:view_own"
    RECORDING_VIEW_ALL = "recording:view_all"
    ACCOUNT_VIEW = "account:view"
    ACCOUNT_MANAGE = "account:manage"
    USER_MANAGE = "user:manage"
    AUDIT_VIEW = "audit:view"
    AUDIT_EXPORT = "audit:export"
    LAST_CODE = "report:last_code"
    SCRIPT_MAINTAIN = "script:maintain"
    STATUS_VIEW = "status:view"


class Role(StrEnum):
    ADMIN = "admin"
    BILLER = "biller"
    FRONT_DESK = "front_desk"
    COMPLIANCE = "compliance"
    SCRIPT_MAINTAINER = "script_maintainer"
    SERVICE = "service"


P = Permission
ROLES: dict[Role, frozenset[Permission]] = {
    # runs the accounts, sees no patient: opens no portal and views no recording (domain: portal administrator)
    Role.ADMIN: frozenset({P.ACCOUNT_VIEW, P.ACCOUNT_MANAGE, P.USER_MANAGE, P.CODE_GIVE, P.STATUS_VIEW, P.TAB_END_ANY, P.LAST_CODE}),
    Role.BILLER: frozenset({P.TAB_OPEN, P.CODE_GIVE, P.LOOKUP_RUN, P.RECORDING_VIEW_OWN}),
    Role.FRONT_DESK: frozenset({P.TAB_OPEN, P.CODE_GIVE, P.RECORDING_VIEW_OWN}),
    # sees everything, does nothing
    Role.COMPLIANCE: frozenset({P.RECORDING_VIEW_ALL, P.ACCOUNT_VIEW, P.AUDIT_VIEW, P.AUDIT_EXPORT, P.LAST_CODE, P.STATUS_VIEW}),
    Role.SCRIPT_MAINTAINER: frozenset({P.SCRIPT_MAINTAIN, P.STATUS_VIEW}),
    Role.SERVICE: frozenset({P.LOOKUP_RUN}),
}
ROLE_WORDS: dict[Role, str] = {
    Role.ADMIN: "Administrator",
    Role.BILLER: "Biller",
    Role.FRONT_DESK: "Front desk",
    Role.COMPLIANCE: "Compliance officer",
    Role.SCRIPT_MAINTAINER: "Script maintainer",
    Role.SERVICE: "Service account",
}


@dataclass(frozen=True)
class Reach:
    """Where a permission holds: everywhere, or at these locations and on these accounts."""

    everywhere: bool
    location_ids: frozenset[str]
    account_ids: frozenset[str]

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.location_ids) or bool(self.account_ids)

    def covers(self, *, account_id: str | None = None, location_id: str | None = None) -> bool:
        """Whether the thing at this location, or on this account, is within reach."""
        return self.everywhere or location_id in self.location_ids or account_id in self.account_ids


EVERYWHERE = Reach(everywhere=True, location_ids=frozenset(), account_ids=frozenset())
NOWHERE = Reach(everywhere=False, location_ids=frozenset(), account_ids=frozenset())


def grants_of(work: Unit) -> Sequence[Grant]:
    """The actor's grants that hold now; none for a disabled user or service account."""
    holder = Grant.user_id if work.actor.kind is ActorKind.USER else Grant.service_account_id
    table = User if work.actor.kind is ActorKind.USER else ServiceAccount
    return work.db.scalars(
        select(Grant)
        .join(table, table.id == holder)
        .where(
            holder == work.actor.id,
            table.status == "active",
            Grant.revoked_at.is_(None),
            or_(Grant.expires_at.is_(None), Grant.expires_at > work.clock.now()),
        )
    ).all()


def reach(work: Unit, permission: Permission | None) -> Reach:
    """Where the actor holds the permission (None: any role at all). The operator at the shell and the system reach all."""
    if work.actor.kind in (ActorKind.OPERATOR, ActorKind.SYSTEM):
        return EVERYWHERE
    held = [
        grant
        for grant in grants_of(work)
        if grant.role in Role.__members__.values() and (permission is None or permission in ROLES[Role(grant.role)])
    ]
    return Reach(
        everywhere=any(grant.location_id is None and grant.account_id is None for grant in held),
        location_ids=frozenset(grant.location_id for grant in held if grant.location_id),
        account_ids=frozenset(grant.account_id for grant in held if grant.account_id),
    )


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
        raise NotFound("There is no such thing, or it is not at one of your locations.")
    raise Refused("Your role does not allow this. Ask an administrator if you need it for your work.")


def record_denials(work: Unit, denials: Sequence[str]) -> None:
    """Keep refused requests in the log: called with a unit of its own, since the refused one is rolled back."""
    for words in denials:
        audit.record(work, Act.ACCESS_DENIED, work.actor.kind.value, work.actor.id, outcome="denied", reason=words)


def _holds(
    work: Unit, where: Reach, account: PortalAccount | None, location: Location | None, *, anywhere: bool
) -> bool:
    if not where:
        return False
    if where.everywhere or (anywhere and account is None and location is None):
        return True
    if account is not None and location is not None:
        covered = location in account.locations
        return covered and where.covers(account_id=account.id, location_id=location.id)
    if account is not None:
        places = work.db.scalars(
            select(account_location.c.location_id).where(account_location.c.account_id == account.id)
        )
        return account.id in where.account_ids or any(place in where.location_ids for place in places)
    if location is not None:
        return location.id in where.location_ids
    return False
