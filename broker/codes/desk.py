"""The code desk's other acts: to say why a code cannot be given, and to learn what became of one that was."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import records
from broker.codes.models import Code, CodeDecline, CodeRequest
from broker.directory.models import DeliveryEndpoint, Location, PortalAccount
from broker.identity.policy import Permission, require

WHYS = {
    "not_ours": "this code does not come to us",
    "phone_gone": "the phone is gone",
}
"""Why a code cannot be given, as the rest of a sentence that begins with who says it."""
ANSWERS = {
    "held": "Portunus has it and types it in now.",
    "released": "Typed in; the portal is checking it.",
    "accepted": "The portal took it: signed in.",
    "rejected": "The portal did not take it.",
    "superseded": "A newer code was asked for; this one is not used any more.",
    "dropped": "Not used: the sign-in had ended.",
}
"""What became of a code that a person typed in, by the state of its row."""
REMEMBERED = timedelta(minutes=15)


@dataclass(frozen=True)
class Given:
    """A code that the actor typed in a short while ago. Its value is not known any more."""

    request_id: str
    portal_name: str
    location_name: str
    requester_name: str
    given_at: datetime
    state: str
    words: str


def decline(work: Unit, request_id: str, why: str) -> None:
    """The actor cannot give this code; the request goes on waiting for others, and the one who waits is told.

    A phone that is gone is marked so for administrators. Raises `NotFound`, `Refused`, `Incomplete` (no such reason),
    `Conflict` (no longer waits).
    """
    row = records.request(work, request_id)
    account, place = work.db.get(PortalAccount, row.account_id), work.db.get(Location, row.location_id)
    require(work, Permission.CODE_GIVE, account=account, location=place)
    if why not in WHYS:
        raise Incomplete("Say why: not_ours or phone_gone.")
    if row.state not in ("expected", "waiting") or row.deadline <= work.clock.now():
        raise Conflict("This sign-in no longer waits for a code.")
    said = CodeDecline(
        id=new_id("dec"),
        request_id=row.id,
        user_id=work.actor.id,
        user_name=work.actor.name[:120],
        why=why,
        at=work.clock.now(),
    )
    try:
        with work.db.begin_nested():
            work.db.add(said)
    except IntegrityError:
        return  # said already
    records.record(work, Act.CODE_DECLINED, row, reason=f"{work.actor.name}: {WHYS[why]}", detail={"why": why})
    endpoint = work.db.get(DeliveryEndpoint, row.endpoint_id) if row.endpoint_id else None
    if why == "phone_gone" and endpoint is not None and endpoint.kind == "phone":
        endpoint.health, endpoint.health_at = "gone", work.clock.now()
        endpoint.health_words = f"{work.actor.name} says that this phone is gone."[:300]
    for channel in ("desk", "tiles"):
        work.signal(channel)


def phone_is_back(work: Unit, endpoint_id: str | None) -> None:
    """The portal took a code that was sent there: a phone that somebody called gone is there after all."""
    endpoint = work.db.get(DeliveryEndpoint, endpoint_id) if endpoint_id else None
    if endpoint is not None and endpoint.health == "gone":
        endpoint.health, endpoint.health_at = "up", work.clock.now()
        endpoint.health_words = "A code that was sent there was taken by its portal."


def declined(work: Unit, request_id: str) -> str:
    """What the desk said about a request, in words for the one who waits; empty when nothing."""
    rows = work.db.scalars(select(CodeDecline).where(CodeDecline.request_id == request_id).order_by(CodeDecline.at))
    return " ".join(f"{row.user_name}: {WHYS.get(row.why, row.why)}." for row in rows)


def declined_by_me(work: Unit) -> frozenset[str]:
    """Requests that the actor need not see any more."""
    return frozenset(work.db.scalars(select(CodeDecline.request_id).where(CodeDecline.user_id == work.actor.id)))


def given(work: Unit) -> list[Given]:
    """Codes that the actor typed in during the last quarter of an hour, newest first, with the portal's answer."""
    rows = work.db.execute(
        select(Code, CodeRequest, PortalAccount, Location)
        .join(CodeRequest, CodeRequest.id == Code.request_id)
        .join(PortalAccount, PortalAccount.id == CodeRequest.account_id)
        .join(Location, Location.id == CodeRequest.location_id)
        .where(Code.given_by == work.actor.id, Code.received_at > work.clock.now() - REMEMBERED)
        .order_by(Code.received_at.desc(), Code.id.desc())
        .limit(20)
    )
    return [
        Given(
            request_id=request.id,
            portal_name=account.portal.name,
            location_name=place.name,
            requester_name=records.name_of(work, request.requester_kind, request.requester_id),
            given_at=code.received_at,
            state=code.state,
            words=ANSWERS.get(code.state, code.state),
        )
        for code, request, account, place in rows
    ]
