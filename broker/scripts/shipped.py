"""Versions that came with Portunus: in force unless people have released another."""

from broker.base.unit import Unit
from broker.directory.models import Portal
from broker.scripts import releases, turn, versions
from broker.scripts.models import ScriptBundle, ScriptInForce
from broker.scripts.versions import Bundle


def keep_shipped(work: Unit, portal: Portal, bundle: Bundle) -> None:
    """The bytes of a version that came with Portunus; in force, with its hosts, unless people have released another.

    A release under way goes on against the new one; one of these very bytes is over.
    """
    turn.take(work, portal.id)
    if work.db.get(ScriptBundle, bundle.digest) is None:
        versions.keep(work, bundle, "Came with Portunus.", "Portunus")
    else:
        work.db.get_one(ScriptBundle, bundle.digest).behaviour = bundle.behaviour
    now_in_force = work.db.get(ScriptInForce, portal.id)
    if now_in_force is not None and (not now_in_force.shipped or now_in_force.digest == bundle.digest):
        return
    refused = work.db.get_one(ScriptBundle, bundle.digest).refused_at is not None
    if refused:
        return
    releases.put_in_force(work, portal.id, bundle.digest)
    under_way = releases.running(work, portal.id)
    if under_way is None:
        return
    under_way.previous = bundle.digest
    if under_way.digest == bundle.digest:
        releases.end(work, under_way, "The same version came with Portunus.", "superseded")
