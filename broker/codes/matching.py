"""Which request does this message answer? Pure rules: message and waiting requests in, verdict with its reason out.

Only a message that is trusted (sender and authentication verdict of the configured receiving server), that arrived
after the request was made and before its deadline, and that fits exactly one request with exactly one code, is used.
Everything else is kept as a verdict a person can read; a person may always type the code at the desk.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

SKEW = timedelta(seconds=2)
"""How far a receiving server's clock may run behind ours."""
SENDERS_CLOCK = timedelta(seconds=15)
"""How far a sender's clock may be off for its date to tell an older message from a newer one."""
CLOCKS = timedelta(minutes=5)
"""How far it may be off where nothing else is doubtful: a message dated longer before the request is an older one."""
RECENT = timedelta(minutes=30)
"""How long a request is remembered after its end when a message comes: its answer is called late, not unsolicited."""
LATEST = timedelta(hours=2)
"""How long a code that has not come is still expected where no message says when it was written: networks hold texts up.

Longer would leave every later sign-in there to a person because one text was lost in the morning."""
HELD_BACK = timedelta(hours=72)
"""How long it is expected from a telephone that has brought nothing since, and may be switched off: over a weekend.

About as long as networks keep a text for it (3GPP TS 23.040, 9.2.3.12, leaves the period to sender and network)."""
PROMPT = timedelta(minutes=2)
"""Longest that a portal takes to write its message; only on its way may it be held up for longer."""
LONGEST_PATTERN = 200
CONTEXT_CHARACTERS = 120


class Verdict(StrEnum):
    MATCHED = "matched"
    AMBIGUOUS = "ambiguous"
    LATE = "late"
    UNSOLICITED = "unsolicited"
    FOREIGN = "foreign"
    NO_CODE = "no_code"
    DUPLICATE = "duplicate"
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
    """The latest moment it can have come in (a mail server tells whole seconds)."""
    raw_digest: str
    unreadable: str | None = None
    """Why it could not be read at all."""
    written_at: datetime | None = None
    """When its sender wrote it, in whole seconds of the sender's clock; believed only to tell an older message."""
    addressed: frozenset[str] = frozenset()
    """Whom the sender itself wrote to (To, Cc); `recipients` also has what servers on the way added."""
    existed_at: datetime | None = None
    """When a telephone that passes messages on had it: it may hold them back, and is not older than that."""

    recording: str = ""
    """Where the provider keeps the recording of a call."""
    head_only: bool = False
    """Only its header was read: codes of other senders were waited for."""

    def __repr__(self) -> str:
        return f"Arrival({self.channel}, {self.external_id!r})"


@dataclass(frozen=True)
class Rule:
    """What a message that answers a request looks like (from the account's MFA method and the portal's template)."""

    senders: frozenset[str] = frozenset()
    """Exact addresses, or `@host` for any address there; empty trusts any sender on a signed channel and none by e-mail."""
    alias: str | None = None
    """The address the portal writes to, when it identifies the account."""
    subject: str | None = None
    """Words the subject holds."""
    context: tuple[str, ...] = ()
    """Words that stand shortly before the code."""
    after: tuple[str, ...] = ()
    """Words that stand shortly after it. Without any words, before or after, every number of the form counts."""
    pattern: str = r"\d{6}"
    prefix: str = ""
    """Letters right before the code that are not typed (`G-` of `G-482913`)."""
    strip: str = ""
    """Signs inside the code that are not typed (`-` of `482-913`)."""
    names: str | None = None
    """Words that name the account in the text (username tail), when the portal prints one."""
    others: frozenset[str] = frozenset()
    """Aliases and names of the other logins that share the endpoint: what bears one of them is theirs."""
    addresses: frozenset[str] = frozenset()
    """The mailbox's own addresses. A mail to none of them, nor to the alias, was sent to somebody else; empty: not known."""

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Rule":
        """From the JSON kept with a request."""
        return cls(
            senders=frozenset(address.lower() for address in values.get("senders", ())),
            alias=(values.get("alias") or "").lower() or None,
            subject=values.get("subject") or None,
            context=tuple(values.get("context", ())),
            after=tuple(values.get("after", ())),
            pattern=values.get("pattern") or r"\d{6}",
            prefix=values.get("prefix") or "",
            strip=values.get("strip") or "",
            names=values.get("names") or None,
            others=frozenset(mark.lower() for mark in values.get("others", ())),
            addresses=frozenset(address.lower() for address in values.get("addresses", ())),
        )


@dataclass(frozen=True)
class Waiting:
    """A request, waiting or ended, as far as matching needs it."""

    request_id: str
    account_id: str
    asked_at: datetime
    deadline: datetime
    rule: Rule
    outstanding: bool = False
    """A code that the portal sent has not come: of one that is over, any; of one that waits, one of an earlier asking."""
    asked_before: datetime | None = None
    """When the portal was asked the time before, if it was asked to send again."""
    channel: str = ""
    """By which way the portal was asked to send; empty: any."""


