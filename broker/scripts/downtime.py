"""Downtime: which portals were down when they were last seen, since when, and what an office does meanwhile."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Portal
from broker.scripts.models import PortalWatch, ScriptRun

DOWN = "down"
REMEMBERED = timedelta(hours=12)
"""An outage nobody has seen for longer is not claimed any more."""
LOOK_AGAIN = timedelta(minutes=5)
"""A portal that is down is looked at this often, so that the notice ends with the outage."""
BELIEVED = ScriptRun.trial == ""
"""A version on trial that says "down" may be the one that is wrong; the look that follows at once is not on trial."""
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
    seen = _seen_down(work)
    if not seen:
        return []  # on most days: one question for all portals, and nothing more
    named = select(Portal).where(Portal.key.in_(portal_keys), Portal.id.in_(seen)).order_by(Portal.name)
    return [
        Downtime(
            portal_key=portal.key,
            portal=portal.name,
            since=_since(work, portal.id, seen[portal.id].worked_at),
            seen_at=seen[portal.id].down_at,
            steps=steps(directory.behaviour(work, portal), portal.provider_line),
        )
        for portal in work.db.scalars(named)
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


@dataclass(frozen=True)
class _Seen:
    """When a portal was last found down, and when it last worked."""

    down_at: datetime
    worked_at: datetime | None


def _seen_down(work: Unit) -> dict[str, _Seen]:
    """By portal: those that were down when they were last seen."""
    was_down = ScriptRun.outcome == DOWN
    newest = (
        select(ScriptRun.portal_id, func.max(ScriptRun.at).filter(was_down), func.max(ScriptRun.at).filter(~was_down))
        .where(ScriptRun.at > work.clock.now() - REMEMBERED, ScriptRun.outcome.not_in(SAYS_LITTLE), BELIEVED)
        .group_by(ScriptRun.portal_id)
    )
    return {
        portal_id: _Seen(down_at, worked_at)
        for portal_id, down_at, worked_at in work.db.execute(newest)
        if down_at is not None and (worked_at is None or down_at > worked_at)
    }


def _since(work: Unit, portal_id: str, worked_at: datetime | None) -> datetime:
    """When it was first found down after it had last worked."""
    first = select(func.min(ScriptRun.at)).where(
        ScriptRun.portal_id == portal_id,
        ScriptRun.outcome == DOWN,
        BELIEVED,
        ScriptRun.at > (worked_at or work.clock.now() - REMEMBERED),
    )
    return work.db.execute(first).scalar_one()
