"""Drift: the structure of key pages compared with the one that counts as right, and when each portal is looked at next."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import or_, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.db import changed
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.directory.models import Portal, PortalAccount
from broker.identity.policy import Permission, organization_of, require
from broker.scripts import alerts
from broker.scripts.models import PageStructure, PortalWatch

PAGES = ("login", "home")
LOOK_EVERY = timedelta(hours=4)
FIRST_LOOK = timedelta(minutes=10)
"""After a portal is new here: whoever set it up is at work on it."""
DRIFTED_BELOW = 85
"""Per cent of features in common. A renamed field or a moved button of a sign-in page costs far more than that leaves."""
MOST_FEATURES = 400


def likeness(one: Sequence[str], other: Sequence[str]) -> int:
    """Per cent of all features that both have; 100 for two empty pages. Pure."""
    a, b = set(one), set(other)
    return round(100 * len(a & b) / len(a | b)) if a | b else 100


def seen(
    work: Unit, portal_id: str, page: str, features: Sequence[str], account: PortalAccount | None = None
) -> PageStructure:
    """A key page was seen; a home page is its `account`'s own, for roles and offices see different ones.

    The first one counts as right; one that is too different is drift, said once until it is as it was.
    """
    features = sorted(set(features))[:MOST_FEATURES]
    now, whose = work.clock.now(), account.id if account else ""
    organization_id = account.organization_id if account else None
    row = work.db.get(PageStructure, (portal_id, page, whose))
    if row is None:
        row = PageStructure(
            portal_id=portal_id,
            page=page,
            account_id=whose,
            features=features,
            accepted_by=work.actor.id,
            accepted_at=now,
            seen=features,
            seen_at=now,
            likeness=100,
            drifted_at=None,
        )
        work.db.add(row)
        work.db.flush()
        return row
    row.seen, row.seen_at, row.likeness = features, now, likeness(row.features, features)
    if row.likeness >= DRIFTED_BELOW:
        was_drifted, row.drifted_at = row.drifted_at, None
        if was_drifted is not None:
            _right_again(work, portal_id, page, organization_id)
    elif row.drifted_at is None:
        row.drifted_at = now
        audit.record(
            work,
            Act.SCRIPT_DRIFT_SEEN,
            "portal",
            portal_id,
            account_id=whose or None,
            detail={"page": page, "likeness": row.likeness, "gone": len(set(row.features) - set(features))},
        )
        alerts.of_page(work, portal_id, page, row.likeness, organization_id)
    return row


def accept(work: Unit, portal_id: str, page: str) -> PageStructure:
    """A person says: the page as it was last seen is right from now on, at each login of hers. Raises `NotFound`."""
    require(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
    rows = [row for row in structures(work) if (row.portal_id, row.page) == (portal_id, page)]
    if not rows:
        raise NotFound("That page was never seen.")
    for row in rows:
        row.features, row.accepted_by, row.accepted_at = row.seen, work.actor.id, work.clock.now()
        row.likeness, row.drifted_at = 100, None
    work.db.flush()
    for organization_id in {_organization_of(work, row) for row in rows}:
        _right_again(work, portal_id, page, organization_id)
    audit.record(work, Act.SCRIPT_DRIFT_ACCEPTED, "portal", portal_id, detail={"page": page})
    return rows[0]


def structures(work: Unit) -> Sequence[PageStructure]:
    """All key pages, by portal: the sign-in pages, and the home pages of logins of the actor's organization."""
    query = select(PageStructure).order_by(PageStructure.portal_id, PageStructure.page.desc(), PageStructure.account_id)
    mine = organization_of(work)
    if mine is not None:
        theirs = select(PortalAccount.id).where(PortalAccount.organization_id == mine)
        query = query.where(or_(PageStructure.account_id == "", PageStructure.account_id.in_(theirs)))
    return work.db.scalars(query).all()


def drifted(work: Unit) -> list[PageStructure]:
    """Of each portal's each page that has changed, the one login's that has changed most."""
    worst: dict[tuple[str, str], PageStructure] = {}
    for row in structures(work):
        known = worst.get((row.portal_id, row.page))
        if row.drifted_at is not None and (known is None or row.likeness < known.likeness):
            worst[row.portal_id, row.page] = row
    return list(worst.values())


def _organization_of(work: Unit, row: PageStructure) -> str | None:
    account = work.db.get(PortalAccount, row.account_id) if row.account_id else None
    return account.organization_id if account else None


def _right_again(work: Unit, portal_id: str, page: str, organization_id: str | None) -> None:
    """The alert is over, unless the page of another login of theirs is still changed."""
    work.db.flush()
    theirs = select(PortalAccount.id).where(PortalAccount.organization_id == organization_id)
    whose = PageStructure.account_id.in_(theirs) if organization_id else PageStructure.account_id == ""
    other = select(PageStructure.page).where(
        PageStructure.portal_id == portal_id, PageStructure.page == page, whose, PageStructure.drifted_at.is_not(None)
    )
    if work.db.scalar(other.limit(1)) is None:
        alerts.page_right(work, portal_id, page, organization_id)


def changes(row: PageStructure) -> tuple[list[str], list[str]]:
    """Features that are gone, and new ones."""
    return sorted(set(row.features) - set(row.seen)), sorted(set(row.seen) - set(row.features))


def take_due(work: Unit) -> Portal | None:
    """The next portal whose sign-in page is to be looked at; taken by one host, and due again after `LOOK_EVERY`.

    Portals that are switched off or where a person signs in herself are not looked at by program.
    """
    now = work.clock.now()
    for portal in work.db.scalars(
        select(Portal)
        .outerjoin(PortalWatch, PortalWatch.portal_id == Portal.id)
        .where(Portal.status == "active", Portal.automation != "attended", PortalWatch.portal_id.is_(None))
    ):
        work.db.add(PortalWatch(portal_id=portal.id, next_look_at=now + FIRST_LOOK, looked_at=None))
    work.db.flush()
    due = work.db.execute(
        select(Portal, PortalWatch.next_look_at)
        .join(PortalWatch, PortalWatch.portal_id == Portal.id)
        .where(Portal.status == "active", Portal.automation != "attended", PortalWatch.next_look_at <= now)
        .order_by(PortalWatch.next_look_at)
        .limit(1)
    ).first()
    if due is None:
        return None
    taken = work.db.execute(
        update(PortalWatch)
        .where(PortalWatch.portal_id == due[0].id, PortalWatch.next_look_at == due[1])
        .values(next_look_at=now + LOOK_EVERY)
    )
    return due[0] if changed(taken) else None


def looked(work: Unit, portal_id: str, outcome: str) -> None:
    """How the look ended."""
    row = work.db.get_one(PortalWatch, portal_id)
    row.looked_at, row.outcome = work.clock.now(), outcome[:30]


def look_now(work: Unit, portal_id: str) -> None:
    """A person wants the next look at once."""
    require(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
    row = work.db.get(PortalWatch, portal_id)
    if row is None:
        work.db.add(PortalWatch(portal_id=portal_id, next_look_at=work.clock.now(), looked_at=None))
    else:
        row.next_look_at = work.clock.now()
    audit.record(work, Act.SCRIPT_LOOK_ASKED, "portal", portal_id)