@dataclass(frozen=True)
class Decision:
    """What to do with a message, and why, in words for a person. `code` only when matched."""

    verdict: Verdict
    why: str
    request_id: str | None = None
    code: str | None = None

    def __repr__(self) -> str:
        return f"Decision({self.verdict}, {self.request_id})"


@dataclass(frozen=True)
class Found:
    """A code in a text: what to type, and where it stands (for the page that marks it)."""

    code: str
    start: int
    end: int

    def __repr__(self) -> str:
        return f"Found({self.start}, {self.end})"


def decide(
    arrival: Arrival, waiting: Sequence[Waiting], ended: Sequence[Waiting] = (), silent: Sequence[Waiting] = ()
) -> Decision:
    """The verdict on one message. `ended` are recent requests of the endpoint that no longer wait, `silent` older ones
    whose text a telephone may hold back.
    """
    if arrival.unreadable:
        return Decision(Verdict.UNREADABLE, arrival.unreadable)
    ended = [request for request in ended if _same_way(arrival, request)]
    here, waiting = waiting, [request for request in waiting if _same_way(arrival, request)]
    if here and not waiting:
        why = "The portal was asked to send its code another way."
        return _late(arrival, ended) or Decision(Verdict.FOREIGN, why)
    from_here = [request for request in waiting if sender_fits(arrival, request.rule)]
    if not from_here:
        if waiting:
            return _late(arrival, ended) or Decision(Verdict.FOREIGN, "Not from a sender that any waiting portal uses.")
        return _late(arrival, ended) or Decision(Verdict.UNSOLICITED, "Nobody asked for a code here.")
    if not arrival.trusted:
        return Decision(Verdict.UNTRUSTED, "The receiving server did not confirm that the sender is genuine.")
    in_time = [request for request in from_here if request.asked_at - SKEW <= arrival.received_at]
    if not in_time:
        why = "It arrived before the portal was asked: an older code."
        return _late(arrival, ended) or Decision(Verdict.FOREIGN, why)
    in_time = [request for request in in_time if not _older_by(arrival, request.asked_at, CLOCKS)]
    if not in_time:
        why = "Its date is long before the portal was asked: an older code."
        return _late(arrival, ended) or Decision(Verdict.LATE, why)
    open_still = [request for request in in_time if arrival.received_at <= request.deadline]
    if not open_still:
        return Decision(Verdict.LATE, "It arrived after the code's life.", in_time[-1].request_id)
    addressed = [request for request in open_still if addressed_to(arrival, request.rule)]
    if not addressed:
        why = "It is for another account that shares this endpoint."
        return _late(arrival, ended) or Decision(Verdict.FOREIGN, why)
    found = {
        (request.request_id, one.code): request
        for request in addressed
        for one in find_codes(arrival.subject, arrival.text, request.rule)
    }
    if not found:
        return Decision(Verdict.NO_CODE, "No number in it looks like this portal's code.")
    if len(found) > 1:
        many = "several waiting sign-ins" if len({request_id for request_id, _ in found}) > 1 else "several numbers"
        return Decision(Verdict.AMBIGUOUS, f"It fits {many}: a person must read it and type the code.")
    ((_, code), request), *_ = found.items()
    if _to_somebody_else(arrival, request.rule):
        why = "It was sent to an address that is not this mailbox's: a person must read it. If that is this login's own, name it."
        return Decision(Verdict.AMBIGUOUS, why)
    return _unless_older(arrival, request, code, (*ended, *silent))


def _same_way(arrival: Arrival, request: Waiting) -> bool:
    """A call does not answer what was asked for as a text message, nor the other way round."""
    return request.channel in ("", arrival.channel)


def _unless_older(arrival: Arrival, request: Waiting, code: str, ended: Sequence[Waiting]) -> Decision:
    """It fits this request only; but is it the answer to an earlier one that would look the same?"""
    rivals = [other for other in ended if other.outstanding and not told_apart(other.rule, request.rule)]
    asked = [other.asked_at for other in rivals]
    if request.outstanding:
        asked.append(request.asked_before or request.asked_at)
    if not asked or _written_for(arrival, request.asked_at, asked):
        why = "Sender, time and form fit this sign-in only."
        return Decision(Verdict.MATCHED, why, request.request_id, code)
    if _older_by(arrival, request.asked_at, SENDERS_CLOCK):
        if (late := _late(arrival, rivals)) is not None:
            return late
        if request.outstanding:
            why = "It was written before the portal was asked again: a newer code is on its way."
            return Decision(Verdict.LATE, why, request.request_id)
    if all(other.account_id == request.account_id for other in rivals):
        why = "An older code of this login is still on its way and would look the same"
    else:
        why = "A code of another account that shares this endpoint is still on its way and would look the same"
    return Decision(Verdict.AMBIGUOUS, f"{why}: a person must read it and type the code.", request.request_id)


