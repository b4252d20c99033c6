"""Versions by content hash: submitted by one person, approved by another. Refusing is in `withdrawal.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import unified_diff
from typing import Any

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import ActorKind
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.base.unit import Unit
from broker.directory import checks
from broker.directory import service as directory
from broker.directory.models import Portal, ScriptVersion
from broker.identity.policy import Permission, require
from broker.scripts import behaving, turn
from broker.scripts.models import ScriptBundle

SHIPPED = "release"
"""The approver of a version that came with Portunus: whoever released Portunus."""
APPROVAL_LIFE = timedelta(days=30)
"""An approval that led to no release by then is none: the portal and the reviewer's memory have moved on."""
SOURCE_BYTES = 64 * 1024
LEAST_WORDS = 10


@dataclass(frozen=True)
class Bundle:
    """A version as its author hands it in: checked, hashed and questioned about its facts elsewhere."""

    key: str
    digest: str
    sources: list[dict[str, str]]
    facts: dict[str, Any]
    quality: str = ""
    behaviour: dict[str, Any] = field(default_factory=dict)
    """How the portal behaves, as its author knows it: field → {value, source, verified_on}."""


def submit(work: Unit, bundle: Bundle, words: str) -> ScriptVersion:
    """Hand a version in for approval; the first one of a portal proposes that too. Raises `Incomplete` (no words, too large, other hosts' start), `Conflict` (known)."""
    require(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
    words = " ".join(words.split())
    if len(words) < LEAST_WORDS:
        raise Incomplete("Say in a sentence what this version changes and why.")
    if sum(len(source["text"].encode()) for source in bundle.sources) > SOURCE_BYTES:
        raise Incomplete("A script with its families may have 64 KB; move what is common into a family or the kit.")
    checks.hosts(list(bundle.facts.get("hosts", [])))
    behaving.check(work, bundle.behaviour)
    portal = work.db.scalar(select(Portal).where(Portal.key == bundle.key)) or _proposed(work, bundle)
    if work.db.get(ScriptVersion, bundle.digest) is not None:
        raise Conflict(
            "These very bytes are known already. Look under Versions: one that waits is approved there, an old approval renewed. "
            "What is only known anew of how the portal behaves is corrected on the script's page.",
            code="version-known",
        )
    row = ScriptVersion(
        digest=bundle.digest,
        portal_id=portal.id,
        author=work.actor.id,
        approved_by=None,
        approved_at=None,
        registered_at=work.clock.now(),
    )
    audit.record(
        work,
        Act.SCRIPT_SUBMITTED,
        "script_version",
        bundle.digest[:32],
        reason=words,
        detail={"portal": portal.key, "hosts": ", ".join(bundle.facts.get("hosts", []))},
    )
    work.db.add(row)
    work.db.flush()
    keep(work, bundle, words, work.actor.name)
    return row


def approve(work: Unit, digest: str) -> ScriptVersion:
    """A second person has read it; again, where an approval has grown too old to release on.

    Raises `Refused` for its author, `Conflict` when it was judged already.
    """
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    row, portal = _judged(work, digest)
    if work.actor.kind is ActorKind.SERVICE:
        raise Refused("A program cannot approve a script; a person who has read it can.")
    audit.record(
        work,
        Act.SCRIPT_APPROVED,
        "script_version",
        row.digest[:32],
        detail={"portal": portal.key, "author": row.author, "again": row.approved_by is not None},
    )
    row.approved_by, row.approved_at = work.actor.id, work.clock.now()
    if portal.status == directory.PROPOSED:
        portal.status = "active"
        behaving.take_over(work, portal, work.db.get_one(ScriptBundle, row.digest).behaviour)
    return row


def version(work: Unit, digest: str) -> ScriptVersion:
    """By its whole digest or its first eight or more letters. Raises `NotFound`, `Conflict` when that is not clear."""
    wanted = digest.strip().lower()
    if len(wanted) < 8 or not wanted.isalnum():
        raise NotFound("A version is named by at least eight letters of its hash.")
    found = work.db.scalars(select(ScriptVersion).where(ScriptVersion.digest.startswith(wanted)).limit(2)).all()
    if not found:
        raise NotFound(f"There is no script version {wanted[:16]}.")
    if len(found) > 1:
        raise Conflict("Several versions begin like that; give more of the hash.")
    return found[0]


def runnable(work: Unit, digest: str, portal_id: str) -> ScriptVersion:
    """The version, if it may run for this portal now. Raises `Refused`: unapproved, other portal's, withdrawn, too old."""
    row = work.db.get(ScriptVersion, digest)
    if row is None or row.approved_by is None or row.portal_id != portal_id or row.approved_by == row.author:
        raise Refused("This version of the carrier script is not approved.", code="script-not-approved")
    bundle = work.db.get(ScriptBundle, digest)
    if bundle is not None and bundle.refused_at is not None:
        raise Refused("This version of the carrier script was withdrawn.", code="script-not-approved")
    return row


def approval_holds(work: Unit, row: ScriptVersion) -> bool:
    """Whether an approval is young enough to start a release on."""
    return row.approved_at is not None and (
        row.approved_by == SHIPPED or row.approved_at > work.clock.now() - APPROVAL_LIFE
    )


def bundle_of(work: Unit, digest: str) -> ScriptBundle | None:
    """The bytes and facts, if Portunus has them."""
    return work.db.get(ScriptBundle, digest)


def history(work: Unit, portal_id: str) -> Sequence[ScriptBundle]:
    """All versions of a portal, newest first."""
    return work.db.scalars(
        select(ScriptBundle)
        .join(ScriptVersion)
        .where(ScriptVersion.portal_id == portal_id)
        .order_by(ScriptBundle.submitted_at.desc(), ScriptBundle.digest)
    ).all()


def difference(old: Sequence[dict[str, str]], new: Sequence[dict[str, str]]) -> list[str]:
    """A unified diff over all files of two versions."""
    before = {source["module"]: source["text"] for source in old}
    after = {source["module"]: source["text"] for source in new}
    lines: list[str] = []
    for module in sorted(before | after):
        was, becomes = before.get(module, "").splitlines(), after.get(module, "").splitlines()
        lines += unified_diff(was, becomes, f"a/{module}", f"b/{module}", lineterm="")
    return lines


def _judged(work: Unit, digest: str) -> tuple[ScriptVersion, Portal]:
    row = version(work, digest)
    turn.take(work, row.portal_id)
    bundle = work.db.get(ScriptBundle, row.digest)
    if bundle is None or bundle.refused_at is not None:
        raise Conflict("This version was refused; hand in a new one.")
    if row.approved_by is not None and approval_holds(work, row):
        raise Conflict("This version is approved already.")
    if row.author == work.actor.id:
        raise Refused("Somebody else must read and approve what you wrote.", code="own-version")
    return row, work.db.get_one(Portal, row.portal_id)


def keep(work: Unit, bundle: Bundle, words: str, author: str) -> None:
    """Its bytes and what it declares."""
    work.db.add(
        ScriptBundle(
            digest=bundle.digest,
            sources=bundle.sources,
            facts=bundle.facts,
            words=words[:500],
            quality=bundle.quality,
            behaviour=bundle.behaviour,
            author_name=author,
            submitted_at=work.clock.now(),
            refused_at=None,
        )
    )
    work.db.flush()


def _proposed(work: Unit, bundle: Bundle) -> Portal:
    """The portal as its first script declares it; who approves that has read name, address and hosts."""
    name = str(bundle.facts.get("name", ""))
    return directory.propose_portal(
        work,
        key=bundle.key,
        name=name,
        start_url=str(bundle.facts.get("start", "")),
        hosts=list(bundle.facts["hosts"]),
        carriers=list(bundle.facts.get("carriers") or [name]),
    )
