"""Calls to a provider line: one person at a time, with the time on hold, the carrier's own number of the call, and the result."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.entry import Detail
from broker.base.errors import Conflict, Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import records
from broker.codes.models import CodeRequest, LineCall
from broker.codes.tasks import LINE
from broker.directory import checks
from broker.directory.models import Location, PortalAccount
from broker.identity.policy import Permission, require

RESULTS = {
    "code": "the code was given",
    "cut_off": "the call was cut off",
    "closed": "the line is closed now",
    "refused": "they did not give a code",
    "gave_up": "nobody answered",
}
FORGOTTEN = timedelta(minutes=45)
"""A call that nobody ended is over by then: others may call."""


@dataclass(frozen=True)
class Calling:
    """A call that goes on."""

    id: str
    by: str
    mine: bool
    began_at: datetime
    answered_at: datetime | None


def begin_call(work: Unit, request_id: str) -> str:
    """The actor dials now. Raises `NotFound`, `Refused`, `Conflict` (somebody calls already, or nobody need call)."""
    row, account = _allowed(work, request_id)
    if (row.task or {}).get("kind") != LINE or row.state != "waiting" or row.deadline <= work.clock.now():
        raise Conflict("Nobody need call for this sign-in now.")
    other = _open(work, row.id)
    if other is not None:
        if other.user_id == work.actor.id:
            return other.id
        raise Conflict(f"{other.user_name} is calling already.")
    call = LineCall(
        id=new_id("cal"),
        request_id=row.id,
        portal_id=account.portal_id,
        user_id=work.actor.id,
        user_name=work.actor.name[:120],
        began_at=work.clock.now(),
        answered_at=None,
        ended_at=None,
        result=None,
        reference="",
    )
    work.db.add(call)
    work.db.flush()
    records.record(work, Act.CODE_CALL_BEGUN, row, detail={"call": call.id})
    work.signal("desk")
    return call.id


def call_answered(work: Unit, request_id: str) -> None:
    """Somebody at the carrier answered: the time on hold is over. Raises `NotFound`, `Refused`, `Conflict`."""
    call = _mine(work, request_id)
    call.answered_at = call.answered_at or work.clock.now()
    work.signal("desk")


def end_call(work: Unit, request_id: str, result: str, reference: str = "") -> None:
    """It ended without a code; the request goes on waiting. Raises `Incomplete` for a result that is none."""
    if result not in RESULTS or result == "code":
        raise Incomplete("Say how the call ended: cut_off, closed, refused or gave_up.")
    _end(work, _mine(work, request_id), result, reference)


def code_was_told(work: Unit, row: CodeRequest, reference: str = "") -> None:
    """A code is handed in: the call for it, whoever made it, has its result."""
    call = _open(work, row.id)
    if call is not None:
        call.answered_at = call.answered_at or work.clock.now()
        _end(work, call, "code", reference)


def calling(work: Unit, request_id: str) -> Calling | None:
    """Who calls for this request now."""
    call = _open(work, request_id)
    if call is None:
        return None
    return Calling(call.id, call.user_name, call.user_id == work.actor.id, call.began_at, call.answered_at)


def calls_of(work: Unit, request_id: str) -> Sequence[LineCall]:
    """Every call for this request, oldest first."""
    return work.db.scalars(select(LineCall).where(LineCall.request_id == request_id).order_by(LineCall.id)).all()


def last_call(work: Unit, portal_id: str, account_ids: Collection[str]) -> LineCall | None:
    """The newest call to this portal's line for one of these logins that is over."""
    return work.db.scalar(
        select(LineCall)
        .join(CodeRequest, CodeRequest.id == LineCall.request_id)
        .where(LineCall.portal_id == portal_id, CodeRequest.account_id.in_(account_ids), LineCall.ended_at.is_not(None))
        .order_by(LineCall.id.desc())
        .limit(1)
    )


def _end(work: Unit, call: LineCall, result: str, reference: str) -> None:
    call.reference = checks.name(reference, "The call's reference", 40) if reference.strip() else ""
    call.ended_at, call.result = work.clock.now(), result
    held = ((call.answered_at or call.ended_at) - call.began_at).total_seconds()
    told: Detail = {
        "call": call.id,
        "hold_s": round(held),
        "call_s": round((call.ended_at - call.began_at).total_seconds()),
        "reference": call.reference,
    }
    row = records.request(work, call.request_id)
    records.record(work, Act.CODE_CALL_ENDED, row, outcome=result, reason=RESULTS[result], detail=told)
    work.signal("desk")


def _open(work: Unit, request_id: str) -> LineCall | None:
    return work.db.scalar(
        select(LineCall)
        .where(
            LineCall.request_id == request_id,
            LineCall.ended_at.is_(None),
            LineCall.began_at > work.clock.now() - FORGOTTEN,
        )
        .order_by(LineCall.id.desc())
        .limit(1)
    )


def _mine(work: Unit, request_id: str) -> LineCall:
    _allowed(work, request_id)
    call = _open(work, request_id)
    if call is None or call.user_id != work.actor.id:
        raise Conflict("You are not calling for this sign-in: press “I am calling” first.")
    return call


def _allowed(work: Unit, request_id: str) -> tuple[CodeRequest, PortalAccount]:
    row = records.request(work, request_id)
    account, place = work.db.get(PortalAccount, row.account_id), work.db.get(Location, row.location_id)
    require(work, Permission.CODE_GIVE, account=account, location=place)
    if account is None:
        raise NotFound("There is no such code request.")
    work.db.refresh(row, with_for_update=True)  # of two who press at once, one calls
    return row, account