class Kept(StrEnum):
    """What becomes of a code that fits one request."""

    HELD = "held"
    DUPLICATE = "duplicate"
    """It is held already."""
    DOUBTED = "doubted"
    """Different codes came for one asking: none is used, a person reads them."""


def keep(code: str, held: str | None, *, doubted: bool, came: int, sent: int) -> Kept:
    """Whether a code that fits a request is kept for it. `came` and `sent` count this one and the askings, repeated ones too."""
    if held is not None and held == code:
        return Kept.DUPLICATE
    if held is not None or doubted or came > max(sent, 1):
        return Kept.DOUBTED
    return Kept.HELD


def remembered(arrival: Arrival) -> timedelta:
    """How long after its sign-in's end a message may still be the answer that never came.

    A text message bears no date: held up for hours it looks new. A call comes at once, a mail says when it was written.
    """
    return RECENT if arrival.written_at is not None or arrival.channel == "voice" else LATEST


def to_have_come(asked_at: datetime, ended_at: datetime) -> datetime:
    """A telephone that brings a text after this moment would have brought the one that was asked for before."""
    return max(ended_at, asked_at + PROMPT)


def held_back(spoke_at: datetime | None, now: datetime) -> bool:
    """Whether a telephone may still bring such a text: it has been silent since that moment, or spoke only just now.

    Once it speaks again, all that it held back comes within a short while, in any order.
    """
    return spoke_at is None or spoke_at > now - RECENT


@dataclass(frozen=True)
class Earlier:
    """An earlier message of the endpoint with the same code in it."""

    received_at: datetime
    elsewhere: bool
    """It was another request's."""
    unused: bool
    """It came too late for this request's earlier asking, or while nobody had asked."""


def came_before(arrival: Arrival, asked_at: datetime, earlier: Sequence[Earlier]) -> bool:
    """Whether a code that fits this asking is an older one that is delivered again, under another id.

    Another request's is; one that came too late for this request, for an earlier asking of it or before anybody asked is,
    unless its sender wrote this message after the asking (a portal may send one code twice).
    """
    known = [one for one in earlier if one.received_at > arrival.received_at - remembered(arrival)]
    if any(one.elsewhere for one in known):
        return True
    older = any(one.unused or one.received_at <= asked_at for one in known)
    return older and not _written_for(arrival, asked_at, ())


def _written_for(arrival: Arrival, asked_at: datetime, others: Sequence[datetime]) -> bool:
    """Its sender wrote it after this asking, and too long after the others to be their answer.

    A date that lies ahead of our own clock is not believed.
    """
    if arrival.written_at is None or arrival.written_at > arrival.received_at + SENDERS_CLOCK:
        return False
    if any(asked_at - other < PROMPT for other in others):
        return False
    return arrival.written_at + timedelta(seconds=1) >= asked_at  # the sender tells whole seconds


def _older_by(arrival: Arrival, asked_at: datetime, tolerance: timedelta) -> bool:
    """By what its sender or the telephone says, it was there before this asking, and by more than a clock's error."""
    told = [moment for moment in (arrival.written_at, arrival.existed_at) if moment is not None]
    return bool(told) and min(told) + tolerance < asked_at


def _to_somebody_else(arrival: Arrival, rule: Rule) -> bool:
    """Whether its sender wrote to others only: a genuine mail can be sent on to a mailbox it was not written to.

    Where the portal writes to an alias, a server on the way may have turned it into the mailbox's own address.
    """
    if not arrival.addressed:
        return False
    if rule.alias:
        return not arrival.addressed & {rule.alias, *rule.addresses}
    if not rule.addresses:
        return False
    return not any({address, _bare(address)} & rule.addresses for address in arrival.addressed)


def _bare(address: str) -> str:
    """An address without what stands behind its plus sign."""
    name, at, host = address.rpartition("@")
    return name.partition("+")[0] + at + host


def _late(arrival: Arrival, ended: Sequence[Waiting]) -> Decision | None:
    """The answer to a sign-in that is over: to the one whose code is still missing, else to the newest it fits."""
    fitting = [
        request
        for request in ended
        if not _older_by(arrival, request.asked_at, CLOCKS)
        and sender_fits(arrival, request.rule)
        and addressed_to(arrival, request.rule)
        and find_codes(arrival.subject, arrival.text, request.rule)
    ]
    if not fitting or not arrival.trusted:
        return None
    chosen = max(fitting, key=lambda request: (request.outstanding, request.asked_at))
    return Decision(Verdict.LATE, "The sign-in this code was for is over.", chosen.request_id)


