"""A code request's own life: opened before the portal is asked, sent again, withdrawn, expired."""

from datetime import timedelta

from sqlalchemy import select

from broker.audit.acts import Act
from broker.base.actor import Actor
from broker.base.errors import Conflict
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import records, turns
from broker.codes.matching import Rule, told_apart
from broker.codes.models import CodeRequest
from broker.codes.templates import rule_of
from broker.directory.models import Location, MfaMethod, PortalAccount

NONE_SENT = ("signed_in", "wrong_practice", "wrong_password", "locked", "password_expired")
"""Ends without a code page after which the portal sent none: it let us in, or said no. After any other end one may be on its way."""

NONE_CAME = ("no_code",)
"""Ends of a sign-in that waited for its code until the code's life was over."""


def expect(
    work: Unit,
    *,
    attempt_id: str,
    account: PortalAccount,
    location: Location,
    requester: Actor,
    life_s: int,
    lease_id: str | None = None,
) -> CodeRequest | None:
    """Open the request before the portal is asked to send. None for an account without a second factor.

    Raises `Conflict` (code `endpoint-busy`) when another sign-in waits for a code at the same endpoint and a message
    could not tell them apart: whoever asks waits for its turn.
    """
    if not account.mfa_methods:
        return None
    method = account.mfa_methods[0]
    records.one_at_a_time(work, method.endpoint_id)
    rule = rule_of(work, account, method)
    _refuse_indistinguishable(work, method, attempt_id, Rule.of(rule))
    now = work.clock.now()
    row = CodeRequest(
        id=new_id("cod"),
        attempt_id=attempt_id,
        account_id=account.id,
        location_id=location.id,
        requester_kind=requester.kind.value,
        requester_id=requester.id,
        lease_id=lease_id,
        method_id=method.id,
        channel=method.channel,
        endpoint_id=method.endpoint_id,
        rule=rule,
        asked_at=now,
        first_asked_at=now,
        asked_before=None,
        deadline=now + timedelta(seconds=life_s),
        task=None,
        state="expected",
        state_at=now,
        sent=_takes_over(work, attempt_id),
    )
    work.db.add(row)
    work.db.flush()
    records.record(work, Act.CODE_REQUESTED, row, detail={**_route(method), **records.asker(work, row)})
    if method.endpoint_id:
        work.signal(f"mailbox:{method.endpoint_id}")
    return row


def _takes_over(work: Unit, attempt_id: str) -> int:
    """How many codes are on their way for earlier requests of the same sign-in: they are this one's now."""
    missing = 0
    for row in work.db.scalars(select(CodeRequest).where(CodeRequest.attempt_id == attempt_id)):
        missing += max(row.sent - row.came, 0)
        row.came = max(row.came, row.sent)
    return missing


def _route(method: MfaMethod) -> dict[str, str | None]:
    """How the code is to come, as the log keeps it."""
    endpoint = method.endpoint
    return {
        "channel": method.channel,
        "way": method.way,
        "sent_to": method.masked_destination,
        "endpoint": method.endpoint_id,
        "endpoint_name": endpoint.name if endpoint else None,
        "custodian": endpoint.custodian if endpoint else None,
    }


def _refuse_indistinguishable(work: Unit, method: MfaMethod, attempt_id: str, mine: Rule) -> None:
    if method.endpoint_id is None:
        return
    alike = any(not told_apart(mine, Rule.of(one.rule)) for one in records.waiting_rows(work, method.endpoint_id))
    began = work.db.scalar(select(CodeRequest.id).where(CodeRequest.attempt_id == attempt_id).limit(1))
    if alike or (began is None and turns.before(work, method.endpoint_id, attempt_id, mine)):
        raise Conflict(
            "Another sign-in waits for a code from the same sender at the same mailbox or phone. Try again when it is done.",
            code="endpoint-busy",
        )
    turns.leave(work, attempt_id)


def waiting(work: Unit, request_id: str) -> None:
    """The portal shows its code page: the desk and whoever watches should know."""
    row = records.locked(work, request_id)
    row.sent = max(row.sent, 1)
    if row.state == "expected":
        records.move(work, row, "waiting")


def not_needed(work: Unit, request_id: str) -> None:
    """The portal let us in without a code (a remembered device)."""
    row = records.locked(work, request_id)
    if row.state in records.OPEN:
        records.drop_held(work, row)
        records.move(work, row, "not_needed")
        records.record(work, Act.CODE_WITHDRAWN, row, reason="not needed")


def withdraw(work: Unit, attempt_id: str, reason: str) -> None:
    """The attempt is over: whatever arrives now for it is late. One that waited to its end expired, whoever notices first."""
    open_ones = select(CodeRequest.id).where(CodeRequest.attempt_id == attempt_id, CodeRequest.state.in_(records.OPEN))
    for request_id in work.db.scalars(open_ones).all():
        row = records.locked(work, request_id)
        if row.state not in records.OPEN:
            continue
        if reason not in NONE_SENT:
            row.sent = max(row.sent, 1)
        expired = reason in NONE_CAME or row.deadline <= work.clock.now()
        records.move(work, row, "expired" if expired else "withdrawn")
        records.drop_held(work, row)
        records.record(work, Act.CODE_EXPIRED if expired else Act.CODE_WITHDRAWN, row, reason=reason)


def resend(work: Unit, request_id: str) -> None:
    """The portal is asked to send again: codes held or coming from before are superseded. Raises `Conflict` when over."""
    row = records.locked(work, request_id)
    if row.state not in (*records.OPEN, "released", "rejected") or row.deadline <= work.clock.now():
        raise Conflict("This sign-in no longer waits for a code.")
    records.drop_held(work, row, state="superseded")
    row.asked_before, row.asked_at = row.asked_at, work.clock.now()
    row.sent = max(row.sent, 1) + 1
    records.move(work, row, "waiting")
    records.record(work, Act.CODE_REQUESTED, row, detail={"resend": True})


def expire(work: Unit) -> int:
    """End requests past their deadline; returns how many."""
    past = select(CodeRequest.id).where(CodeRequest.state.in_(records.OPEN), CodeRequest.deadline <= work.clock.now())
    ended = 0
    for request_id in work.db.scalars(past.order_by(CodeRequest.endpoint_id, CodeRequest.id)).all():
        row = records.locked(work, request_id)
        if row.state not in records.OPEN or row.deadline > work.clock.now():
            continue
        row.sent = max(row.sent, 1)
        records.move(work, row, "expired")
        records.drop_held(work, row)
        records.record(work, Act.CODE_EXPIRED, row)
        ended += 1
    return ended
