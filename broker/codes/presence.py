"""Who sits at the code desk now: people whose code desk page is open and asks for news."""

from datetime import timedelta

from broker.base.actor import ActorKind
from broker.base.beats import beat, beats
from broker.base.unit import Unit
from broker.identity.models import User
from broker.identity.policy import Permission, reach_of

PREFIX = "desk:"
NOTED_EVERY = timedelta(seconds=20)
AWAY_AFTER = timedelta(seconds=90)
"""A page in the background asks once a minute only: browsers slow it down."""


def due(work: Unit) -> bool:
    """Whether it is time to note again that the actor's code desk is open."""
    if work.actor.kind is not ActorKind.USER:
        return False
    last = beats(work).get(PREFIX + work.actor.id)
    return last is None or work.clock.now() - last >= NOTED_EVERY


def sit(work: Unit) -> None:
    """The actor's code desk is open now."""
    beat(work, PREFIX + work.actor.id)


def at_the_desk(work: Unit, account_id: str, location_id: str) -> list[str]:
    """Names of the people whose code desk is open and who may give this login's codes at this location."""
    return sorted(
        user.name
        for user in _there(work)
        if reach_of(work, user.id, Permission.CODE_GIVE).covers(account_id=account_id, location_id=location_id)
    )


def at_location(work: Unit, location_id: str) -> list[str]:
    """Names of the people whose code desk is open and who may give codes at this location."""
    return sorted(
        user.name
        for user in _there(work)
        if reach_of(work, user.id, Permission.CODE_GIVE).covers(location_id=location_id)
    )


def _there(work: Unit) -> list[User]:
    now = work.clock.now()
    there = [
        name.removeprefix(PREFIX)
        for name, at in beats(work).items()
        if name.startswith(PREFIX) and now - at < AWAY_AFTER
    ]
    return [user for user_id in there if (user := work.db.get(User, user_id)) is not None and user.status == "active"]
