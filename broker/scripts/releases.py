"""Releases: one location first, then a share, then everyone; back by itself when runs fail. One at a time per portal."""

from collections.abc import Sequence

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory.models import Location, Portal, PortalAccount, ScriptVersion
from broker.identity.places import location_by_key
from broker.identity.policy import Permission, require
from broker.scripts import judging, versions
from broker.scripts.models import ScriptInForce, ScriptPin, ScriptRelease, ScriptRun

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
    row = work.db.get(ScriptInForce, portal_id)
    if row is not None:
        return row.digest
    newest = work.db.scalar(
        select(ScriptVersion.digest)
        .where(ScriptVersion.portal_id == portal_id)
        .order_by(ScriptVersion.registered_at.desc())
    )
    if newest is None:
        raise NotFound("There is no carrier script for this portal.")
    return newest


def running(work: Unit, portal_id: str) -> ScriptRelease | None:
    """The portal's release that is under way."""
    return work.db.scalar(
        select(ScriptRelease).where(ScriptRelease.portal_id == portal_id, ScriptRelease.ended_at.is_(None))
    )


def release(work: Unit, digest: str, *, canary: str) -> ScriptRelease:
    """Begin with one location (by its key). Raises `Conflict` (unapproved, expired, in force, another under way), `NotFound`."""
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    row = versions.version(work, digest)
    versions.runnable(work, row.digest, row.portal_id)
    if not versions.approval_holds(work, row):
        raise Conflict("Its approval is older than 30 days: have it approved again as a new version.", code="expired")
    now_in_force = in_force(work, row.portal_id)
    if now_in_force == row.digest:
        raise Conflict("This version is in force already.")
    if running(work, row.portal_id) is not None:
        raise Conflict("Another release of this portal is under way: finish it or roll it back.", code="under-way")
    place = location_by_key(work, canary)
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
        ended_at=None,
    )
    audit.record(
        work,
        Act.SCRIPT_RELEASED,
        "script_version",
        row.digest[:32],
        location_id=place.id,
        detail={"stage": "canary", "location": place.key, "previous": now_in_force[:16]},
    )
    work.db.add(made)
    work.db.flush()
    return made


def advance(work: Unit, portal_id: str) -> ScriptRelease:
    """A person takes the release one stage further. Raises `NotFound`, `Conflict` before its canary has worked once."""
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    row = running(work, portal_id)
    if row is None:
        raise NotFound("No release of this portal is under way.")
    if trial(work, row).worked == 0:
        raise Conflict("It has not worked once yet: let the canary sign in first.", code="unproved")
    _further(work, row)
    return row


def roll_back(work: Unit, portal_id: str, words: str) -> str:
    """Back to the version before: of the release under way, else of the last one done. Returns the digest in force.

    Raises `Incomplete` without words, `Conflict` when there is nothing to go back to.
    """
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    if not words.strip():
        raise Incomplete("Say why it is rolled back.")
    row = running(work, portal_id)
    if row is not None:
        _back(work, row, words.strip())
        return row.previous
    done = work.db.scalar(
        select(ScriptRelease)
        .where(ScriptRelease.portal_id == portal_id, ScriptRelease.end == "done")
        .order_by(ScriptRelease.ended_at.desc())
    )
    if done is None or in_force(work, portal_id) != done.digest:
        raise Conflict("There is no release to roll back.")
    _record_back(work, done, words.strip())
    done.end, done.end_words = "rolled_back", words.strip()[:300]
    _put_in_force(work, portal_id, done.previous)
    return done.previous


def judge(work: Unit, portal_id: str) -> str:
    """What the runs so far call for, done at once: `back`, `on`, `wait`, or `none` without a release."""
    row = running(work, portal_id)
    if row is None:
        return "none"
    step = judging.next_step(row.stage, trial(work, row), baseline(work, row))
    if step == "back":
        counted = trial(work, row)
        _back(work, row, f"By itself: {counted.failed} of {counted.failed + counted.worked} runs failed.")
    elif step == "on":
        _further(work, row)
    return step


def trial(work: Unit, row: ScriptRelease) -> judging.Tally:
    """The runs that count for the release's present stage."""
    return judging.tally(work.db.scalars(select(ScriptRun.verdict).where(ScriptRun.trial == trial_name(row))).all())


