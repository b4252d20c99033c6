"""Pins: a login that stays on one version, whatever is released, until somebody takes its pin off."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Incomplete, NotFound
from broker.base.unit import Unit
from broker.directory.models import PortalAccount
from broker.identity.policy import NOTHING_THERE, Permission, may, organization_of, require
from broker.scripts import turn, versions
from broker.scripts.models import ScriptPin


def pin(work: Unit, account: PortalAccount, digest: str, reason: str) -> ScriptPin:
    """Keep an account on one version; a pin it had is taken off.

    Raises `Incomplete`, `Refused` (unapproved or another portal's), `NotFound` (another organization's account).
    """
    require(work, Permission.SCRIPT_APPROVE, account=account)
    if len(reason.strip()) < versions.LEAST_WORDS:
        raise Incomplete("Say in a sentence why this account keeps its own version.")
    turn.take(work, account.portal_id)
    row = versions.runnable(work, versions.version(work, digest).digest, account.portal_id)
    _off(work, account)
    made = ScriptPin(
        account_id=account.id,
        digest=row.digest,
        pinned_by=work.actor.id,
        pinned_at=work.clock.now(),
        reason=reason.strip()[:300],
    )
    audit.record(
        work, Act.SCRIPT_PINNED, "script_version", row.digest[:32], account_id=account.id, reason=reason.strip()[:300]
    )
    work.db.add(made)
    work.db.flush()
    return made


def unpin(work: Unit, account: PortalAccount) -> bool:
    """The account runs what the others run again; False when it does already. Raises `NotFound` as `pin` does."""
    require(work, Permission.SCRIPT_APPROVE, account=account)
    turn.take(work, account.portal_id)
    return _off(work, account)


def pins(work: Unit, portal_id: str) -> Sequence[ScriptPin]:
    """Pins of the portal's logins that the actor may see, newest first."""
    require(work, Permission.STATUS_VIEW, anywhere=True)
    query = (
        select(ScriptPin)
        .join(PortalAccount, PortalAccount.id == ScriptPin.account_id)
        .where(PortalAccount.portal_id == portal_id)
        .options(selectinload(ScriptPin.account).selectinload(PortalAccount.locations))
        .order_by(ScriptPin.pinned_at.desc(), ScriptPin.account_id)
    )
    return [row for row in work.db.scalars(query) if may(work, Permission.STATUS_VIEW, account=row.account)]


def logins(work: Unit, portal_id: str) -> Sequence[PortalAccount]:
    """The portal's logins that the actor may pin, by what they are called; none for whoever may pin none."""
    if not may(work, Permission.SCRIPT_APPROVE, anywhere=True):
        return []
    query = select(PortalAccount).where(PortalAccount.portal_id == portal_id)
    mine = organization_of(work)
    if mine is not None:
        query = query.where(PortalAccount.organization_id == mine)
    named = query.options(selectinload(PortalAccount.locations)).order_by(PortalAccount.label, PortalAccount.username)
    return work.db.scalars(named).all()


def login(work: Unit, portal_id: str, account_id: str) -> PortalAccount:
    """One of them. Raises `NotFound`, with the same words for one that is not there and for somebody else's."""
    found = work.db.get(PortalAccount, account_id)
    if found is None or found.portal_id != portal_id:
        raise NotFound(NOTHING_THERE)
    require(work, Permission.SCRIPT_APPROVE, account=found)
    return found


def _off(work: Unit, account: PortalAccount) -> bool:
    known = work.db.get(ScriptPin, account.id)
    if known is None:
        return False
    audit.record(work, Act.SCRIPT_UNPINNED, "script_version", known.digest[:32], account_id=account.id)
    work.db.delete(known)
    work.db.flush()
    return True
