"""The health board: script x portal x location, from the runs of the last days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select

from broker.base.unit import Unit
from broker.directory.models import Location, Portal
from broker.identity.policy import Permission, organization_of, require
from broker.scripts import judging, releases
from broker.scripts.models import ScriptBundle, ScriptRun

DAYS = 7


@dataclass
class Health:
    """One version of a portal's script at one location (None: looks, which belong to no location)."""

    portal: str
    portal_name: str
    digest: str
    location: str | None
    worked: int = 0
    failed: int = 0
    neither: int = 0
    last_at: datetime | None = None
    last_failure: str = ""
    last_failed_at: datetime | None = None
    last_failed_run: str = ""
    repair_s: int | None = None
    """Longest time from a failure to the next success."""
    open_failure: bool = False
    """It failed and has not worked since."""

    @property
    def rate(self) -> int | None:
        """Per cent; None without a judged run."""
        return round(100 * judging.Tally(self.worked, self.failed).rate) if self.worked + self.failed else None


def health(work: Unit, *, days: int = DAYS) -> list[Health]:
    """Rows of the actor's organization, worst first. Counted by the database: the runs' steps stay there."""
    require(work, Permission.STATUS_VIEW, anywhere=True)
    of_the_days = _runs_of(organization_of(work), ScriptRun.at >= work.clock.now() - timedelta(days=days))
    rows: dict[_Key, Health] = {}
    for portal_id, digest, location_id, verdict, count, last_at in work.db.execute(
        select(*_KEY, ScriptRun.verdict, func.count(), func.max(ScriptRun.at))
        .where(*of_the_days)
        .group_by(*_KEY, ScriptRun.verdict)
    ):
        row = rows.setdefault((portal_id, digest, location_id), Health("", "", digest, None))
        setattr(row, verdict, count)
        row.last_at = max(row.last_at or last_at, last_at)
    _failures(work, rows, (*of_the_days, ScriptRun.verdict == judging.FAILED))
    portals = {one.id: one for one in work.db.scalars(select(Portal).where(Portal.id.in_({key[0] for key in rows})))}
    places = dict(work.db.execute(select(Location.id, Location.name)).tuples().all())
    for (portal_id, _, location_id), row in rows.items():
        row.portal, row.portal_name = portals[portal_id].key, portals[portal_id].name
        row.location = places[location_id] if location_id else None
    return sorted(
        rows.values(), key=lambda row: (not row.open_failure, row.rate if row.rate is not None else 101, row.portal)
    )


_Key = tuple[str, str, str | None]
_KEY = (ScriptRun.portal_id, ScriptRun.digest, ScriptRun.location_id)


def _runs_of(organization_id: str | None, *more: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    """Of one organization, and those of none (looks); None: all."""
    if organization_id is None:
        return more
    return (*more, or_(ScriptRun.organization_id == organization_id, ScriptRun.organization_id.is_(None)))


def _failures(work: Unit, rows: dict[_Key, Health], failed: tuple[ColumnElement[bool], ...]) -> None:
    """The newest failure of each row, whether any is open, and the longest repair of them all."""
    newest_first = (ScriptRun.at.desc(), ScriptRun.id.desc())
    place = func.row_number().over(partition_by=_KEY, order_by=newest_first).label("place")
    newest = (
        select(*_KEY, ScriptRun.id, ScriptRun.verb, ScriptRun.outcome, ScriptRun.at, place).where(*failed).subquery()
    )
    for run in work.db.execute(select(newest).where(newest.c.place == 1)):
        row = rows[run.portal_id, run.digest, run.location_id]
        row.last_failure = f"{run.verb.replace('_', ' ')}: {run.outcome.replace('_', ' ')}"
        row.last_failed_at, row.last_failed_run = run.at, run.id
    spans = select(*_KEY, ScriptRun.at, ScriptRun.mended_at).where(*failed)
    for portal_id, digest, location_id, at, mended_at in work.db.execute(spans):
        row = rows[portal_id, digest, location_id]
        if mended_at is None:
            row.open_failure = True
        else:
            row.repair_s = max(row.repair_s or 0, round((mended_at - at).total_seconds()))


LIVE_DAYS, LIVE_RUNS, LIVE_RATE = 30, 20, 95


def level(work: Unit, portal_id: str) -> tuple[str, str]:
    """The level of the version in force and, where it is less than its files say, why: platinum is earned in live sign-ins."""
    require(work, Permission.STATUS_VIEW, anywhere=True)
    bundle = work.db.get(ScriptBundle, releases.standing(work, portal_id) or "")
    if bundle is None or bundle.quality != "platinum":
        return (bundle.quality if bundle else ""), ""
    verdicts = work.db.scalars(
        select(ScriptRun.verdict).where(
            ScriptRun.portal_id == portal_id,
            ScriptRun.verb == "sign_in",
            ScriptRun.verdict != judging.NEITHER,
            ScriptRun.at >= work.clock.now() - timedelta(days=LIVE_DAYS),
        )
    ).all()
    live = judging.tally(verdicts)
    if live.worked + live.failed >= LIVE_RUNS and round(100 * live.rate) >= LIVE_RATE:
        return "platinum", ""
    return (
        "gold",
        f"For platinum {LIVE_RATE} % of at least {LIVE_RUNS} sign-ins in {LIVE_DAYS} days must work; {live.worked} of {live.worked + live.failed} did.",
    )
