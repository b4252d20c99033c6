"""What may be asked where: the portals, their carriers and locations that a person's form offers."""

import re
from dataclasses import dataclass

from sqlalchemy import select

from broker.base.unit import Unit
from broker.directory.models import PortalAccount
from broker.identity.policy import Permission, reach


@dataclass(frozen=True)
class Offer:
    """One portal that may be asked by program."""

    key: str
    name: str
    carriers: tuple[str, ...]
    """Of a hub; empty where the portal is one carrier's."""


@dataclass(frozen=True)
class Offers:
    """Portals and locations within the actor's reach."""

    portals: tuple[Offer, ...]
    by_hand: tuple[str, ...]
    """Names of portals that no program may ask."""
    locations: tuple[tuple[str, str], ...]
    """(key, name)"""
    zones: dict[str, str]
    """Location key → its time zone."""
    portal_keys: dict[str, str]
    """Key or name, as `plain` writes it → key; also of portals that are asked by hand."""
    location_keys: dict[str, str]
    carriers: dict[tuple[str, str], tuple[str, str]]
    """Carrier's name, as `plain` writes it, and location key → key of the one portal that asks it there, and its name there.

    A portal that is asked by hand counts only where no other has the carrier.
    """


def plain(words: str) -> str:
    """As names are compared: small letters and digits, everything else one underscore."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def offers(work: Unit) -> Offers:
    """What the actor may ask."""
    where = reach(work, Permission.LOOKUP_RUN)
    portals: dict[str, Offer] = {}
    by_hand: set[str] = set()
    places: dict[str, str] = {}
    zones: dict[str, str] = {}
    sites: dict[str, str] = {}
    asked_at: dict[tuple[str, str], dict[str, str]] = {}
    by_hand_at: dict[tuple[str, str], dict[str, str]] = {}
    for account in work.db.scalars(select(PortalAccount)):
        near = [place for place in account.locations if where.covers(account_id=account.id, location_id=place.id)]
        if not near:
            continue
        places |= {place.key: place.name for place in near}
        zones |= {place.key: place.time_zone for place in near}
        portal = account.portal
        sites[portal.key] = portal.name
        automated = portal.automation == "automated" and portal.status == "active"
        for carrier in portal.carriers:
            for place in near:
                found = (asked_at if automated else by_hand_at).setdefault((plain(carrier.name), place.key), {})
                found[portal.key] = carrier.name
        if not automated:
            by_hand.add(portal.name)
            continue
        names = tuple(sorted(carrier.name for carrier in portal.carriers))
        portals[portal.key] = Offer(portal.key, portal.name, names if len(names) > 1 else ())
    return Offers(
        tuple(sorted(portals.values(), key=lambda one: one.name)),
        tuple(sorted(by_hand)),
        tuple(sorted(places.items(), key=lambda one: one[1])),
        zones,
        _keys(sites),
        _keys(places),
        {at: next(iter(found.items())) for at, found in (by_hand_at | asked_at).items() if len(found) == 1},
    )


def _keys(named: dict[str, str]) -> dict[str, str]:
    """A name that two of them share stands for neither."""
    names = [plain(name) for name in named.values()]
    by_name = {plain(name): key for key, name in named.items() if names.count(plain(name)) == 1}
    return by_name | {plain(key): key for key in named}
