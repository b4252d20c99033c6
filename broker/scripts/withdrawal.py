"""Saying no to a version: a reviewer refuses it, or somebody withdraws it later. It never runs again, nor is it on its way."""

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete
from broker.base.unit import Unit
from broker.directory.models import ScriptVersion
from broker.identity.policy import Permission, require
from broker.scripts import releases, turn, versions
from broker.scripts.models import ScriptPin


def refuse(work: Unit, digest: str, words: str) -> ScriptVersion:
    """It never runs again: its release ends, its pins are taken off. Sessions it has open: `tabs.withdraw_script`.

    Raises `Incomplete` without words, `Conflict` for the version in force.
    """
    require(work, Permission.SCRIPT_APPROVE, anywhere=True)
    row = versions.version(work, digest)
    words = words.strip()
    if len(words) < versions.LEAST_WORDS:
        raise Incomplete("Say in a sentence what is wrong with it.")
    turn.take(work, row.portal_id)
    if releases.standing(work, row.portal_id) == row.digest:
        raise Conflict("This version is in force: release or roll back to another one first.", code="in-force")
    bundle = versions.bundle_of(work, row.digest)
    if bundle is None or bundle.refused_at is not None:
        raise Conflict("This version was refused already.")
    audit.record(work, Act.SCRIPT_REFUSED, "script_version", row.digest[:32], reason=words)
    bundle.refused_by, bundle.refused_at, bundle.refused_words = work.actor.id, work.clock.now(), words[:300]
    row.approved_by = row.approved_at = None
    under_way = releases.running(work, row.portal_id)
    if under_way is not None and under_way.digest == row.digest:
        releases.end(work, under_way, words, "withdrawn")
    for pin in work.db.scalars(select(ScriptPin).where(ScriptPin.digest == row.digest)):
        audit.record(
            work, Act.SCRIPT_UNPINNED, "script_version", row.digest[:32], account_id=pin.account_id, reason=words
        )
        work.db.delete(pin)
    work.db.flush()
    return row
