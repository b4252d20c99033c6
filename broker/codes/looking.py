"""What the pages ask: who waits for a code, what came, until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from broker.base.unit import Unit
from broker.codes import calls, desk, notices, on_call, records, tasks
from broker.codes.calls import Calling
from broker.codes.models import CodeMessage, CodeRequest
from broker.directory.models import Location, MfaMethod, PortalAccount
from broker.identity.policy import Permission, reach


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
    task: str
    """line, push or touch; empty for a code that is only typed in."""
    task_say: str
    """The reference to give, or the number to choose."""
    task_words: str
    calling: Calling | None
    """Who is on the telephone for it."""
    notice: str
    """Why a code that should come by itself needs a person; empty while it may still come."""
    recording: str
    """Where the provider keeps the recording of a call; empty where there is none."""
    said: str
    """What others at the desk said about it."""
    called: str
    """Who is called to it by now, in the location's order; empty where there is none."""
    call_at: datetime | None
    """When the actor is called to it: at once where there is no order, never when she is not in it."""
    asked_at: datetime
    deadline: datetime


def pending(work: Unit) -> list[Pending]:
    """Requests that wait now at places where the actor may give codes, oldest first."""
    where = reach(work, Permission.CODE_GIVE)
    rows = work.db.scalars(
        select(CodeRequest)
        .where(
            CodeRequest.state.in_(("expected", "waiting")),
            CodeRequest.deadline > work.clock.now(),
            CodeRequest.channel.not_in(("totp", "recovery")),
        )
        .order_by(CodeRequest.asked_at)
    )
    mine_not = desk.declined_by_me(work)
    return [
        _pending(work, row)
        for row in rows
        if row.id not in mine_not and where.covers(account_id=row.account_id, location_id=row.location_id)
    ]


def _pending(work: Unit, row: CodeRequest) -> Pending:
    account = work.db.get(PortalAccount, row.account_id)
    location = work.db.get(Location, row.location_id)
    method = work.db.get(MfaMethod, row.method_id)
    assert account is not None
    assert location is not None
    noticed = notices.notice(work, row)
    called, call_at = on_call.calls(work, row, noticed.at if noticed else None)
    return Pending(
        id=row.id,
        portal_name=account.portal.name,
        location_name=location.name,
        requester_name=records.name_of(work, row.requester_kind, row.requester_id),
        login_tail="…" + account.username[-3:],
        channel=row.channel,
        destination=method.masked_destination if method else "",
        state=row.state,
        task=(row.task or {}).get("kind", ""),
        task_say=(row.task or {}).get("say", ""),
        task_words=tasks.in_words(row, account.portal.provider_line or "", _hours(account)),
        calling=calls.calling(work, row.id) if row.task else None,
        notice=noticed.words if noticed else "",
        recording=noticed.recording if noticed else "",
        said=desk.declined(work, row.id),
        called=called,
        call_at=call_at,
        asked_at=row.asked_at,
        deadline=row.deadline,
    )


def _hours(account: PortalAccount) -> str:
    """When the provider line is open, as its newest known fact says."""
    known = [fact for fact in account.portal.facts if fact.field == "provider_line_hours"]
    return str(max(known, key=lambda fact: fact.recorded_at).value)[:80] if known else ""


def expects(work: Unit, endpoint_id: str, sender: str) -> bool:
    """Whether a sign-in waits at this endpoint for a message from exactly this sender."""
    return any(sender.lower() in one.rule.senders for one in records.waiting_at(work, endpoint_id))


def deadline(work: Unit, request_id: str) -> datetime:
    """Until when the request waits."""
    return records.request(work, request_id).deadline


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
