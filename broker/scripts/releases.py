"""Releases: one location first, then a share, then everyone; back by itself when runs fail. One at a time per portal."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Select, select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory.models import Location, Portal, PortalAccount, ScriptVersion, account_location
from broker.identity.places import location_by_key
from broker.identity.policy import Permission, require
from broker.scripts import behaving, judging, turn, versions
from broker.scripts.models import (
    ABOUT_RELEASE,
    ScriptAlert,
    ScriptBundle,
    ScriptInForce,
    ScriptPin,
    ScriptRelease,
    ScriptRun,
)

SIGN_IN = "sign_in"
_OTHER = ScriptRun.verb.not_in((SIGN_IN, "revive", "keep_alive", "look"))
"""Of runs: lookups and log-outs. Of waking and keeping alive only failures are reported, which is no rate."""
AFTER = {"canary": ("staged", judging.FIRST_SHARE), "staged": ("everywhere", 100), "everywhere": ("done", 100)}
"""What follows a stage. `everywhere` is still watched: only then is the release done and the version in force."""


def chosen(work: Unit, account: PortalAccount, location: Location) -> str:
    """The digest this account runs at this location now: its pin, the release that reaches it, or what is in force.

    Raises `NotFound` when the portal has no script.
    """
    pin = work.db.get(ScriptPin, account.id)
    if pin is not None:
        return pin.digest
    row = running(work, account.portal_id)
    if row is not None and _reaches(row, account, location):
        return row.digest
    return in_force(work, account.portal_id)


def in_force(work: Unit, portal_id: str) -> str:
    """What a portal's accounts run. Raises `NotFound`."""
    found = standing(work, portal_id)
    if found is None:
        raise NotFound("There is no carrier script in force for this portal.")
    return found


def standing(work: Unit, portal_id: str) -> str | None:
    """The same; None for a portal without one, such as one whose first version nobody has released yet."""
    row = work.db.get(ScriptInForce, portal_id)
    return row.digest if row is not None else next(_shipped(work, portal_id), None)


def running(work: Unit, portal_id: str) -> ScriptRelease | None:
    """The portal's release that is under way."""
    return work.db.scalar(
        select(ScriptRelease).where(ScriptRelease.portal_id == portal_id, ScriptRelease.ended_at.is_(None))
    )


def release(work: Unit, digest: str, *, canary: str) -> ScriptRelease:
    """Begin with one location (by its key). Raises `Conflict` (unapproved, expired, in force, another under way), `NotFound`,
    `Incomplete` for a location without a login there."""
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    row = versions.version(work, digest)
    turn.take(work, row.portal_id)
    versions.runnable(work, row.digest, row.portal_id)
    if not versions.approval_holds(work, row):
        raise Conflict(
            "Its approval is older than 30 days: somebody else than its author reads and approves it again.",
            code="expired",
        )
    now_in_force = standing(work, row.portal_id)
    if now_in_force == row.digest:
        raise Conflict("This version is in force already.")
    if running(work, row.portal_id) is not None:
        raise Conflict("Another release of this portal is under way: finish it or roll it back.", code="under-way")
    place = location_by_key(work, canary)
    if work.db.scalar(_logins(row.portal_id).where(account_location.c.location_id == place.id).limit(1)) is None:
        raise Incomplete(
            f"{place.name} has no login at this portal, so nothing would run there: choose another location."
        )
    now = work.clock.now()
    made = ScriptRelease(
        id=new_id("rel"),
        portal_id=row.portal_id,
        digest=row.digest,
        previous=now_in_force,
        stage="canary",
        location_id=place.id,
        share=0,
        started_by=work.actor.id,
        started_at=now,
        stage_at=now,
        held_at=None,
        ended_at=None,
    )
    audit.record(
        work,
        Act.SCRIPT_RELEASED,
        "script_version",
        row.digest[:32],
        location_id=place.id,
        detail={"stage": "canary", "location": place.key, "previous": (now_in_force or "")[:16]},
    )
    work.db.add(made)
    work.db.flush()
    return made


def advance(work: Unit, portal_id: str) -> ScriptRelease:
    """A person takes the release one stage further, or lets one that is held go on where it was.

    Raises `NotFound`, `Conflict` before it has worked once.
    """
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    turn.take(work, portal_id)
    row = running(work, portal_id)
    if row is None:
        raise NotFound("No release of this portal is under way.")
    if row.held_at is not None:
        row.held_at, row.stage_at = None, work.clock.now()
        _held_no_more(work, portal_id)
        _record_stage(work, row)
        return row
    if not _has_worked(work, row):
        raise Conflict("It has not worked once yet: let the canary sign in first.", code="unproved")
    _further(work, row)
    return row


