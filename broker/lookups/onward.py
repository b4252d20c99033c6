"""What waited for a person goes on: one batch asked again, or all that waited for a login that is in order again."""

from sqlalchemy import ColumnElement, exists, func, literal, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.db import UtcDateTime, changed
from broker.base.unit import Unit
from broker.directory.models import Location, Portal, PortalAccount
from broker.lookups import records
from broker.lookups.failures import OF_CODES
from broker.lookups.models import Lookup, LookupBatch
from broker.lookups.showing import visible
from broker.lookups.states import State
from broker.lookups.submitting import account_for
from broker.tabs.models import PortalSession
from broker.tabs.states import SessionState

OF_LOGIN = (
    "login_failed",
    "password_expired",
    "account_locked",
    "needs_person",
    "captcha_required",
    "terms_changed",
    "not_authorized_for_tin",
    *OF_CODES,
)
"""What a person puts right for a login, and with it for every lookup that waits for it."""


def again(work: Unit, batch: LookupBatch) -> int:
    """Queue the batch's rows that wait for a person: those the actor may see, where a login covers them now; how many."""
    asked = 0
    waiting = (Lookup.batch_id == batch.id, Lookup.state == State.NEEDS_HUMAN, visible(work))
    places = work.db.execute(select(Lookup.portal_id, Lookup.location_id).where(*waiting).distinct()).tuples().all()
    for portal_id, location_id in places:
        account = account_for(work, work.db.get_one(Portal, portal_id), work.db.get_one(Location, location_id))
        if account is None:
            continue
        here = (Lookup.portal_id == portal_id, Lookup.location_id == location_id)
        asked += _queue(work, account.id, *waiting, *here)
    work.signal(f"batch:{batch.id}")
    return asked


def after_repairs(work: Unit) -> None:
    """Queue what waited for logins that were released since, or whose codes come again."""
    released = exists().where(
        PortalAccount.id == Lookup.account_id,
        PortalAccount.status == "active",
        PortalAccount.status_at > Lookup.state_at,
    )
    signed_in = exists().where(
        PortalSession.account_id == Lookup.account_id,
        PortalSession.state == SessionState.READY,
        PortalSession.created_at > Lookup.state_at,
    )
    for codes, repaired in ((OF_LOGIN, released), (OF_CODES, signed_in)):
        waiting: tuple[ColumnElement[bool], ...] = (
            Lookup.state == State.NEEDS_HUMAN,
            Lookup.error.in_(codes),
            repaired,
        )
        for account_id in work.db.scalars(select(Lookup.account_id).where(*waiting).distinct()).all():
            if account_id is None:
                continue
            rows = _queue(work, account_id, *waiting, Lookup.account_id == account_id)
            audit.record(
                work,
                Act.RECONCILED,
                "portal_account",
                account_id,
                account_id=account_id,
                outcome="queued",
                reason="lookups go on",
                detail={"rows": rows},
            )


def _queue(work: Unit, account_id: str, *where: ColumnElement[bool]) -> int:
    """In one statement, whatever their number; a row that another transaction has moved meanwhile is left as it is."""
    now = work.clock.now()
    work.db.flush()
    theirs = select(Lookup.batch_id).where(*where, Lookup.batch_id.is_not(None))
    work.db.execute(
        update(LookupBatch)
        .where(LookupBatch.id.in_(theirs))
        .values(told_at=None)
        .execution_options(synchronize_session=False)
    )
    planned = select(LookupBatch.not_before).where(LookupBatch.id == Lookup.batch_id, LookupBatch.not_before > now)
    queued = work.db.execute(
        update(Lookup)
        .where(*where)
        .values(
            state=State.QUEUED.value,
            state_at=now,
            account_id=account_id,
            failures=0,
            runs=0,
            yielded=0,
            error=None,
            ended_at=None,
            not_before=func.coalesce(planned.scalar_subquery(), literal(now, UtcDateTime())),
        )
        .execution_options(synchronize_session=False)
    )
    records.clear_turn(work, account_id)
    work.enqueue("run_lookups", account_id)
    work.signal("lookups")
    return changed(queued)
