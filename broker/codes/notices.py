"""What people must be told about a code's way: one that cannot be used by itself, and one that nobody here asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select

from broker.base.unit import Unit
from broker.codes import matching, records
from broker.codes.matching import Arrival, Rule, Verdict
from broker.codes.models import CodeMessage, CodeRequest
from broker.codes.templates import rule_of, senders_of
from broker.codes.way_in import AUTOMATIC, trouble
from broker.directory.models import DeliveryEndpoint, MfaMethod, PortalAccount

FOR_A_PERSON = (Verdict.AMBIGUOUS, Verdict.UNTRUSTED, Verdict.UNREADABLE, Verdict.NO_CODE, Verdict.DUPLICATE)
"""Verdicts after which only a person can go on, while a sign-in waits."""
SHOWN_FOR = timedelta(days=3)
"""A code that nobody asked for is shown over a weekend."""


@dataclass(frozen=True)
class Notice:
    """Why a code that should come by itself needs a person; since when that is known."""

    words: str
    at: datetime
    recording: str = ""
    """Where the provider keeps the recording of a call that nobody wrote down."""


def notice(work: Unit, row: CodeRequest) -> Notice | None:
    """What keeps this request's code from being typed in by itself; None while nothing does, or where a person gives it anyway."""
    if row.channel not in AUTOMATIC or row.endpoint_id is None or row.state not in ("expected", "waiting"):
        return None
    endpoint = work.db.get(DeliveryEndpoint, row.endpoint_id)
    message = _in_the_way(work, row)
    if message is not None:
        where = f" to {endpoint.name}" if endpoint else ""
        words = f"A {_what(message)} came{where} that Portunus does not use by itself: {message.why}"
        by_hand = "" if message.channel == "voice" else " Read it yourself and type the code."
        return Notice(words + by_hand, message.received_at, recording_of(message))
    if wrong := trouble(work, endpoint):
        return Notice(f"{wrong} A person is needed: who can read the code another way types it.", row.asked_at)
    return None


def _in_the_way(work: Unit, row: CodeRequest) -> CodeMessage | None:
    """The newest message of this request's sender since the portal was asked that Portunus left to people."""
    rule = Rule.of(row.rule)
    found = work.db.scalars(
        select(CodeMessage)
        .where(
            CodeMessage.endpoint_id == row.endpoint_id,
            CodeMessage.received_at >= row.asked_at - matching.SKEW,
            or_(CodeMessage.verdict.in_([one.value for one in FOR_A_PERSON]), _of_a_wrong_clock()),
        )
        .order_by(CodeMessage.id.desc())
        .limit(20)
    )
    return next((one for one in found if _of_its_sender(one, rule)), None)


def _of_a_wrong_clock() -> ColumnElement[bool]:
    """Dated long before the portal was asked and no earlier sign-in's: its sender's clock may be slow."""
    return and_(CodeMessage.verdict == Verdict.LATE.value, CodeMessage.request_id.is_(None))


def _of_its_sender(message: CodeMessage, rule: Rule) -> bool:
    """A message that could not be read names no sender: it may be anybody's."""
    return not message.sender or matching.sender_fits(_bare(message.channel, message.sender), rule)


def _bare(channel: str, sender: str) -> Arrival:
    return Arrival(
        endpoint_id="",
        channel=channel,
        external_id="",
        sender=sender,
        trusted=False,
        recipients=frozenset(),
        subject="",
        text="",
        received_at=datetime.min,
        raw_digest="",
    )


def _what(message: CodeMessage) -> str:
    return {"email": "mail", "sms": "text message", "voice": "call"}.get(message.channel, "message")


def recording_of(message: CodeMessage) -> str:
    """The provider's address of a recorded call, to open in a browser; empty for anything that is no https address."""
    told = str((message.detail or {}).get("recording") or "")
    return told if told.startswith("https://") else ""


# --- codes that nobody here asked for


@dataclass(frozen=True)
class Unasked:
    """A code came though nobody here signs in: somebody else may have the password."""

    at: datetime
    endpoint_id: str
    endpoint: str
    account_id: str
    portal: str
    login: str


def meant(work: Unit, endpoint_id: str, arrival: Arrival, verdict: Verdict) -> dict[str, list[str]]:
    """Of a message that nobody asked for: the logins it may hold a code of, each with what may be the code.

    While other logins wait at the same endpoint such a message is a foreign one to them.
    """
    if verdict is not Verdict.UNSOLICITED and not (verdict is Verdict.FOREIGN and arrival.trusted):
        return {}
    waiting = {one.account_id for one in records.waiting_at(work, endpoint_id)}
    ours = [one for one in _methods(work, endpoint_id, arrival.channel) if one.account_id not in waiting]
    found = {one.account_id: _codes_of(work, one, arrival) for one in ours}
    return {account_id: numbers for account_id, numbers in found.items() if numbers}


def login_senders(work: Unit, endpoint_id: str) -> frozenset[str]:
    """From whom mails with codes of any login come to this endpoint: one of a login that does not wait, nobody here asked for."""
    methods = _methods(work, endpoint_id, "email")
    return frozenset(sender for one in methods for sender in senders_of(work, one).senders)


def _methods(work: Unit, endpoint_id: str, channel: str) -> Sequence[MfaMethod]:
    return work.db.scalars(
        select(MfaMethod).where(MfaMethod.endpoint_id == endpoint_id, MfaMethod.channel == channel)
    ).all()


def _codes_of(work: Unit, method: MfaMethod, arrival: Arrival) -> list[str]:
    if not matching.sender_fits(arrival, senders_of(work, method)):
        return []
    rule = Rule.of(rule_of(work, method.account, method))
    if not matching.addressed_to(arrival, rule):
        return []
    return [one.code for one in matching.find_codes(arrival.subject, arrival.text, rule)]


def unasked(work: Unit, endpoint_ids: Sequence[str]) -> list[Unasked]:
    """What came to these endpoints in the last three days without a sign-in here, newest first."""
    rows = work.db.execute(
        select(CodeMessage, DeliveryEndpoint)
        .join(DeliveryEndpoint, DeliveryEndpoint.id == CodeMessage.endpoint_id)
        .where(
            CodeMessage.endpoint_id.in_(endpoint_ids),
            CodeMessage.verdict.in_((Verdict.UNSOLICITED.value, Verdict.FOREIGN.value)),
            CodeMessage.received_at > work.clock.now() - SHOWN_FOR,
            CodeMessage.detail.is_not(None),
        )
        .order_by(CodeMessage.id.desc())
        .limit(100)
    )
    found = []
    for message, endpoint in rows:
        for account_id in (message.detail or {}).get("unasked", ()):
            account = work.db.get(PortalAccount, account_id)
            if account is not None:
                told = (account.id, account.portal.name, account.username)
                found.append(Unasked(message.received_at, endpoint.id, endpoint.name, *told))
    return found
