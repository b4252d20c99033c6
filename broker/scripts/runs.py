"""Runs of scripts as the browser host reports them: judged, kept without any text of a page, and mended by a later success."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory.models import Portal, PortalAccount
from broker.identity.policy import Permission, organization_of, require
from broker.scripts import alerts, downtime, judging, releases, turn
from broker.scripts.models import ScriptRelease, ScriptRun

MOST_STEPS = 60
KEPT = timedelta(days=90)
LOOK = "look"
"""Of what is in force; it belongs to no login, so it decides nothing about a release."""


@dataclass(frozen=True)
class Report:
    """What the host knows of a run that is over. `steps`: {do, where, ms, ok} each, never a text of the page."""

    portal_id: str
    digest: str
    verb: str
    outcome: str
    ms: int
    account_id: str | None = None
    location_id: str | None = None
    session_id: str | None = None
    place: str = ""
    steps: Sequence[dict[str, Any]] = field(default_factory=tuple)
    page: str = ""
    evidence: str | None = None


def note(work: Unit, report: Report) -> ScriptRun:
    """Keep a run; a release on trial goes back or on at once, or is held, when this run decides it."""
    release = _on_trial(work, report)
    row = _kept(work, report, release)
    if row.verdict == judging.WORKED:
        _mend(work, row)
    if row.outcome == downtime.DOWN:
        downtime.look_soon(work, report.portal_id)
    if row.verdict == judging.FAILED:
        audit.record(
            work,
            Act.SCRIPT_FAILED,
            "script_run",
            row.id,
            account_id=row.account_id,
            location_id=row.location_id,
            outcome=row.outcome,
            detail={"script": row.digest[:16], "verb": row.verb, "place": row.place or None},
        )
        alerts.of_run(work, row)
    counts = release is not None and row.trial == releases.trial_name(release)
    if release is not None and counts and releases.judge(work, report.portal_id) == "hold":
        alerts.of_release(work, release, row)
    return row


def _on_trial(work: Unit, report: Report) -> ScriptRelease | None:
    """The release under way, where this was a run of its version; nobody else changes it until the end of this unit."""
    release = releases.running(work, report.portal_id)
    if release is None or release.digest != report.digest or report.verb == LOOK:
        return None
    turn.take(work, report.portal_id)
    release = releases.running(work, report.portal_id)
    return release if release is not None and release.digest == report.digest else None


def _kept(work: Unit, report: Report, release: ScriptRelease | None) -> ScriptRun:
    trial = ""
    if release is not None:
        counts = releases.counts(work, release, report.location_id)
        trial = releases.trial_name(release, aside=not counts)
    account = work.db.get(PortalAccount, report.account_id) if report.account_id else None
    row = ScriptRun(
        id=new_id("run"),
        at=work.clock.now(),
        portal_id=report.portal_id,
        digest=report.digest,
        account_id=report.account_id,
        location_id=report.location_id,
        organization_id=account.organization_id if account else None,
        session_id=report.session_id,
        verb=report.verb[:20],
        outcome=report.outcome[:30],
        trial=trial,
        verdict=judging.verdict(
            report.verb,
            report.outcome,
            on_trial=bool(trial),
            worked_before=bool(trial) and _worked_before(work, report),
        ),
        ms=report.ms,
        place=report.place[:120],
        steps=list(report.steps)[-MOST_STEPS:],
        page=report.page[:300],
        evidence=report.evidence,
        mended_at=None,
    )
    work.db.add(row)
    work.db.flush()
    return row


def _worked_before(work: Unit, report: Report) -> bool:
    """Whether this login's last sign-in with another version worked: then its password was right a while ago."""
    before = (
        select(ScriptRun.verdict)
        .where(
            ScriptRun.portal_id == report.portal_id,
            ScriptRun.account_id == report.account_id,
            ScriptRun.digest != report.digest,
            ScriptRun.verb == releases.SIGN_IN,
        )
        .order_by(ScriptRun.at.desc(), ScriptRun.id.desc())
        .limit(1)
    )
    return work.db.scalar(before) == judging.WORKED


def failed(work: Unit, *, portal_id: str | None = None, limit: int = 100) -> Sequence[ScriptRun]:
    """Newest failed runs of the actor's own organization, and those of no organization (looks); of one portal, or of all."""
    require(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
    query = select(ScriptRun).where(ScriptRun.verdict == judging.FAILED)
    if portal_id is not None:
        query = query.where(ScriptRun.portal_id == portal_id)
    mine = organization_of(work)
    if mine is not None:
        query = query.where(ScriptRun.organization_id.in_([mine]) | ScriptRun.organization_id.is_(None))
    return work.db.scalars(query.order_by(ScriptRun.at.desc()).limit(limit)).all()


def open_failed(work: Unit, run_id: str) -> ScriptRun:
    """One failed run to look at; looking is recorded, for its picture is of a practice's page. Raises `NotFound`."""
    require(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
    row = work.db.get(ScriptRun, run_id)
    mine = organization_of(work)
    if row is None or (mine is not None and row.organization_id not in (None, mine)):
        raise NotFound("There is no such run.")
    audit.record(
        work, Act.SCRIPT_RUN_VIEWED, "script_run", row.id, account_id=row.account_id, location_id=row.location_id
    )
    return row


def portal_of(work: Unit, row: ScriptRun) -> Portal:
    """The portal a run was at."""
    return work.db.get_one(Portal, row.portal_id)


def forget_old(work: Unit) -> None:
    """Runs are kept for 90 days."""
    for row in work.db.scalars(select(ScriptRun).where(ScriptRun.at < work.clock.now() - KEPT).limit(500)):
        work.db.delete(row)


def _mend(work: Unit, row: ScriptRun) -> None:
    alerts.mended(work, row.portal_id, row.organization_id)
    work.db.execute(
        update(ScriptRun)
        .where(
            ScriptRun.portal_id == row.portal_id,
            ScriptRun.location_id == row.location_id if row.location_id else ScriptRun.location_id.is_(None),
            ScriptRun.verdict == judging.FAILED,
            ScriptRun.mended_at.is_(None),
        )
        .values(mended_at=row.at)
    )
