"""The health board: script x portal x location, from the runs of the last days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

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
    """Rows of the actor's organization, worst first."""
    require(work, Permission.STATUS_VIEW, anywhere=True)
    mine = organization_of(work)
    query = (
        select(ScriptRun, Portal, Location.name)
        .join(Portal, Portal.id == ScriptRun.portal_id)
        .outerjoin(Location, Location.id == ScriptRun.location_id)
        .where(ScriptRun.at >= work.clock.now() - timedelta(days=days))
        .order_by(ScriptRun.at)
    )
    if mine is not None:
        query = query.where(ScriptRun.organization_id.in_([mine]) | ScriptRun.organization_id.is_(None))
    rows: dict[tuple[str, str, str | None], Health] = {}
    for run, portal, place in work.db.execute(query):
        row = rows.setdefault((portal.key, run.digest, place), Health(portal.key, portal.name, run.digest, place))
        _count(row, run)
    return sorted(
        rows.values(), key=lambda row: (not row.open_failure, row.rate if row.rate is not None else 101, row.portal)
    )


LIVE_DAYS, LIVE_RUNS, LIVE_RATE = 30, 20, 95


def level(work: Unit, portal_id: str) -> tuple[str, str]:
    """The level of the version in force and, where it is less than its files say, why: platinum is earned in live sign-ins."""
    require(work, Permission.STATUS_VIEW, anywhere=True)
    bundle = work.db.get(ScriptBundle, releases.in_force(work, portal_id))
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


def _count(row: Health, run: ScriptRun) -> None:
    row.last_at = run.at
    if run.verdict == judging.WORKED:
        row.worked += 1
        row.open_failure = False
    elif run.verdict == judging.FAILED:
        row.failed += 1
        row.last_failure = f"{run.verb.replace('_', ' ')}: {run.outcome.replace('_', ' ')}"
        row.last_failed_at, row.last_failed_run = run.at, run.id
        row.open_failure = run.mended_at is None
        if run.mended_at is not None:
            row.repair_s = max(row.repair_s or 0, round((run.mended_at - run.at).total_seconds()))
    else:
        row.neither += 1