def roll_back(work: Unit, portal_id: str, words: str) -> str | None:
    """Back to the version before: of the release under way, else of the last one done; to the newest that may run, where
    that one was withdrawn. Returns the digest in force, None for none (it was the portal's first).

    Raises `Incomplete` without words, `Conflict` when there is nothing to go back to.
    """
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    if not words.strip():
        raise Incomplete("Say why it is rolled back.")
    turn.take(work, portal_id)
    row = running(work, portal_id)
    if row is not None:
        end(work, row, words.strip())
        return standing(work, portal_id)
    done = work.db.scalar(
        select(ScriptRelease)
        .where(ScriptRelease.portal_id == portal_id, ScriptRelease.end == "done")
        .order_by(ScriptRelease.ended_at.desc(), ScriptRelease.id.desc())
    )
    if done is None or standing(work, portal_id) != done.digest:
        raise Conflict("There is no release to roll back.")
    to = next((one for one in _before(work, done) if _runs(work, one, portal_id)), None)
    _record_back(work, done, words.strip(), to)
    done.end, done.end_words = "rolled_back", words.strip()[:300]
    put_in_force(work, portal_id, to)
    return to


def judge(work: Unit, portal_id: str) -> str:
    """What the runs so far call for, done at once: `back`, `on`, `hold`, `wait`, or `none` without a release.

    The caller has the portal's turn.
    """
    row = running(work, portal_id)
    if row is None:
        return "none"
    counted, before = trial(work, row), baseline(work, row)
    step = judging.next_step(row.stage, counted, before, others(work, row), _others_before(work, row))
    if step == "back":
        end(work, row, f"By itself: {counted.failed} of {counted.judged} sign-ins failed.")
    elif row.held_at is not None:
        return "wait"
    elif step == "on":
        _further(work, row)
    elif judging.says_nothing(_newest_sign_ins(work, row)):
        row.held_at = work.clock.now()
        audit.record(
            work, Act.SCRIPT_HELD, "script_version", row.digest[:32], location_id=row.location_id,
            detail={"stage": row.stage, "portal": row.portal.key},
        )  # fmt: skip
        work.signal("tiles")
        return "hold"
    return step


def trial(work: Unit, row: ScriptRelease) -> judging.Tally:
    """The sessions that were signed in, or not, in the release's present stage."""
    return judging.of_sessions(_runs_of(work, ScriptRun.trial == trial_name(row), ScriptRun.verb == SIGN_IN))


def others(work: Unit, row: ScriptRelease) -> judging.Tally:
    """Lookups and log-outs of the present stage."""
    return judging.tally([said for _, said in _runs_of(work, ScriptRun.trial == trial_name(row), _OTHER)])


def counts(work: Unit, row: ScriptRelease, location_id: str | None) -> bool:
    """Whether a run there counts for the release's present stage: after the canary only what it did not decide already,
    where the stage reaches any login elsewhere."""
    if row.stage == "canary" or location_id != row.location_id:
        return True
    elsewhere = _logins(row.portal_id).where(account_location.c.location_id != row.location_id)
    return not any(judging.share_of(account_id) < row.share for account_id in work.db.scalars(elsewhere))


def trial_name(row: ScriptRelease, *, aside: bool = False) -> str:
    """What a run carries that counts for this stage of this release; `aside`: one of its version that counts for none."""
    return f"{row.id}:{'aside' if aside else row.stage}"


def baseline(work: Unit, row: ScriptRelease) -> judging.Tally:
    """The last sign-ins with the version before."""
    return judging.of_sessions(_runs_of(work, *_version_before(row), ScriptRun.verb == SIGN_IN))


def releases(work: Unit, portal_id: str) -> Sequence[ScriptRelease]:
    """Newest first."""
    return work.db.scalars(
        select(ScriptRelease)
        .where(ScriptRelease.portal_id == portal_id)
        .order_by(ScriptRelease.started_at.desc(), ScriptRelease.id.desc())
    ).all()


def end(work: Unit, row: ScriptRelease, words: str, how: str = "rolled_back") -> None:
    """The release reaches nobody any more; what was in force stays in force."""
    _record_back(work, row, words, row.previous)
    row.ended_at, row.end, row.end_words = work.clock.now(), how, words[:300]
    _held_no_more(work, row.portal_id)


def put_in_force(work: Unit, portal_id: str, digest: str | None) -> None:
    """This version from now on, with hosts, address and newer knowledge of the portal that came with it; None: no version."""
    row = work.db.get(ScriptInForce, portal_id)
    if digest is None:
        if row is not None:
            work.db.delete(row)
        work.db.flush()
        return
    shipped = work.db.get_one(ScriptVersion, digest).approved_by == versions.SHIPPED
    if row is None:
        work.db.add(ScriptInForce(portal_id=portal_id, digest=digest, shipped=shipped, since=work.clock.now()))
    else:
        row.digest, row.shipped, row.since = digest, shipped, work.clock.now()
    bundle = versions.bundle_of(work, digest)
    portal = work.db.get_one(Portal, portal_id)
    if bundle is not None and bundle.facts.get("hosts"):
        portal.hosts, portal.start_url = list(bundle.facts["hosts"]), str(bundle.facts["start"])
    if bundle is not None:
        behaving.take_over(work, portal, bundle.behaviour)
    work.db.flush()


