"""A code arrives: as a message that is judged, or typed in by a person who received it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import calls, matching, mistyped, notices, records, samples, tasks
from broker.codes.matching import Arrival, Decision, Earlier, Kept, Rule, Verdict
from broker.codes.models import Code, CodeMessage, CodeRequest
from broker.directory.models import DeliveryEndpoint, Location, PortalAccount
from broker.identity.policy import Permission, require
from broker.vault.service import Vault

TWO_CAME = "Different codes came for one request: a person must read them and type the right one."


def receive(work: Unit, vault: Vault, endpoint: DeliveryEndpoint, arrival: Arrival) -> CodeMessage:
    """A message came: decide, keep the verdict, hold the code for its request. The same message twice counts once."""
    records.one_at_a_time(work, endpoint.id)
    external_id = _identity(arrival)
    known = work.db.scalar(
        select(CodeMessage).where(CodeMessage.endpoint_id == endpoint.id, CodeMessage.external_id == external_id)
    )
    if known is not None:
        return known
    ended = records.ended_at(work, endpoint.id, matching.remembered(arrival))
    silent = records.held_back_at(work, endpoint.id) if arrival.channel == "sms" else []
    decision = matching.decide(arrival, records.waiting_at(work, endpoint.id), ended, silent)
    row = CodeMessage(
        id=new_id("msg"),
        endpoint_id=endpoint.id,
        channel=arrival.channel,
        external_id=external_id,
        sender=arrival.sender[:200],
        raw_digest=arrival.raw_digest,
        received_at=arrival.received_at,
        request_id=decision.request_id,
        verdict=decision.verdict.value,
        why=decision.why,
        detail=_unasked(work, vault, endpoint, arrival, decision),
        sample=samples.seal(work, vault, endpoint, arrival, decision.code),
    )
    if arrival.recording:
        row.detail = {**(row.detail or {}), "recording": arrival.recording}
    if decision.verdict is Verdict.MATCHED and _came_before(work, vault, endpoint, arrival, decision):
        why = "This very code came for an earlier sign-in already."
        decision = Decision(Verdict.DUPLICATE, why, decision.request_id)
        row.verdict, row.why = decision.verdict.value, decision.why
    work.db.add(row)
    work.db.flush()
    samples.keep_newest(work, endpoint.id)
    samples.forget_old(work, endpoint.id)
    request = work.db.get(CodeRequest, decision.request_id) if decision.request_id else None
    if decision.verdict is Verdict.MATCHED and request is not None:
        decision = _kept(work, vault, endpoint, request, row, decision)
        row.verdict, row.why = decision.verdict.value, decision.why
    elif decision.verdict is Verdict.LATE and request is not None:
        numbers = matching.find_codes(arrival.subject, arrival.text, Rule.of(request.rule))
        _count(work, request, row, [vault.digest(work, endpoint.organization_id, one.code) for one in numbers])
    _record(work, row, endpoint)
    if decision.verdict is Verdict.MATCHED and request is not None:
        hold(work, vault, request, decision, message=row, channel=arrival.channel)
    if decision.verdict in (Verdict.UNSOLICITED, Verdict.LATE, *notices.FOR_A_PERSON) or "unasked" in (
        row.detail or {}
    ):
        for channel in ("desk", "tiles"):
            work.signal(channel)
    return row


def _unasked(
    work: Unit, vault: Vault, endpoint: DeliveryEndpoint, arrival: Arrival, decision: Decision
) -> dict[str, Any] | None:
    """Kept with a message that nobody asked for: of which logins it holds a code, and the codes' digests."""
    found = notices.meant(work, endpoint.id, arrival, decision.verdict)
    codes = sorted({code for numbers in found.values() for code in numbers})
    digests = [vault.digest(work, endpoint.organization_id, code).hex() for code in codes]
    return {"unasked": list(found)[:20], "digests": digests} if found else None


def _kept(
    work: Unit, vault: Vault, endpoint: DeliveryEndpoint, request: CodeRequest, row: CodeMessage, decision: Decision
) -> Decision:
    """The decision on a code that fits a request, once the others that came for it are looked at.

    Of different codes for one asking none is used: nobody but a person can tell which is the portal's.
    """
    digest = vault.digest(work, endpoint.organization_id, decision.code or "")
    _count(work, request, row, [digest])
    held = work.db.scalar(select(Code.digest).where(Code.request_id == request.id, Code.state == "held"))
    kept = matching.keep(
        digest.hex(),
        held.hex() if held is not None else None,
        doubted=_doubted(work, request),
        came=request.came,
        sent=request.sent,
    )
    if kept is Kept.DUPLICATE:
        return Decision(Verdict.DUPLICATE, "The same code came already.", request.id)
    if kept is Kept.DOUBTED:
        if held is not None:
            records.drop_held(work, request)
            records.move(work, request, "waiting")
        return Decision(Verdict.AMBIGUOUS, TWO_CAME, request.id)
    return decision


def _doubted(work: Unit, request: CodeRequest) -> bool:
    """Whether a message of this asking was left to a person already: what comes after it is hers as well."""
    unclear = select(CodeMessage.id).where(
        CodeMessage.request_id == request.id,
        CodeMessage.verdict == Verdict.AMBIGUOUS.value,
        CodeMessage.received_at >= request.asked_at - matching.SKEW,
    )
    return work.db.scalar(unclear.limit(1)) is not None