def sender_fits(arrival: Arrival, rule: Rule) -> bool:
    """Whether the message comes from an address the portal is known to write from."""
    sender = arrival.sender.lower()
    if rule.senders:
        _, at, host = sender.rpartition("@")
        return sender in rule.senders or (bool(at) and at + host in rule.senders)
    return arrival.channel != "email"


def addressed_to(arrival: Arrival, rule: Rule) -> bool:
    """Whether the message may be meant for this account: an alias or a printed account name decides where there is one."""
    if rule.alias and rule.alias not in arrival.recipients:
        return False
    if not rule.alias and any(mark in arrival.recipients for mark in rule.others):
        return False
    if rule.subject and rule.subject.casefold() not in arrival.subject.casefold():
        return False
    if rule.names:
        return _says(arrival.text, rule.names)
    return not any("@" not in mark and _says(arrival.text, mark) for mark in rule.others)


def _says(text: str, words: str) -> bool:
    """Whether the words stand in the text by themselves: `saguaro1` is not in `saguaro12`."""
    return re.search(rf"(?<!\w){re.escape(words.casefold())}(?!\w)", text.casefold()) is not None


def told_apart(one: Rule, other: Rule) -> bool:
    """Whether no message can fit both rules: two sign-ins at one endpoint may then wait side by side."""
    if one.alias and other.alias and one.alias != other.alias:
        return True
    if one.names and other.names and not _says(one.names, other.names) and not _says(other.names, one.names):
        return True
    if _marked(one, other) or _marked(other, one):
        return True
    return bool(one.senders and other.senders) and not any(
        a == b or (a.startswith("@") and b.endswith(a)) or (b.startswith("@") and a.endswith(b))
        for a in one.senders
        for b in other.senders
    )


def _marked(one: Rule, other: Rule) -> bool:
    """Whether all messages of the one bear a mark that the other, which has none of that kind, leaves alone."""
    by_alias = one.alias is not None and other.alias is None and one.alias in other.others
    by_name = one.names is not None and other.names is None and one.names.lower() in other.others
    return by_alias or by_name


def find_codes(subject: str, text: str, rule: Rule) -> list[Found]:
    """The different codes in subject and text (joined by a line end) that fit the rule, in order."""
    if not pattern_is_safe(rule.pattern):
        return []
    form = rule.pattern.replace(r"\d", "[0-9]")  # digits of other scripts are no digits of a code
    whole = re.compile(rf"(?<![\w$#€£-]){re.escape(rule.prefix)}(?P<code>{form})(?![\w-])(?![.,:/]\d)")
    joined = f"{subject}\n{text}"
    seen: dict[str, Found] = {}
    for found in whole.finditer(joined):
        if _part_of_a_figure(joined, found.start()) or not _in_context(joined, found.start(), found.end(), rule):
            continue
        code = "".join(letter for letter in found["code"] if letter not in rule.strip)
        seen.setdefault(code, Found(code, found.start("code"), found.end("code")))
    return list(seen.values())


def _part_of_a_figure(text: str, start: int) -> bool:
    """The second half of `12/345678`, `1.234567` or `+1 602…`."""
    return start > 1 and text[start - 1] in ".,/+" and (text[start - 1] == "+" or text[start - 2].isdigit())


def _in_context(text: str, start: int, end: int, rule: Rule) -> bool:
    if not rule.context and not rule.after:
        return True
    before = text[max(0, start - CONTEXT_CHARACTERS) : start].casefold()
    behind = text[end : end + CONTEXT_CHARACTERS].casefold()
    return any(words.casefold() in before for words in rule.context) or any(
        words.casefold() in behind for words in rule.after
    )


SAFE_PATTERN = re.compile(
    r"(?:\\d|\[[A-Za-z0-9-]+\]|[A-Za-z0-9])(?:\{\d{1,2}(?:,\d{1,2})?\})?(?:(?:\\d|\[[A-Za-z0-9-]+\]|[A-Za-z0-9]|-)(?:\{\d{1,2}(?:,\d{1,2})?\})?){0,7}"
)


def pattern_is_safe(pattern: str) -> bool:
    """Whether a code pattern uses only classes, literals and bounded counts: nothing that can backtrack for ever."""
    if len(pattern) > LONGEST_PATTERN or SAFE_PATTERN.fullmatch(pattern) is None:
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def well_formed(code: str, rule: Rule) -> bool:
    """Whether a code that a person typed has the form this portal's codes have; `strip` signs may be left out."""
    if not pattern_is_safe(rule.pattern):
        return False
    form = rule.pattern.replace(r"\d", "[0-9]")
    bare = re.sub(r"(\[[^\]]*\])|-", lambda part: part[1] or "", form) if "-" in rule.strip else form
    return any(re.fullmatch(one, code) is not None for one in (form, bare))
