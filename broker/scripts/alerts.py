"""Alerts: a script that failed, or a key page that changed, is told to the script's owner with the step it stopped at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, and_, or_, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.db import changed
from broker.base.errors import Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory.models import Portal, ScriptVersion
from broker.identity.models import User
from broker.identity.policy import Permission, organization_of, require, user_may
from broker.scripts import judging, releases
from broker.scripts.models import ABOUT_RELEASE, ScriptAlert, ScriptOwner, ScriptRelease, ScriptRun

TASK = "mail_alert"
MOST_TRIES = 5
AGAIN_AFTER = timedelta(minutes=2)
RAISED_AGAIN = timedelta(hours=1)
"""What was mended and fails again so soon is the same trouble: the alert is open again, and nobody is mailed twice."""
QUIET = timedelta(hours=1)
"""An owner is mailed about one portal at most once in this time, whatever else of it fails meanwhile."""
RUN = ""


@dataclass(frozen=True)
class Letter:
    """An alert as it is mailed. No patient, no page text: names, a step, an address."""

    to: str
    subject: str
    text: str


def of_run(work: Unit, run: ScriptRun) -> ScriptAlert:
    """A run has failed: the portal's open alert counts it, or a new one is raised."""
    return _raise(
        work, run.portal_id, run.organization_id, f"{_said(run.verb)}: {_said(run.outcome)}", _step(run), run.id
    )


def of_page(work: Unit, portal_id: str, page: str, likeness: int, organization_id: str | None = None) -> ScriptAlert:
    """A key page has changed."""
    name = "sign-in" if page == "login" else page
    return _raise(
        work,
        portal_id,
        organization_id,
        f"its {name} page has changed",
        f"{likeness} % of its structure is as it was",
        about=page,
    )


def of_release(work: Unit, release: ScriptRelease, run: ScriptRun) -> ScriptAlert:
    """A release is held: its last runs said neither yes nor no."""
    words = f"version {release.digest[:12]} is held at {release.stage}"
    step = f"Its last {judging.SAY_NOTHING} sign-ins ended {_said(run.outcome)} or alike; let it go on, or roll it back"
    return _raise(work, release.portal_id, run.organization_id, words, step, run.id, about=ABOUT_RELEASE)


def mended(work: Unit, portal_id: str, organization_id: str | None) -> None:
    """The script works again where it had failed. Of a page that has changed that says nothing."""
    mine = ScriptAlert.organization_id == organization_id
    for row in work.db.scalars(_open(portal_id).where(mine, ScriptAlert.about == RUN)):
        _end(work, row, "mended")


def page_right(work: Unit, portal_id: str, page: str, organization_id: str | None) -> None:
    """The page is as it was, or was accepted."""
    mine = ScriptAlert.organization_id == organization_id
    for row in work.db.scalars(_open(portal_id).where(mine, ScriptAlert.about == page)):
        _end(work, row, "mended")