def quarantine(work: Unit, endpoint: DeliveryEndpoint, arrival: Arrival, why: str) -> None:
    """Keep that a message came which could not be taken the usual way, so that it is neither lost nor in the way."""
    records.one_at_a_time(work, endpoint.id)
    external_id = _identity(arrival)
    known = select(CodeMessage.id).where(CodeMessage.endpoint_id == endpoint.id, CodeMessage.external_id == external_id)
    if work.db.scalar(known) is not None:
        return
    row = CodeMessage(
        id=new_id("msg"),
        endpoint_id=endpoint.id,
        channel=arrival.channel,
        external_id=external_id,
        sender="",
        raw_digest=arrival.raw_digest,
        received_at=arrival.received_at,
        request_id=None,
        verdict=Verdict.UNREADABLE.value,
        why=why[:300],
        detail=None,
        sample=None,
    )
    work.db.add(row)
    work.db.flush()
    _record(work, row, endpoint)
    work.signal("desk")


def _identity(arrival: Arrival) -> str:
    """What makes two deliveries one message. A forged copy must not take the genuine one's place, so its own bytes count."""
    if arrival.trusted and len(arrival.external_id) <= 200:
        return arrival.external_id
    return f"sha256:{arrival.raw_digest}:{arrival.external_id}"[:200]


def _came_before(work: Unit, vault: Vault, endpoint: DeliveryEndpoint, arrival: Arrival, decision: Decision) -> bool:
    """The same code was used a while ago, or came for another request, an earlier asking or nobody (and the portal does not reuse codes)."""
    request = records.request(work, decision.request_id or "")
    if request.rule.get("reusable"):
        return False
    digest = vault.digest(work, endpoint.organization_id, decision.code or "")
    since = work.clock.now() - matching.remembered(arrival)
    used = (
        select(Code.id)
        .join(CodeRequest, CodeRequest.id == Code.request_id)
        .where(
            Code.digest == digest,
            CodeRequest.endpoint_id == endpoint.id,
            or_(Code.used_at > since, (CodeRequest.id != request.id) & (Code.received_at > since)),
        )
    )
    if work.db.scalar(used.limit(1)) is not None:
        return True
    came = select(CodeMessage).where(CodeMessage.endpoint_id == endpoint.id, CodeMessage.received_at > since)
    earlier = [
        Earlier(
            row.received_at,
            elsewhere=row.request_id not in (None, request.id),
            unused=row.request_id is None or row.verdict == Verdict.LATE.value,
        )
        for row in work.db.scalars(came)
        if digest.hex() in (row.detail or {}).get("digests", ())
    ]
    return matching.came_before(arrival, request.asked_at, earlier)


def _count(work: Unit, request: CodeRequest, row: CodeMessage, digests: Sequence[bytes]) -> None:
    """One code more came for the request, unless it is the same one in another message, or a person typed it already.

    A message that came too late may have several numbers: any of them may be the code.
    """
    known, told = records.came_for(work, request, besides=row.id), [one.hex() for one in digests]
    row.detail = {**(row.detail or {}), "digests": told}
    request.came += bool(told) and not known.intersection(told)


def _record(work: Unit, row: CodeMessage, endpoint: DeliveryEndpoint) -> None:
    audit.record(
        work,
        Act.CODE_ARRIVED if row.verdict == Verdict.MATCHED.value else Act.CODE_QUARANTINED,
        "code_message",
        row.id,
        location_id=endpoint.location_id,
        outcome=row.verdict,
        reason=row.why,
        detail={
            "endpoint": endpoint.id,
            "channel": row.channel,
            "digest": row.raw_digest,
            "from": row.sender,
            "request": row.request_id,
        },
    )


def give(work: Unit, vault: Vault, request_id: str, value: str, call_reference: str = "") -> None:
    """A person hands in the code she received; `call_reference` is the carrier's number of the call it was told in.

    Raises `Incomplete` when it cannot be this portal's, `Conflict` when over, or when there is nothing to type.
    """
    row = records.locked(work, request_id)
    location = work.db.get(Location, row.location_id)
    account = work.db.get(PortalAccount, row.account_id)
    require(work, Permission.CODE_GIVE, account=account, location=location)
    assert account is not None
    if row.state not in ("expected", "waiting") or row.deadline <= work.clock.now():
        raise Conflict("This sign-in no longer waits for a code.")
    if tasks.is_for_the_hand(row):
        raise Conflict("There is no code to type for this sign-in: it is confirmed on the telephone or with the key.")
    rule = Rule.of(row.rule)
    code = "".join(value.split()).replace("-", "") if rule.pattern.startswith(r"\d") else value.strip()
    if rule.prefix and code.casefold().startswith(rule.prefix.casefold()):
        code = code[len(rule.prefix) :]
    if not matching.well_formed(code, rule):
        raise Incomplete("That does not look like this portal's code. Check it and type it again.")
    if mistyped.refused_before(work, row, vault.digest(work, account.organization_id, code)):
        raise Incomplete("The portal did not take this very code. Look at it once more, every digit.")
    records.record(work, Act.CODE_GIVEN, row, detail={"by": work.actor.name})
    calls.code_was_told(work, row, call_reference)
    hold(
        work, vault, row, Decision(Verdict.MATCHED, "Typed in by a person.", row.id, code), message=None, channel="desk"
    )


def hold(
    work: Unit, vault: Vault, row: CodeRequest, decision: Decision, *, message: CodeMessage | None, channel: str
) -> None:
    """Keep a code for its request, sealed; it takes the place of an older one."""
    assert decision.code is not None
    account = work.db.get(PortalAccount, row.account_id)
    assert account is not None
    records.drop_held(work, row, state="superseded")
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
    work.signal(f"code:{row.id}")  # first: the sign-in waits, the pages can look a moment later
    records.move(work, row, "matched")
    records.record(
        work,
        Act.CODE_MATCHED,
        row,
        reason=decision.why,
        detail={"code": code.id, "message": message.id if message else None},
    )
