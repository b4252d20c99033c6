"""Rows of this feature, found and changed the one right way: with the audit entry, the signal, the destroyed value."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.entry import Detail
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.codes.matching import Rule, Waiting
from broker.codes.models import Code, CodeRequest
from broker.identity.models import User
from broker.vault.models import Secret

OPEN = ("expected", "waiting", "matched")
RECENT = timedelta(minutes=30)
"""How long an ended request is remembered when a message comes: its answer is called late, not unsolicited."""


def request(work: Unit, request_id: str) -> CodeRequest:
    """Raises `NotFound`."""
    row = work.db.get(CodeRequest, request_id)
    if row is None:
        raise NotFound("There is no such code request.")
    return row


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


def waiting_rows(work: Unit, endpoint_id: str) -> Sequence[CodeRequest]:
    """Requests that wait for a code at this endpoint now."""
    return work.db.scalars(
        select(CodeRequest).where(
            CodeRequest.endpoint_id == endpoint_id, CodeRequest.state.in_(OPEN), CodeRequest.deadline > work.clock.now()
        )
    ).all()


def waiting_at(work: Unit, endpoint_id: str) -> list[Waiting]:
    """The same, as matching needs them."""
    return [_as_waiting(row) for row in waiting_rows(work, endpoint_id)]


def ended_at(work: Unit, endpoint_id: str) -> list[Waiting]:
    """Requests of this endpoint that ended a short while ago."""
    rows = work.db.scalars(
        select(CodeRequest).where(
            CodeRequest.endpoint_id == endpoint_id,
            CodeRequest.asked_at > work.clock.now() - RECENT,
            (CodeRequest.state.not_in(OPEN)) | (CodeRequest.deadline <= work.clock.now()),
        )
    )
    return [_as_waiting(row) for row in rows]


def _as_waiting(row: CodeRequest) -> Waiting:
    return Waiting(
        request_id=row.id,
        account_id=row.account_id,
        asked_at=row.asked_at,
        deadline=row.deadline,
        rule=Rule.of(row.rule),
        outstanding=row.sent > row.came,
    )


def name_of(work: Unit, kind: str, actor_id: str) -> str:
    """A person's name for an actor's id."""
    user = work.db.get(User, actor_id) if kind == "user" else None
    return user.name if user else actor_id


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
