"""Finding recordings among those one may view: by person, portal, location and time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, or_, select, true

from broker.base.unit import Unit
from broker.directory.models import Location, Portal, PortalAccount
from broker.identity.policy import Permission, reach
from broker.recordings import words
from broker.recordings.models import Recording

LONGEST_PAGE = 200


@dataclass(frozen=True)
class Wanted:
    """Which recordings; an empty field takes all."""

    person: str = ""
    """The holder's id."""
    portal: str = ""
    location: str = ""
    """Keys, such as `harborline` and `phoenix`."""
    since: datetime | None = None
    until: datetime | None = None
    """Started up to but not including this moment."""
    words: Sequence[bytes] = ()
    """Digests of what came up in it (see `words.py`)."""


@dataclass(frozen=True)
class Choices:
    """What the recordings one may view can be asked by: (id or key, name) pairs."""

    people: list[tuple[str, str]]
    portals: list[tuple[str, str]]
    locations: list[tuple[str, str]]


def found(
    work: Unit, wanted: Wanted, *, before: tuple[datetime, str] | None = None, limit: int = 50
) -> Sequence[tuple[Recording, str, str]]:
    """Recordings the actor may view with portal and location name, newest first; `before`: start and id of the last seen."""
    query = (
        select(Recording, Portal.name, Location.name)
        .join(PortalAccount, PortalAccount.id == Recording.account_id)
        .join(Portal, Portal.id == PortalAccount.portal_id)
        .join(Location, Location.id == Recording.location_id)
        .where(may_view(work))
        .order_by(Recording.started_at.desc(), Recording.id.desc())
    )
    for column, value in (
        (Recording.holder_id, wanted.person),
        (Portal.key, wanted.portal),
        (Location.key, wanted.location),
    ):
        if value:
            query = query.where(column == value)
    if wanted.words:
        query = query.where(words.has(wanted.words))
    if wanted.since is not None:
        query = query.where(Recording.started_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Recording.started_at < wanted.until)
    if before is not None:
        at, last = before
        query = query.where(or_(Recording.started_at < at, (Recording.started_at == at) & (Recording.id < last)))
    return [(row[0], row[1], row[2]) for row in work.db.execute(query.limit(min(max(limit, 1), LONGEST_PAGE)))]


def choices(work: Unit) -> Choices:
    """What to offer for choosing."""
    visible = may_view(work)
    people = work.db.execute(select(Recording.holder_id, Recording.holder_name).where(visible).distinct())
    portals = work.db.execute(
        select(Portal.key, Portal.name)
        .join(PortalAccount, PortalAccount.portal_id == Portal.id)
        .join(Recording, Recording.account_id == PortalAccount.id)
        .where(visible)
        .distinct()
    )
    locations = work.db.execute(
        select(Location.key, Location.name)
        .join(Recording, Recording.location_id == Location.id)
        .where(visible)
        .distinct()
    )
    lists = (
        sorted(((row[0], row[1]) for row in rows), key=lambda pair: pair[1]) for rows in (people, portals, locations)
    )
    return Choices(*lists)


def may_view(work: Unit) -> ColumnElement[bool]:
    """The condition on `Recording`: one's own, or all at one's places."""
    everyone, own = reach(work, Permission.RECORDING_VIEW_ALL), reach(work, Permission.RECORDING_VIEW_OWN)
    if everyone.everywhere:
        return true()
    allowed: list[ColumnElement[bool]] = [false()]
    if everyone:
        allowed += [Recording.location_id.in_(everyone.location_ids), Recording.account_id.in_(everyone.account_ids)]
    if own:
        allowed.append(Recording.holder_id == work.actor.id)
    return or_(*allowed)