def _reaches(row: ScriptRelease, account: PortalAccount, location: Location) -> bool:
    if row.held_at is not None:
        return False
    if row.stage == "canary" or row.location_id == location.id:
        return row.location_id == location.id
    return judging.share_of(account.id) < row.share


def _further(work: Unit, row: ScriptRelease) -> None:
    row.stage_at = work.clock.now()
    row.stage, row.share = AFTER[row.stage]
    _record_stage(work, row)
    if row.stage == "done":
        row.ended_at, row.end = work.clock.now(), "done"
        put_in_force(work, row.portal_id, row.digest)


def _held_no_more(work: Unit, portal_id: str) -> None:
    """The alert that says so is over."""
    work.db.execute(
        update(ScriptAlert)
        .where(ScriptAlert.portal_id == portal_id, ScriptAlert.about == ABOUT_RELEASE, ScriptAlert.ended_at.is_(None))
        .values(ended_at=work.clock.now(), end="seen")
    )


def _record_stage(work: Unit, row: ScriptRelease) -> None:
    audit.record(
        work,
        Act.SCRIPT_ADVANCED,
        "script_version",
        row.digest[:32],
        detail={"stage": row.stage, "share": row.share, "portal": row.portal.key},
    )


def _record_back(work: Unit, row: ScriptRelease, words: str, to: str | None) -> None:
    audit.record(
        work,
        Act.SCRIPT_ROLLED_BACK,
        "script_version",
        row.digest[:32],
        location_id=row.location_id,
        reason=words[:300],
        detail={"stage": row.stage, "to": (to or "")[:16]},
    )
    work.signal("tiles")


def _before(work: Unit, done: ScriptRelease) -> Iterator[str]:
    """What was in force before this release, newest first; then what came with Portunus."""
    for row in releases(work, done.portal_id):
        if row.started_at <= done.started_at and row.previous not in (None, done.digest):
            yield str(row.previous)
    yield from (one for one in _shipped(work, done.portal_id) if one != done.digest)


def _shipped(work: Unit, portal_id: str) -> Iterator[str]:
    """Versions that came with Portunus and were not withdrawn, newest first."""
    query = (
        select(ScriptVersion.digest)
        .outerjoin(ScriptBundle, ScriptBundle.digest == ScriptVersion.digest)
        .where(ScriptVersion.portal_id == portal_id, ScriptVersion.approved_by == versions.SHIPPED)
        .where(ScriptBundle.refused_at.is_(None))
        .order_by(ScriptVersion.registered_at.desc())
    )
    yield from work.db.scalars(query)


def _runs(work: Unit, digest: str, portal_id: str) -> bool:
    try:
        versions.runnable(work, digest, portal_id)
    except Refused:
        return False
    return True


def _has_worked(work: Unit, row: ScriptRelease) -> bool:
    """Whether it has signed in once, in any stage."""
    of_it = (ScriptRun.trial.startswith(f"{row.id}:"), ScriptRun.verb == SIGN_IN, ScriptRun.verdict == judging.WORKED)
    return bool(_runs_of(work, *of_it))


def _newest_sign_ins(work: Unit, row: ScriptRelease) -> list[str]:
    since = ScriptRun.at >= row.stage_at
    return [said for _, said in _runs_of(work, ScriptRun.trial == trial_name(row), ScriptRun.verb == SIGN_IN, since)]


def _others_before(work: Unit, row: ScriptRelease) -> judging.Tally:
    return judging.tally([said for _, said in _runs_of(work, *_version_before(row), _OTHER)])


def _version_before(row: ScriptRelease) -> tuple[ColumnElement[bool], ...]:
    return ScriptRun.portal_id == row.portal_id, ScriptRun.digest == (row.previous or "")


def _runs_of(work: Unit, *which: ColumnElement[bool]) -> list[tuple[str, str]]:
    """(session, verdict) of the newest runs; a run without a session stands for itself."""
    query = select(ScriptRun.session_id, ScriptRun.id, ScriptRun.verdict).where(*which)
    newest = query.order_by(ScriptRun.at.desc(), ScriptRun.id.desc()).limit(judging.BASELINE_RUNS)
    return [(session_id or run_id, said) for session_id, run_id, said in work.db.execute(newest)]


def _logins(portal_id: str) -> Select[str]:
    """Accounts of the portal that may sign in, joined with their locations."""
    joined = select(PortalAccount.id).join(account_location, account_location.c.account_id == PortalAccount.id)
    return joined.where(PortalAccount.portal_id == portal_id, PortalAccount.status == "active")