def trial_name(row: ScriptRelease) -> str:
    """What a run that counts for this stage of this release carries."""
    return f"{row.id}:{row.stage}"


def baseline(work: Unit, row: ScriptRelease) -> judging.Tally:
    """The last runs of the version before."""
    query = (
        select(ScriptRun.verdict)
        .where(ScriptRun.portal_id == row.portal_id, ScriptRun.digest == row.previous)
        .order_by(ScriptRun.at.desc())
        .limit(judging.BASELINE_RUNS)
    )
    return judging.tally(work.db.scalars(query).all())


def pin(work: Unit, account: PortalAccount, digest: str, reason: str) -> ScriptPin:
    """Keep an account on one version. Raises `Incomplete`, `Refused` (unapproved or another portal's)."""
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    if len(reason.strip()) < versions.LEAST_WORDS:
        raise Incomplete("Say in a sentence why this account keeps its own version.")
    row = versions.runnable(work, versions.version(work, digest).digest, account.portal_id)
    unpin(work, account)
    made = ScriptPin(
        account_id=account.id,
        digest=row.digest,
        pinned_by=work.actor.id,
        pinned_at=work.clock.now(),
        reason=reason.strip()[:300],
    )
    audit.record(
        work, Act.SCRIPT_PINNED, "script_version", row.digest[:32], account_id=account.id, reason=reason.strip()[:300]
    )
    work.db.add(made)
    work.db.flush()
    return made


def unpin(work: Unit, account: PortalAccount) -> None:
    """The account runs what the others run again; nothing happens when it does already."""
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    known = work.db.get(ScriptPin, account.id)
    if known is None:
        return
    audit.record(work, Act.SCRIPT_UNPINNED, "script_version", known.digest[:32], account_id=account.id)
    work.db.delete(known)
    work.db.flush()


def releases(work: Unit, portal_id: str) -> Sequence[ScriptRelease]:
    """Newest first."""
    return work.db.scalars(
        select(ScriptRelease).where(ScriptRelease.portal_id == portal_id).order_by(ScriptRelease.started_at.desc())
    ).all()


def _reaches(row: ScriptRelease, account: PortalAccount, location: Location) -> bool:
    if row.stage == "canary" or row.location_id == location.id:
        return row.location_id == location.id
    return judging.share_of(account.id) < row.share


def _further(work: Unit, row: ScriptRelease) -> None:
    before, row.stage_at = row.stage, work.clock.now()
    row.stage, row.share = AFTER[before]
    audit.record(
        work,
        Act.SCRIPT_ADVANCED,
        "script_version",
        row.digest[:32],
        detail={"stage": row.stage, "share": row.share, "portal": row.portal.key},
    )
    if row.stage == "done":
        row.ended_at, row.end = work.clock.now(), "done"
        _put_in_force(work, row.portal_id, row.digest)


def _back(work: Unit, row: ScriptRelease, words: str) -> None:
    _record_back(work, row, words)
    row.ended_at, row.end, row.end_words = work.clock.now(), "rolled_back", words[:300]


def _record_back(work: Unit, row: ScriptRelease, words: str) -> None:
    audit.record(
        work,
        Act.SCRIPT_ROLLED_BACK,
        "script_version",
        row.digest[:32],
        location_id=row.location_id,
        reason=words[:300],
        detail={"stage": row.stage, "to": row.previous[:16]},
    )
    work.signal("tiles")


def _put_in_force(work: Unit, portal_id: str, digest: str) -> None:
    row = work.db.get(ScriptInForce, portal_id)
    shipped = work.db.get_one(ScriptVersion, digest).approved_by == versions.SHIPPED
    if row is None:
        work.db.add(ScriptInForce(portal_id=portal_id, digest=digest, shipped=shipped, since=work.clock.now()))
    else:
        row.digest, row.shipped, row.since = digest, shipped, work.clock.now()
    bundle = versions.bundle_of(work, digest)
    portal = work.db.get_one(Portal, portal_id)
    if bundle is not None and bundle.facts.get("hosts"):
        portal.hosts, portal.start_url = list(bundle.facts["hosts"]), str(bundle.facts["start"])
    work.db.flush()
