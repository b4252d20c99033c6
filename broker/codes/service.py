"""Code requests from the moment before the portal is asked until the portal's answer, each step in the audit log.

A code is used at most once, only by the attempt that asked, only inside its window: `take` is one conditional UPDATE.
Its value is sealed while it is held and destroyed when it is used or too old; a keyed digest stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor
from broker.base.db import changed
from broker.base.errors import Conflict, Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import matching
from broker.codes.matching import Arrival, Decision, Rule, Verdict, Waiting
from broker.codes.models import Code, CodeMessage, CodeRequest
from broker.directory.models import DeliveryEndpoint, Location, MfaMethod, PortalAccount
from broker.identity.models import User
from broker.identity.policy import Permission, reach, require
from broker.vault.models import Secret
from broker.vault.service import Vault

OPEN = ("expected", "waiting", "matched")
RECENT = timedelta(minutes=30)


@dataclass(frozen=True)
class Pending:
    """A request as the code desk shows it: no PHI."""

    id: str
    portal_name: str
    location_name: str
    requester_name: str
    login_tail: str
    channel: str
    destination: str
    state: str
    asked_at: datetime
    deadline: datetime


@dataclass(frozen=True)
class Taken:
    """A code for the attempt's own desk, or how long until the next try makes sense."""

    code: str | None
    wait_s: float = 0.2

    def __repr__(self) -> str:
        return f"Taken(wait_s={self.wait_s})"


# --- asking


def expect(
    work: Unit, *, attempt_id: str, account: PortalAccount, location: Location, requester: Actor, life_s: int
) -> CodeRequest | None:
    """Open the request before the portal is asked to send. None for an account without a second factor.

    Raises `Conflict` when another sign-in waits for a code at the same endpoint and a message could not tell them apart.
    """
    if not account.mfa_methods:
        return None
    method = account.mfa_methods[0]
    _refuse_indistinguishable(work, method)
    now = work.clock.now()
    row = CodeRequest(
        id=new_id("cod"),
        attempt_id=attempt_id,
        account_id=account.id,
        location_id=location.id,
        requester_kind=requester.kind.value,
        requester_id=requester.id,
        method_id=method.id,
        channel=method.channel,
        endpoint_id=method.endpoint_id,
        rule=dict(method.template),
        asked_at=now,
        deadline=now + timedelta(seconds=life_s),
        state="expected",
        state_at=now,
    )
    work.db.add(row)
    work.db.flush()
    _record(work, Act.CODE_REQUESTED, row, detail={"channel": method.channel, "endpoint": method.endpoint_id})
    if method.endpoint_id:
        work.signal(f"mailbox:{method.endpoint_id}")
    return row


def _refuse_indistinguishable(work: Unit, method: MfaMethod) -> None:
    if method.endpoint_id is None:
        return
    mine = Rule.of(method.template)
    for other in _waiting_rows(work, method.endpoint_id):
        theirs = Rule.of(other.rule)
        told_apart = (
            (mine.alias and theirs.alias and mine.alias != theirs.alias)
            or (mine.senders and theirs.senders and not mine.senders & theirs.senders)
            or (mine.names and theirs.names and mine.names != theirs.names)
        )
        if not told_apart:
            raise Conflict(
                "Another sign-in waits for a code from the same sender at the same mailbox or phone. Try again when it is done.",
                code="endpoint-busy",
            )


def waiting(work: Unit, request_id: str) -> None:
    """The portal shows its code page: the desk and whoever watches should know."""
    row = _request(work, request_id)
    if row.state == "expected":
        _move(work, row, "waiting")


def not_needed(work: Unit, request_id: str) -> None:
    """The portal let us in without a code (a remembered device)."""
    row = _request(work, request_id)
    if row.state in OPEN:
        _move(work, row, "not_needed")
        _record(work, Act.CODE_WITHDRAWN, row, reason="not needed")


def withdraw(work: Unit, attempt_id: str, reason: str) -> None:
    """The attempt is over: whatever arrives now for it is late."""
    for row in work.db.scalars(
        select(CodeRequest).where(CodeRequest.attempt_id == attempt_id, CodeRequest.state.in_(OPEN))
    ):
        _move(work, row, "withdrawn")
        _drop_held(work, row)
        _record(work, Act.CODE_WITHDRAWN, row, reason=reason)


