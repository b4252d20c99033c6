"""Users and service accounts: created, disabled, given roles. Every change asks the policy, is recorded, then done."""

import re
import unicodedata
from datetime import datetime

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import ActorKind
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory.models import Location, Organization, PortalAccount
from broker.identity import logins, policy
from broker.identity.models import Grant, ServiceAccount, User
from broker.identity.policy import NOTHING_THERE, Permission, Role, require

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,130}")
WORKS_IN_PORTALS = frozenset(role for role in Role if Permission.TAB_OPEN in policy.ROLES[role])


def same_organization(work: Unit, organization_id: str) -> bool:
    """Whether the actor belongs to the organization (the operator and the system belong to all)."""
    return policy.organization_of(work) in {None, organization_id}


def normal_email(email: str) -> str:
    """The sign-in name: NFKC-normalised, case-folded. Raises `Incomplete` when it is no e-mail address."""
    normal = unicodedata.normalize("NFKC", email).strip().casefold()
    if not _EMAIL.fullmatch(normal):
        raise Incomplete("That is no e-mail address: it looks like name@practice.example.")
    return normal


def create_user(work: Unit, organization_id: str, *, email: str, name: str) -> User:
    """A user who can do nothing yet. Raises `Conflict` when the address is taken, `Incomplete`, `NotFound`, `Refused`."""
    _require_management(work, organization_id)
    normal, shown = normal_email(email), _shown_name(name)
    if work.db.scalar(select(User.id).where(User.email == normal)) is not None:
        raise Conflict("There is a user with that e-mail address already.")
    user = User(
        id=new_id("usr"), organization_id=organization_id, email=normal, name=shown, created_at=work.clock.now()
    )
    audit.record(work, Act.USER_CREATED, "user", user.id, detail={"name": shown})
    work.db.add(user)
    work.db.flush()
    return user


def create_service_account(work: Unit, organization_id: str, name: str, owner_id: str | None = None) -> ServiceAccount:
    """Automation's own identity; it gets API keys, never a password. Raises as `create_user` does."""
    _require_management(work, organization_id)
    shown = _shown_name(name)
    if work.db.scalar(select(ServiceAccount.id).where(ServiceAccount.name == shown)) is not None:
        raise Conflict("There is a service account of that name already.")
    row = ServiceAccount(
        id=new_id("svc"), organization_id=organization_id, name=shown, owner_id=owner_id, created_at=work.clock.now()
    )
    audit.record(work, Act.USER_CREATED, "service_account", row.id, detail={"name": shown})
    work.db.add(row)
    work.db.flush()
    return row