def seen(work: Unit, alert_id: str) -> None:
    """Somebody looks after it. Raises `NotFound`."""
    require(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
    row = work.db.get(ScriptAlert, alert_id)
    if row is None or row.ended_at is not None or not _reaches(work, row):
        raise NotFound("There is no such alert, or it is over.")
    _end(work, row, "seen")
    audit.record(work, Act.SCRIPT_ALERT_SEEN, "script_alert", row.id, detail={"words": row.words})


def alerts(work: Unit) -> Sequence[ScriptAlert]:
    """Open ones of the actor's organization, oldest first."""
    require(work, Permission.STATUS_VIEW, anywhere=True)
    rows = work.db.scalars(select(ScriptAlert).where(ScriptAlert.ended_at.is_(None)).order_by(ScriptAlert.raised_at))
    return [row for row in rows if _reaches(work, row)]


def set_owner(work: Unit, portal: Portal, email: str) -> None:
    """Who is told when this portal's script fails. Raises `Incomplete` for somebody who may not mend scripts."""
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    user = work.db.scalar(select(User).where(User.email == email.strip().lower()))
    mine = organization_of(work)
    if user is None or not _mends(work, user) or (mine is not None and user.organization_id != mine):
        raise Incomplete("The owner of a script is a person here who may change scripts.")
    row = work.db.get(ScriptOwner, portal.id) or ScriptOwner(portal_id=portal.id)
    row.user_id, row.set_by, row.set_at = user.id, work.actor.id, work.clock.now()
    work.db.add(row)
    audit.record(work, Act.SCRIPT_OWNER_SET, "portal", portal.id, detail={"owner": user.id})


def owner(work: Unit, portal_id: str) -> User | None:
    """The named owner, else the author of the version in force; None when neither is a person who may mend it."""
    named = work.db.get(ScriptOwner, portal_id)
    standing = releases.standing(work, portal_id) if named is None else None
    version = work.db.get(ScriptVersion, standing) if standing else None
    found = work.db.get(User, named.user_id if named else version.author if version else "")
    return found if found is not None and _mends(work, found) else None


def maintainers(work: Unit) -> list[User]:
    """Who could own a script, by name."""
    mine = organization_of(work)
    users = select(User).order_by(User.name)
    return [user for user in work.db.scalars(users) if _mends(work, user) and mine in (None, user.organization_id)]


def take_letter(work: Unit, alert_id: str) -> Letter | None:
    """The mail of an alert, once; None when it was sent, is over, has nobody to go to, or comes too soon after another."""
    row = work.db.get(ScriptAlert, alert_id)
    if row is None or _told_lately(work, row):
        return None
    taken = work.db.execute(
        update(ScriptAlert)
        .where(ScriptAlert.id == alert_id, ScriptAlert.sent_at.is_(None), ScriptAlert.ended_at.is_(None))
        .where(ScriptAlert.tries < MOST_TRIES)
        .values(sent_at=work.clock.now(), tries=ScriptAlert.tries + 1)
    )
    if not changed(taken):
        return None
    row = work.db.get_one(ScriptAlert, alert_id, populate_existing=True)
    to = owner(work, row.portal_id)
    if to is None or row.organization_id not in (None, to.organization_id):
        return None
    where = f"/script-runs/{row.run_id}" if row.run_id else "/script-health"
    lines = [
        f"{row.portal.name}: {row.words}.",
        row.step and f"{row.step}.",
        f"Since {row.raised_at:%Y-%m-%d %H:%M} UTC.",
    ]
    return Letter(
        to.email, f"{row.portal.name}: {row.words}", "\n".join([line for line in lines if line] + ["", where])
    )


def not_sent(work: Unit, alert_id: str) -> None:
    """The relay did not take it: it is tried again."""
    work.db.execute(update(ScriptAlert).where(ScriptAlert.id == alert_id).values(sent_at=None))


def send_late(work: Unit) -> None:
    """Ask again for mails that nobody has sent."""
    late = select(ScriptAlert).where(
        ScriptAlert.sent_at.is_(None), ScriptAlert.ended_at.is_(None), ScriptAlert.tries < MOST_TRIES,
        ScriptAlert.raised_at <= work.clock.now() - AGAIN_AFTER,
    )  # fmt: skip
    for row in work.db.scalars(late):
        if not _told_lately(work, row):
            work.enqueue(TASK, row.id)


def _told_lately(work: Unit, row: ScriptAlert) -> bool:
    """Whether another alert of this portal was mailed a moment ago, to the one person who would get this one too."""
    other = select(ScriptAlert.id).where(
        ScriptAlert.portal_id == row.portal_id, ScriptAlert.id != row.id, ScriptAlert.sent_at > work.clock.now() - QUIET
    )
    return work.db.scalar(other.limit(1)) is not None


def _raise(
    work: Unit,
    portal_id: str,
    organization_id: str | None,
    words: str,
    step: str,
    run_id: str | None = None,
    *,
    about: str = RUN,
) -> ScriptAlert:
    now = work.clock.now()
    same = (
        ScriptAlert.portal_id == portal_id, ScriptAlert.organization_id == organization_id, ScriptAlert.about == about,
        or_(ScriptAlert.ended_at.is_(None), and_(ScriptAlert.end == "mended", ScriptAlert.ended_at > now - RAISED_AGAIN)),
    )  # fmt: skip
    row = work.db.scalar(select(ScriptAlert).where(*same).order_by(ScriptAlert.raised_at.desc()).limit(1))
    if row is None:
        row = ScriptAlert(
            id=new_id("alt"), portal_id=portal_id, organization_id=organization_id, about=about, raised_at=now, times=0
        )
        row.sent_at = None
        work.enqueue(TASK, row.id)
    row.words, row.step, row.run_id, row.last_at = words[:200], step[:300], run_id, now
    row.ended_at, row.end, row.times = None, "", row.times + 1
    work.db.add(row)
    work.db.flush()
    work.signal("scripts")
    return row


def _end(work: Unit, row: ScriptAlert, why: str) -> None:
    row.ended_at, row.end = work.clock.now(), why
    work.signal("scripts")


def _open(portal_id: str) -> Select[ScriptAlert]:
    return select(ScriptAlert).where(ScriptAlert.portal_id == portal_id, ScriptAlert.ended_at.is_(None))


def _reaches(work: Unit, row: ScriptAlert) -> bool:
    return organization_of(work) in (None, row.organization_id) or row.organization_id is None


def _mends(work: Unit, user: User) -> bool:
    return user.status == "active" and user_may(work, user.id, Permission.SCRIPT_MAINTAIN)


def _step(run: ScriptRun) -> str:
    """The step it stopped at: what it did, where, and what came of it."""
    if not run.steps:
        return run.place
    number, step = len(run.steps), run.steps[-1]
    came = step.get("why") or (f"saw {_said(step['saw'])}" if step.get("saw") else "no answer")
    return f"Step {number}, {step['do']} {step['where']}: {_said(came)}".replace(" :", ":")


def _said(word: str) -> str:
    return word.replace("_", " ")