def resend(work: Unit, request_id: str) -> None:
    """The portal is asked to send again: codes held or coming from before are superseded."""
    row = _request(work, request_id)
    _drop_held(work, row, state="superseded")
    row.asked_at, row.state, row.state_at = work.clock.now(), "waiting", work.clock.now()
    _record(work, Act.CODE_REQUESTED, row, detail={"resend": True})


# --- arriving


def receive(work: Unit, vault: Vault, endpoint: DeliveryEndpoint, arrival: Arrival) -> CodeMessage:
    """A message came: decide, keep the verdict, hold the code for its request. The same message twice counts once."""
    known = work.db.scalar(
        select(CodeMessage).where(
            CodeMessage.endpoint_id == endpoint.id, CodeMessage.external_id == arrival.external_id[:200]
        )
    )
    if known is not None:
        return known
    decision = matching.decide(arrival, _waiting(work, endpoint.id), _ended(work, endpoint.id))
    row = CodeMessage(
        id=new_id("msg"),
        endpoint_id=endpoint.id,
        channel=arrival.channel,
        external_id=arrival.external_id[:200],
        sender=arrival.sender[:200],
        raw_digest=arrival.raw_digest,
        received_at=arrival.received_at,
        verdict=decision.verdict.value,
        why=decision.why,
        detail=None,
    )
    work.db.add(row)
    work.db.flush()
    audit.record(
        work,
        Act.CODE_ARRIVED if decision.verdict is Verdict.MATCHED else Act.CODE_QUARANTINED,
        "code_message",
        row.id,
        outcome=decision.verdict.value,
        reason=decision.why,
        detail={"endpoint": endpoint.id, "digest": arrival.raw_digest, "from": arrival.sender},
    )
    if decision.verdict is Verdict.MATCHED:
        _hold(work, vault, _request(work, decision.request_id or ""), decision, message=row, channel=arrival.channel)
    elif decision.verdict is Verdict.AMBIGUOUS:
        work.signal("desk")
    return row


def give(work: Unit, vault: Vault, request_id: str, value: str) -> None:
    """A person hands in the code she received. Raises `Incomplete` when it cannot be this portal's, `Conflict` when over."""
    row = _request(work, request_id)
    location = work.db.get(Location, row.location_id)
    require(work, Permission.CODE_GIVE, account=work.db.get(PortalAccount, row.account_id), location=location)
    if row.state not in ("expected", "waiting") or row.deadline <= work.clock.now():
        raise Conflict("This sign-in no longer waits for a code.")
    code = (
        "".join(value.split()).replace("-", "") if row.rule.get("pattern", r"\d").startswith(r"\d") else value.strip()
    )
    if not matching.well_formed(code, Rule.of(row.rule)):
        raise Incomplete("That does not look like this portal's code. Check it and type it again.")
    _record(work, Act.CODE_GIVEN, row, detail={"by": work.actor.name})
    _hold(
        work, vault, row, Decision(Verdict.MATCHED, "Typed in by a person.", row.id, code), message=None, channel="desk"
    )


def _hold(
    work: Unit, vault: Vault, row: CodeRequest, decision: Decision, *, message: CodeMessage | None, channel: str
) -> None:
    assert decision.code is not None
    account = work.db.get(PortalAccount, row.account_id)
    assert account is not None
    _drop_held(work, row, state="superseded")
    code = Code(
        id=new_id("otc"),
        request_id=row.id,
        message_id=message.id if message else None,
        channel=channel,
        received_at=message.received_at if message else work.clock.now(),
        given_by=None if message else work.actor.id,
        digest=vault.digest(work, account.organization_id, decision.code),
        state="held",
        used_at=None,
    )
    work.db.add(code)
    work.db.flush()
    vault.put(work, account.organization_id, "code", code.id, "value", decision.code.encode())
    _move(work, row, "matched")
    _record(
        work,
        Act.CODE_MATCHED,
        row,
        reason=decision.why,
        detail={"code": code.id, "message": message.id if message else None},
    )
    work.signal(f"code:{row.id}")


# --- using


