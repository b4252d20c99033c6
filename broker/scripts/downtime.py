"""Downtime: which portals were down when they were last seen, since when, and what an office does meanwhile."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Portal
from broker.scripts.models import PortalWatch, ScriptRun

DOWN = "down"
REMEMBERED = timedelta(hours=12)
"""An outage nobody has seen for longer is not claimed any more."""
LOOK_AGAIN = timedelta(minutes=5)
"""A portal that is down is looked at this often, so that the notice ends with the outage."""
SAYS_LITTLE = ("no_browser", "refused")
STEPS_WITHOUT_ANY = (
    "Try again in a quarter of an hour: Portunus looks every five minutes and takes this notice away.",
)


@dataclass(frozen=True)
class Downtime:
    """A notice for people who want to work in the portal."""

    portal_key: str
    portal: str
    since: datetime
    seen_at: datetime
    steps: tuple[str, ...]
    """What to do meanwhile, in order: the portal's own fallback, then its provider line."""


def downtimes(work: Unit, portal_keys: Collection[str]) -> list[Downtime]:
    """Of these portals, those whose newest run found them down, by name."""
    portals = work.db.scalars(select(Portal).where(Portal.key.in_(portal_keys)).order_by(Portal.name))
    found = ((portal, _since(work, portal.id)) for portal in portals)
    return [
        Downtime(portal.key, portal.name, *when, steps(directory.behaviour(work, portal), portal.provider_line))
        for portal, when in found
        if when is not None
    ]


def steps(behaviour: dict[str, object], provider_line: str | None) -> tuple[str, ...]:
    """What an office does while the portal is down. Pure."""
    own = behaviour.get("fallback_steps")
    told = [str(one) for one in own] if isinstance(own, list) else []
    if provider_line and not any(provider_line in one for one in told):
        told.append(f"Call the provider line: {provider_line}.")
    return tuple(told) + STEPS_WITHOUT_ANY


def look_soon(work: Unit, portal_id: str) -> None:
    """It was just found down: the next look comes soon."""
    soon = work.clock.now() + LOOK_AGAIN
    work.db.execute(
        update(PortalWatch)
        .where(PortalWatch.portal_id == portal_id, PortalWatch.next_look_at > soon)
        .values(next_look_at=soon)
    )


def _since(work: Unit, portal_id: str) -> tuple[datetime, datetime] | None:
    newest_first = (
        select(ScriptRun.outcome, ScriptRun.at)
        .where(ScriptRun.portal_id == portal_id, ScriptRun.at > work.clock.now() - REMEMBERED)
        .where(ScriptRun.outcome.not_in(SAYS_LITTLE))
        .order_by(ScriptRun.at.desc())
    )
    since = seen_at = None
    for outcome, at in work.db.execute(newest_first):
        if outcome != DOWN:
            break
        since, seen_at = at, seen_at or at
    return (since, seen_at) if since is not None and seen_at is not None else None
