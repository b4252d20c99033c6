"""Rows of this feature, found and changed the one right way: with the audit entry, the signal, the destroyed value."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.entry import Detail
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.codes import matching
from broker.codes.matching import RECENT, Rule, Waiting
from broker.codes.models import Code, CodeMessage, CodeRequest
from broker.directory.models import DeliveryEndpoint
from broker.identity.models import ServiceAccount, User
from broker.vault.models import Secret

OPEN = ("expected", "waiting", "matched")
MISSING = CodeRequest.state.not_in(OPEN) & (CodeRequest.sent > CodeRequest.came)
"""It is over, and a code that the portal sent for it never came."""


def request(work: Unit, request_id: str) -> CodeRequest:
    """Raises `NotFound`."""
    row = work.db.get(CodeRequest, request_id)
    if row is None:
        raise NotFound("There is no such code request.")
    return row


def one_at_a_time(work: Unit, endpoint_id: str | None) -> None:
    """Until this unit ends nobody else opens, answers or ends a request at this endpoint (SQLite writes alone anyway)."""
    if endpoint_id is not None:
        same = select(DeliveryEndpoint.id).where(DeliveryEndpoint.id == endpoint_id)
        work.db.execute(same.with_for_update(key_share=True))


def locked(work: Unit, request_id: str) -> CodeRequest:
    """The request as it is now, and nobody else's to change until this unit ends. Raises `NotFound`.

    The endpoint comes first, as everywhere: so two units never wait for each other.
    """
    one_at_a_time(work, request(work, request_id).endpoint_id)
    newest = select(CodeRequest).where(CodeRequest.id == request_id).with_for_update(key_share=True)
    return work.db.scalars(newest.execution_options(populate_existing=True)).one()


def move(work: Unit, row: CodeRequest, state: str) -> None:
    """Change a request's state and wake the pages that show it."""
    row.state, row.state_at = state, work.clock.now()
    for channel in ("desk", "tiles"):
        work.signal(channel)


def drop_held(work: Unit, row: CodeRequest, state: str = "dropped") -> None:
    """The value of a code that will not be used is destroyed."""
    for code in work.db.scalars(select(Code).where(Code.request_id == row.id, Code.state == "held")):
        code.state = state
        for secret in work.db.scalars(select(Secret).where(Secret.owner_kind == "code", Secret.owner_id == code.id)):
            secret.sealed, secret.destroyed_at = b"", work.clock.now()


def came_for(work: Unit, row: CodeRequest, *, besides: str = "") -> set[str]:
    """Digests of the codes that came for a request: in messages (one left out), or by a person and taken by the portal."""
    told = work.db.scalars(
        select(CodeMessage.detail).where(CodeMessage.request_id == row.id, CodeMessage.id != besides)
    )
    typed = work.db.scalars(
        select(Code.digest).where(Code.request_id == row.id, Code.given_by.is_not(None), Code.state == "accepted")
    )
    return {str(digest) for one in told if one for digest in one.get("digests", ())} | {one.hex() for one in typed}


def waiting_rows(work: Unit, endpoint_id: str) -> Sequence[CodeRequest]:
    """Requests that wait for a code at this endpoint now."""
    return work.db.scalars(
        select(CodeRequest).where(
            CodeRequest.endpoint_id == endpoint_id, CodeRequest.state.in_(OPEN), CodeRequest.deadline > work.clock.now()
        )
    ).all()


def waiting_at(work: Unit, endpoint_id: str) -> list[Waiting]:
    """The same, as matching needs them."""
    return [_as_waiting(row, waits=True) for row in waiting_rows(work, endpoint_id)]


def ended_at(work: Unit, endpoint_id: str, remembered: timedelta = RECENT) -> list[Waiting]:
    """Requests of this endpoint that ended a short while ago; those whose code never came are `remembered` for longer."""
    now = work.clock.now()
    rows = work.db.scalars(
        select(CodeRequest).where(
            CodeRequest.endpoint_id == endpoint_id,
            or_(
                CodeRequest.state.not_in(OPEN) & (CodeRequest.state_at > now - RECENT),
                MISSING & (CodeRequest.state_at > now - remembered),
                CodeRequest.state.in_(OPEN) & (CodeRequest.deadline <= now),
            ),
        )
    )
    return [_as_waiting(row, waits=False) for row in rows]


def held_back_at(work: Unit, endpoint_id: str) -> list[Waiting]:
    """Requests of a telephone that are over, and whose text it may still hold back: it was silent ever since."""
    now = work.clock.now()
    long_over = select(CodeRequest).where(
        CodeRequest.endpoint_id == endpoint_id, MISSING, CodeRequest.state_at > now - matching.HELD_BACK
    )
    came = select(func.min(CodeMessage.received_at)).where(
        CodeMessage.endpoint_id == endpoint_id, CodeMessage.channel == "sms"
    )

    def silent(row: CodeRequest) -> bool:
        since = matching.to_have_come(row.asked_at, row.state_at)
        return matching.held_back(work.db.scalar(came.where(CodeMessage.received_at > since)), now)

    return [_as_waiting(row, waits=False) for row in work.db.scalars(long_over) if silent(row)]


def awaited_senders(work: Unit, endpoint_id: str) -> frozenset[str] | None:
    """From whom a code is awaited at this endpoint; None while none is."""
    waiting = waiting_at(work, endpoint_id)
    if not waiting:
        return None
    return frozenset(sender for one in (*waiting, *ended_at(work, endpoint_id)) for sender in one.rule.senders)


def _as_waiting(row: CodeRequest, *, waits: bool) -> Waiting:
    """Of a request that waits, the code it waits for is not missing: only those of earlier askings are."""
    return Waiting(
        request_id=row.id,
        account_id=row.account_id,
        asked_at=row.asked_at,
        deadline=row.deadline,
        rule=Rule.of(row.rule),
        outstanding=row.sent - waits > row.came,
        asked_before=row.asked_before,
        channel=row.channel,
    )


def name_of(work: Unit, kind: str, actor_id: str) -> str:
    """A person's or an automation's name for an actor's id."""
    found: User | ServiceAccount | None = None
    if kind == "user":
        found = work.db.get(User, actor_id)
    elif kind == "service":
        found = work.db.get(ServiceAccount, actor_id)
    return found.name if found else actor_id


def asker(work: Unit, row: CodeRequest) -> dict[str, str | None]:
    """For whom the code is, as the log keeps it: the tables may be changed later, the log cannot be unnoticed."""
    return {
        "for": row.requester_id,
        "for_kind": row.requester_kind,
        "for_name": name_of(work, row.requester_kind, row.requester_id),
        "lease": row.lease_id,
        "attempt": row.attempt_id,
    }


def record(
    work: Unit,
    act: Act,
    row: CodeRequest,
    *,
    outcome: str = "ok",
    reason: str | None = None,
    detail: Detail | None = None,
) -> None:
    """An audit entry on a request, at its account and location."""
    audit.record(
        work,
        act,
        "code_request",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        outcome=outcome,
        reason=reason,
        detail=detail,
    )
