"""Who is called to the code desk, in which order: the next one after so many seconds, or as soon as all before declined.

Times follow from the rows alone, so nobody has to be told anything for the next one to be called.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Incomplete
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes.models import CodeDecline, CodeRequest, OnCall
from broker.codes.way_in import AUTOMATIC
from broker.directory import service as directory
from broker.directory.models import Location, PortalAccount
from broker.identity.models import User
from broker.identity.policy import Permission, reach, reach_of, require

MOST = 10
LONGEST_S = 3600
USUAL_S = 45
"""A code by mail, text message or call has come by then, where nothing is known of the portal; then people are called."""


@dataclass(frozen=True)
class Turn:
    """One person's turn: seconds after the request was made."""

    user_id: str
    name: str
    after_s: int


def order(work: Unit, location_id: str) -> list[Turn]:
    """Who is called at this location, first to last; people who were disabled are left out."""
    rows = work.db.execute(
        select(OnCall, User)
        .join(User, User.id == OnCall.user_id)
        .where(OnCall.location_id == location_id, User.status == "active")
        .order_by(OnCall.after_s, OnCall.id)
    )
    return [Turn(user.id, user.name, row.after_s) for row, user in rows]


@dataclass(frozen=True)
class Desk:
    """A location's code desk: who is called there, and who could be."""

    location_id: str
    name: str
    turns: list[Turn]
    people: list[tuple[str, str]]
    """Id and name of everybody who may give codes there."""


def desks(work: Unit) -> list[Desk]:
    """The code desk of every location where the actor may say who is called."""
    where = reach(work, Permission.ACCOUNT_MANAGE)
    places = [
        row for row in work.db.scalars(select(Location).order_by(Location.name)) if where.covers(location_id=row.id)
    ]
    organizations = {row.organization_id for row in places}
    users = work.db.scalars(select(User).where(User.organization_id.in_(organizations)).order_by(User.name)).all()
    givers = [(user, reach_of(work, user.id, Permission.CODE_GIVE)) for user in users]
    return [
        Desk(
            place.id,
            place.name,
            order(work, place.id),
            [(user.id, user.name) for user, gives in givers if gives.covers(location_id=place.id)],
        )
        for place in places
    ]


def set_order(work: Unit, location: Location, turns: Sequence[tuple[str, int]]) -> None:
    """These people after these seconds, instead of who was called before. None: everybody at the desk is called at once.

    Raises `Refused`, `NotFound`, `Incomplete`.
    """
    require(work, Permission.ACCOUNT_MANAGE, location=location)
    if len(turns) > MOST:
        raise Incomplete(f"At most {MOST} people can be called one after the other.")
    if len({user_id for user_id, _ in turns}) < len(turns):
        raise Incomplete("Somebody is in the order twice.")
    for user_id, after_s in turns:
        if not reach_of(work, user_id, Permission.CODE_GIVE).covers(location_id=location.id):
            raise Incomplete("Choose people who may give codes at this location.")
        if not 0 <= after_s <= LONGEST_S:
            raise Incomplete("Say after how many seconds somebody is called: 0 to 3600.")
    work.db.execute(delete(OnCall).where(OnCall.location_id == location.id))
    for user_id, after_s in turns:
        work.db.add(OnCall(id=new_id("onc"), location_id=location.id, user_id=user_id, after_s=after_s))
    detail = {f"turn_{place}": f"{user_id} after {after_s} s" for place, (user_id, after_s) in enumerate(turns, 1)}
    audit.record(work, Act.DESK_ORDER_SET, "location", location.id, location_id=location.id, detail=detail)
    work.signal("desk")


def calls(work: Unit, row: CodeRequest, needed_at: datetime | None = None) -> tuple[str, datetime | None]:
    """Who is called to this request by now, in words, and when the actor is (None: never).

    `needed_at`: since when it is known that its code will not be typed in by itself.
    """
    turns, first = order(work, row.location_id), begins(work, row, needed_at)
    if not turns:
        return "", first
    said = {one.user_id: one.at for one in work.db.scalars(select(CodeDecline).where(CodeDecline.request_id == row.id))}
    at = call_times(first, turns, said)
    called = [turn.name for turn in turns if at[turn.user_id] <= work.clock.now() and turn.user_id not in said]
    return ", ".join(called), at.get(work.actor.id)


def begins(work: Unit, row: CodeRequest, needed_at: datetime | None) -> datetime:
    """From when people are called to it: at once, or for a code that comes by itself when it is later than usual."""
    if row.channel not in AUTOMATIC or row.task:
        return row.asked_at
    account = work.db.get_one(PortalAccount, row.account_id)
    usual_s = float(directory.behaviour(work, account.portal).get("delivery_p95_s") or USUAL_S)
    half_s = (row.deadline - row.asked_at).total_seconds() / 2
    late = row.asked_at + timedelta(seconds=min(usual_s, half_s))
    return late if needed_at is None else max(min(late, needed_at), row.asked_at)


def call_times(asked_at: datetime, turns: Sequence[Turn], declined: dict[str, datetime]) -> dict[str, datetime]:
    """When each is called: at her own time, or earlier, when everybody before her has said no."""
    times: dict[str, datetime] = {}
    last_no: datetime | None = None
    all_said_no = True
    for turn in turns:
        own = asked_at + timedelta(seconds=turn.after_s)
        times[turn.user_id] = min(own, last_no) if all_said_no and last_no is not None else own
        said = declined.get(turn.user_id)
        if said is None:
            all_said_no = False
        else:
            last_no = max(said, last_no or said)
    return times