def take(work: Unit, vault: Vault, request_id: str, attempt_id: str) -> Taken:
    """The code, once, for the attempt that asked and before the deadline; otherwise how long to wait before the next look."""
    row = _request(work, request_id)
    if row.attempt_id != attempt_id or row.deadline <= work.clock.now():
        return Taken(None)
    if row.channel == "totp" and row.state in ("expected", "waiting"):
        return _take_totp(work, vault, row)
    if row.state != "matched":
        return Taken(None)
    code = work.db.scalar(select(Code).where(Code.request_id == row.id, Code.state == "held"))
    if code is None or not _claim(work, row, "matched"):
        return Taken(None)
    value = vault.use(work, "code", code.id, "value", purpose="type the code").decode()
    vault.destroy(work, "code", code.id, "value")
    code.state, code.used_at = "released", work.clock.now()
    _released(work, row, code)
    return Taken(value)


def _take_totp(work: Unit, vault: Vault, row: CodeRequest) -> Taken:
    release = vault.totp(work, row.account_id, row.attempt_id, work.clock.now())
    if release.code is None:
        return Taken(None, max(release.wait_s, 0.2))
    account = work.db.get(PortalAccount, row.account_id)
    assert account is not None
    if not _claim(work, row, row.state):
        return Taken(None)
    code = Code(
        id=new_id("otc"),
        request_id=row.id,
        message_id=None,
        channel="totp",
        received_at=work.clock.now(),
        given_by=None,
        digest=vault.digest(work, account.organization_id, release.code),
        state="released",
        used_at=work.clock.now(),
    )
    work.db.add(code)
    work.db.flush()
    _released(work, row, code)
    return Taken(release.code)


def _claim(work: Unit, row: CodeRequest, state: str) -> bool:
    claimed = work.db.execute(
        update(CodeRequest)
        .where(CodeRequest.id == row.id, CodeRequest.state == state)
        .values(state="released", state_at=work.clock.now(), released_to=row.attempt_id)
    )
    return changed(claimed) == 1


def _released(work: Unit, row: CodeRequest, code: Code) -> None:
    work.db.refresh(row)
    _record(work, Act.CODE_RELEASED, row, detail={"code": code.id, "to": row.attempt_id})
    work.signal("desk")
    work.signal("tiles")


def typed(work: Unit, request_id: str, page: str) -> None:
    """The code is in the portal's field (`page` is host and path)."""
    row = _request(work, request_id)
    row.typed_at, row.typed_page = work.clock.now(), page[:200]
    _record(work, Act.CODE_TYPED, row, detail={"page": page[:200]})


def answered(work: Unit, request_id: str, *, accepted: bool) -> None:
    """What the portal said to it."""
    row = _request(work, request_id)
    if row.state != "released":
        return
    state = "accepted" if accepted else "rejected"
    _move(work, row, state)
    for code in row.codes:
        if code.state == "released":
            code.state = state
    _record(work, Act.CODE_ANSWERED, row, outcome=state)
    work.signal("desk")


def shown_in_recording(work: Unit, portal_attempts: Sequence[str], recording_id: str, offset_ms: int) -> None:
    """The recording of the tab that these sign-ins opened starts: link their requests to it."""
    work.db.execute(
        update(CodeRequest)
        .where(CodeRequest.attempt_id.in_(portal_attempts), CodeRequest.recording_id.is_(None))
        .values(recording_id=recording_id, recording_offset_ms=offset_ms)
    )


def expire(work: Unit) -> int:
    """End requests past their deadline; returns how many."""
    rows = work.db.scalars(
        select(CodeRequest).where(CodeRequest.state.in_(OPEN), CodeRequest.deadline <= work.clock.now())
    ).all()
    for row in rows:
        _move(work, row, "expired")
        _drop_held(work, row)
        _record(work, Act.CODE_EXPIRED, row)
    return len(rows)


# --- looking


def pending(work: Unit) -> list[Pending]:
    """Requests that wait now at places where the actor may give codes, oldest first."""
    where = reach(work, Permission.CODE_GIVE)
    rows = work.db.scalars(
        select(CodeRequest)
        .where(
            CodeRequest.state.in_(("expected", "waiting")),
            CodeRequest.deadline > work.clock.now(),
            CodeRequest.channel != "totp",
        )
        .order_by(CodeRequest.asked_at)
    )
    return [_pending(work, row) for row in rows if where.covers(account_id=row.account_id, location_id=row.location_id)]


