"""In whose name a queued lookup is asked, and whether he may still ask: a right that is taken back stops what waits, too."""

from dataclasses import replace

from broker.base.actor import Actor, ActorKind
from broker.base.unit import Unit
from broker.identity.keys import cut_off
from broker.identity.policy import Permission, may
from broker.lookups.models import Lookup

NEEDED = {"eligibility": Permission.LOOKUP_RUN, "claim_status": Permission.LOOKUP_CLAIMS}


def asker(row: Lookup) -> Actor:
    """Who asked."""
    return Actor(kind=ActorKind(row.requester_kind), id=row.requester_id, name=row.requester_name)


def may_still_ask(work: Unit, row: Lookup) -> bool:
    """Whether who asked is not disabled, holds the role, and (a program) has a key that was not taken from it."""
    own, needed = replace(work, actor=asker(row)), NEEDED[row.kind]
    on_login = row.account is not None and may(own, needed, account=row.account, location=row.location)
    if not on_login and not may(own, needed, location=row.location):
        return False
    return own.actor.kind is not ActorKind.SERVICE or not cut_off(work, own.actor.id)
