"""Which request does this message answer? Pure rules: message and waiting requests in, verdict with its reason out.

Only a message that is trusted (sender and authentication verdict of the configured receiving server), that arrived
after the request was made and before its deadline, and that fits exactly one request with exactly one code, is used.
Everything else is kept as a verdict a person can read; a person may always type the code at the desk.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

SKEW = timedelta(seconds=2)
"""How far a receiving server's clock may run behind ours."""
LONGEST_PATTERN = 200
CONTEXT_CHARACTERS = 120


class Verdict(StrEnum):
    MATCHED = "matched"
    AMBIGUOUS = "ambiguous"
    LATE = "late"
    UNSOLICITED = "unsolicited"
    FOREIGN = "foreign"
    NO_CODE = "no_code"
    UNTRUSTED = "untrusted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Arrival:
    """A message as it reached an endpoint. `text` is only what a person would see rendered."""

    endpoint_id: str
    channel: str
    external_id: str
    sender: str
    """Bare address (lower case) or phone number."""
    trusted: bool
    """The configured receiving server's own verdict (SPF/DKIM/DMARC aligned), or a verified webhook signature."""
    recipients: frozenset[str]
    subject: str
    text: str
    received_at: datetime
    raw_digest: str
    unreadable: str | None = None
    """Why it could not be read at all."""

    def __repr__(self) -> str:
        return f"Arrival({self.channel}, {self.external_id!r})"


@dataclass(frozen=True)
class Rule:
    """What a message that answers a request looks like (from the account's MFA method and the portal's template)."""

    senders: frozenset[str] = frozenset()
    """Exact addresses; empty trusts any sender on a signed channel and none by e-mail."""
    alias: str | None = None
    """The address the portal writes to, when it identifies the account."""
    subject: str | None = None
    """Words the subject holds."""
    context: tuple[str, ...] = ()
    """Words that stand shortly before the code; empty takes any number that fits the pattern."""
    pattern: str = r"\d{6}"
    names: str | None = None
    """Words that name the account in the text (username tail), when the portal prints one."""

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Rule":
        """From the JSON kept with a request."""
        return cls(
            senders=frozenset(address.lower() for address in values.get("senders", ())),
            alias=(values.get("alias") or "").lower() or None,
            subject=values.get("subject"),
            context=tuple(values.get("context", ())),
            pattern=values.get("pattern") or r"\d{6}",
            names=values.get("names"),
        )


@dataclass(frozen=True)
class Waiting:
    """A request that still waits, as far as matching needs it."""

    request_id: str
    account_id: str
    asked_at: datetime
    deadline: datetime
    rule: Rule
    used_digests: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Decision:
    """What to do with a message, and why, in words for a person. `code` only when matched."""

    verdict: Verdict
    why: str
    request_id: str | None = None
    code: str | None = None

    def __repr__(self) -> str:
        return f"Decision({self.verdict}, {self.request_id})"


def decide(arrival: Arrival, waiting: Sequence[Waiting], ended: Sequence[Waiting] = ()) -> Decision:
    """The verdict on one message. `ended` are recent requests of the endpoint that no longer wait."""
    if arrival.unreadable:
        return Decision(Verdict.UNREADABLE, arrival.unreadable)
    from_here = [request for request in waiting if _sender_fits(arrival, request.rule)]
    if not from_here:
        late = [request for request in ended if _sender_fits(arrival, request.rule)]
        if late and _codes(arrival, late[0].rule):
            return Decision(Verdict.LATE, "The sign-in this code was for is over.", late[0].request_id)
        if not waiting and not late:
            return Decision(Verdict.UNSOLICITED, "Nobody asked for a code here.")
        return Decision(Verdict.FOREIGN, "Not from a sender that any waiting portal uses.")
    if not arrival.trusted:
        return Decision(Verdict.UNTRUSTED, "The receiving server did not confirm that the sender is genuine.")
    in_time = [request for request in from_here if request.asked_at - SKEW <= arrival.received_at]
    if not in_time:
        return Decision(Verdict.FOREIGN, "It arrived before the portal was asked: an older code.")
    open_still = [request for request in in_time if arrival.received_at <= request.deadline]
    if not open_still:
        return Decision(Verdict.LATE, "It arrived after the code's life.", in_time[-1].request_id)
    addressed = _narrowed(arrival, open_still)
    if not addressed:
        return Decision(Verdict.FOREIGN, "It is for another account that shares this endpoint.")
    found = [(request, code) for request in addressed for code in _codes(arrival, request.rule)]
    if not found:
        return Decision(Verdict.NO_CODE, "No number in it looks like this portal's code.")
    if len(found) > 1:
        many = (
            "several waiting sign-ins" if len({request.request_id for request, _ in found}) > 1 else "several numbers"
        )
        return Decision(Verdict.AMBIGUOUS, f"It fits {many}: a person must read it and type the code.")
    request, code = found[0]
    return Decision(Verdict.MATCHED, "Sender, time and form fit this sign-in only.", request.request_id, code)


def _sender_fits(arrival: Arrival, rule: Rule) -> bool:
    if rule.senders:
        return arrival.sender.lower() in rule.senders
    return arrival.channel != "email"


def _narrowed(arrival: Arrival, requests: Sequence[Waiting]) -> list[Waiting]:
    """Requests this message may be meant for; an alias or a printed account name decides where there is one."""
    kept = []
    for request in requests:
        rule = request.rule
        if rule.alias and arrival.recipients and rule.alias not in arrival.recipients:
            continue
        if rule.subject and rule.subject.casefold() not in arrival.subject.casefold():
            continue
        if rule.names and rule.names.casefold() not in arrival.text.casefold():
            continue
        kept.append(request)
    return kept


def _codes(arrival: Arrival, rule: Rule) -> list[str]:
    """The different codes in the text that fit the rule, in order. The pattern is an administrator's, so bounded."""
    if len(rule.pattern) > LONGEST_PATTERN:
        return []
    whole = re.compile(rf"(?<![\w$#-])(?:{rule.pattern})(?![\w-])")
    text = f"{arrival.subject}\n{arrival.text}"
    seen: dict[str, None] = {}
    for found in whole.finditer(text):
        before = text[max(0, found.start() - CONTEXT_CHARACTERS) : found.start()].casefold()
        if not rule.context or any(words.casefold() in before for words in rule.context):
            seen[found.group()] = None
    return list(seen)


SAFE_PATTERN = re.compile(
    r"(?:\\d|\[[A-Za-z0-9-]+\]|[A-Za-z0-9])(?:\{\d{1,2}(?:,\d{1,2})?\})?(?:(?:\\d|\[[A-Za-z0-9-]+\]|[A-Za-z0-9]|-)(?:\{\d{1,2}(?:,\d{1,2})?\})?){0,7}"
)


def pattern_is_safe(pattern: str) -> bool:
    """Whether a code pattern uses only classes, literals and bounded counts: nothing that can backtrack for ever."""
    return len(pattern) <= LONGEST_PATTERN and SAFE_PATTERN.fullmatch(pattern) is not None


def well_formed(code: str, rule: Rule) -> bool:
    """Whether a code that a person typed has the form this portal's codes have."""
    return pattern_is_safe(rule.pattern) and re.fullmatch(rule.pattern, code) is not None