def _pending(work: Unit, row: CodeRequest) -> Pending:
    account = work.db.get(PortalAccount, row.account_id)
    location = work.db.get(Location, row.location_id)
    method = work.db.get(MfaMethod, row.method_id)
    assert account is not None
    assert location is not None
    return Pending(
        id=row.id,
        portal_name=account.portal.name,
        location_name=location.name,
        requester_name=name_of(work, row.requester_kind, row.requester_id),
        login_tail="…" + account.username[-3:],
        channel=row.channel,
        destination=method.masked_destination if method else "",
        state=row.state,
        asked_at=row.asked_at,
        deadline=row.deadline,
    )


def name_of(work: Unit, kind: str, actor_id: str) -> str:
    """A person's name for an actor's id."""
    user = work.db.get(User, actor_id) if kind == "user" else None
    return user.name if user else actor_id


def deadline(work: Unit, request_id: str) -> datetime:
    """Until when the request waits."""
    return _request(work, request_id).deadline


def request_of_attempt(work: Unit, attempt_id: str) -> CodeRequest | None:
    """The newest request of a sign-in."""
    return work.db.scalar(
        select(CodeRequest).where(CodeRequest.attempt_id == attempt_id).order_by(CodeRequest.id.desc()).limit(1)
    )


def messages(work: Unit, endpoint_ids: Sequence[str], limit: int = 50) -> Sequence[CodeMessage]:
    """The last messages of these endpoints with their verdicts, newest first."""
    return work.db.scalars(
        select(CodeMessage)
        .where(CodeMessage.endpoint_id.in_(endpoint_ids))
        .order_by(CodeMessage.id.desc())
        .limit(limit)
    ).all()


# --- inside


def _request(work: Unit, request_id: str) -> CodeRequest:
    row = work.db.get(CodeRequest, request_id)
    if row is None:
        raise NotFound("There is no such code request.")
    return row


def _move(work: Unit, row: CodeRequest, state: str) -> None:
    row.state, row.state_at = state, work.clock.now()
    for channel in ("desk", "tiles"):
        work.signal(channel)


def _drop_held(work: Unit, row: CodeRequest, state: str = "dropped") -> None:
    """The value of a code that will not be used is destroyed."""
    for code in work.db.scalars(select(Code).where(Code.request_id == row.id, Code.state == "held")):
        code.state = state
        for secret in work.db.scalars(select(Secret).where(Secret.owner_kind == "code", Secret.owner_id == code.id)):
            secret.sealed, secret.destroyed_at = b"", work.clock.now()


def _waiting_rows(work: Unit, endpoint_id: str) -> Sequence[CodeRequest]:
    return work.db.scalars(
        select(CodeRequest).where(
            CodeRequest.endpoint_id == endpoint_id, CodeRequest.state.in_(OPEN), CodeRequest.deadline > work.clock.now()
        )
    ).all()


def _waiting(work: Unit, endpoint_id: str) -> list[Waiting]:
    return [_as_waiting(row) for row in _waiting_rows(work, endpoint_id)]


def _ended(work: Unit, endpoint_id: str) -> list[Waiting]:
    rows = work.db.scalars(
        select(CodeRequest).where(
            CodeRequest.endpoint_id == endpoint_id,
            CodeRequest.asked_at > work.clock.now() - RECENT,
            (CodeRequest.state.not_in(OPEN)) | (CodeRequest.deadline <= work.clock.now()),
        )
    )
    return [_as_waiting(row) for row in rows]


def _as_waiting(row: CodeRequest) -> Waiting:
    return Waiting(row.id, row.account_id, row.asked_at, row.deadline, Rule.of(row.rule))


def _record(work: Unit, act: Act, row: CodeRequest, **more: object) -> None:
    audit.record(
        work,
        act,
        "code_request",
        row.id,
        account_id=row.account_id,
        location_id=row.location_id,
        **more,  # type: ignore[arg-type]
    )