def give_grant(
    work: Unit,
    *,
    role: Role | str,
    user_id: str | None = None,
    service_account_id: str | None = None,
    location_id: str | None = None,
    account_id: str | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Give a role: at a location, on a portal account, or (neither) in the whole organization.

    Nobody gives himself a role, and compliance stays apart from work in portals (threats.md 3.5). Raises `Refused`,
    `NotFound`, `Conflict`, `Incomplete`.
    """
    require(work, Permission.USER_MANAGE, anywhere=True)
    chosen = _role(role)
    holder = _holder(work, user_id, service_account_id)
    if holder.id == work.actor.id and work.actor.kind in (ActorKind.USER, ActorKind.SERVICE):
        raise Refused("Nobody gives himself a role: ask another administrator.")
    if (chosen is Role.SERVICE) != isinstance(holder, ServiceAccount):
        raise Incomplete("The role for service accounts is for them alone, and theirs alone.")
    _check_place(work, holder, location_id, account_id)
    if expires_at is not None and expires_at <= work.clock.now():
        raise Incomplete("The grant would end before it begins: choose a later end.")
    _keep_apart(work, chosen, user_id)
    row = Grant(
        id=new_id("gra"),
        user_id=user_id,
        service_account_id=service_account_id,
        role=chosen.value,
        location_id=location_id,
        account_id=account_id,
        granted_by=work.actor.id,
        granted_at=work.clock.now(),
        expires_at=expires_at,
        revoked_at=None,
    )
    until = expires_at.isoformat() if expires_at else None
    detail = {"role": chosen.value, "to": holder.id, "until": until}
    audit.record(work, Act.GRANT_GIVEN, "grant", row.id, account_id=account_id, location_id=location_id, detail=detail)
    work.db.add(row)
    work.db.flush()
    return row


def revoke_grant(work: Unit, grant_id: str) -> None:
    """Take a role back; live streams re-check at once. Raises `NotFound`, `Refused`."""
    require(work, Permission.USER_MANAGE, anywhere=True)
    row = work.db.get(Grant, grant_id)
    if row is None or row.revoked_at is not None:
        raise NotFound(NOTHING_THERE)
    holder = _holder(work, row.user_id, row.service_account_id)
    if holder.id == work.actor.id and work.actor.kind is ActorKind.USER:
        raise Refused(
            "You cannot take back your own role, or nobody might be left to give it: ask another administrator."
        )
    detail = {"role": row.role, "from": holder.id}
    audit.record(
        work, Act.GRANT_REVOKED, "grant", row.id, account_id=row.account_id, location_id=row.location_id, detail=detail
    )
    row.revoked_at = work.clock.now()
    work.signal("revoked")


def disable_user(work: Unit, user_id: str) -> None:
    """No sign-in, no stream, from this moment. Raises `NotFound`, `Refused`."""
    require(work, Permission.USER_MANAGE, anywhere=True)
    user = find_user(work, user_id)
    if user.id == work.actor.id:
        raise Refused("You cannot disable yourself: ask another administrator.")
    audit.record(work, Act.USER_DISABLED, "user", user.id)
    user.status = "disabled"
    logins.end_all(work, user.id, "disabled")
    work.signal("revoked")


def enable_user(work: Unit, user_id: str) -> None:
    """A disabled person may sign in again, with the roles she still holds. Raises `NotFound`, `Refused`."""
    require(work, Permission.USER_MANAGE, anywhere=True)
    user = find_user(work, user_id)
    if user.status == "active":
        return
    audit.record(work, Act.USER_CHANGED, "user", user.id, detail={"changed": "enabled again"})
    user.status = "active"


def find_user(work: Unit, user_id: str) -> User:
    """A user of the actor's own organization. Raises `NotFound`."""
    user = work.db.get(User, user_id)
    if user is None or not same_organization(work, user.organization_id):
        raise NotFound(NOTHING_THERE)
    return user


def find_service_account(work: Unit, service_account_id: str) -> ServiceAccount:
    """A service account of the actor's own organization. Raises `NotFound`."""
    row = work.db.get(ServiceAccount, service_account_id)
    if row is None or not same_organization(work, row.organization_id):
        raise NotFound(NOTHING_THERE)
    return row


def _require_management(work: Unit, organization_id: str) -> None:
    require(work, Permission.USER_MANAGE, anywhere=True)
    if work.db.get(Organization, organization_id) is None or not same_organization(work, organization_id):
        raise NotFound(NOTHING_THERE)


def _shown_name(name: str) -> str:
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(shown) <= 120 or not shown.isprintable():
        raise Incomplete("A name has 1 to 120 letters, digits and spaces: type the name people know.")
    return shown


def _holder(work: Unit, user_id: str | None, service_account_id: str | None) -> User | ServiceAccount:
    if user_id is not None and service_account_id is None:
        return find_user(work, user_id)
    if service_account_id is not None and user_id is None:
        return find_service_account(work, service_account_id)
    raise Incomplete("A grant is for one person or one service account: name one of them.")


def _role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise Incomplete(f"There is no such role. Roles are: {', '.join(Role)}.") from None


def _check_place(work: Unit, holder: User | ServiceAccount, location_id: str | None, account_id: str | None) -> None:
    if location_id is not None and account_id is not None:
        raise Incomplete(
            "A grant names one place: a location, or a portal account, or none for the whole organization."
        )
    if location_id is None and account_id is None:
        return
    place = work.db.get(Location, location_id) if location_id is not None else work.db.get(PortalAccount, account_id)
    if place is None or place.organization_id != holder.organization_id:
        raise NotFound(NOTHING_THERE)


def _keep_apart(work: Unit, role: Role, user_id: str | None) -> None:
    if user_id is None:
        return
    has = {found for found in Role if policy.has_role(work, user_id, found)}
    if (role is Role.COMPLIANCE and has & WORKS_IN_PORTALS) or (role in WORKS_IN_PORTALS and Role.COMPLIANCE in has):
        raise Conflict("Who reviews recordings does not work in portals: take the other role back first.")
