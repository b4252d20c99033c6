"""What a portal's code messages look like, per portal and channel: kept in versions, tried on samples before it is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import matching
from broker.codes.matching import Arrival, Rule
from broker.codes.models import CodeTemplate
from broker.codes.samples import Sample
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, MfaMethod, Portal, PortalAccount

CHANNELS = ("email", "sms", "voice")
SHAPE = ("senders", "subject", "context", "after", "pattern", "prefix", "strip", "reusable")
"""What is the portal's; `alias` and `names` are the account's own."""
LONGEST = 120
MOST = 12


@dataclass(frozen=True)
class Trial:
    """What a rule makes of one sample."""

    sample: Sample
    verdict: str
    why: str
    marks: tuple[tuple[int, int], ...]
    """Where codes stand in `subject` + line end + `text`."""


def rule_of(work: Unit, account: PortalAccount, method: MfaMethod) -> dict[str, Any]:
    """The rule for a new request: the portal's template where one was saved, and what is the account's own."""
    saved = newest(work, account.organization_id, account.portal_id, method.channel)
    own = {"others": _marks_of_others(work, method), "addresses": _addresses(method.endpoint)}
    told = {**method.template, **(saved.rule if saved else {}), **own}
    if directory.behaviour(work, work.db.get_one(Portal, account.portal_id)).get("code_reuse_window_s"):
        told["reusable"] = True  # the portal sends the same code again: one that was used may be this sign-in's
    return told


def senders_of(work: Unit, method: MfaMethod) -> Rule:
    """Only from whom this login's messages come: a question of the database where the whole rule costs several."""
    saved = newest(work, method.account.organization_id, method.account.portal_id, method.channel)
    told = {**method.template, **(saved.rule if saved else {})}
    return Rule.of({"senders": told.get("senders", ())})


def _addresses(endpoint: DeliveryEndpoint | None) -> list[str]:
    """A mailbox's own addresses: what its page gives, and the user name where that is one."""
    if endpoint is None or endpoint.kind != "mailbox":
        return []
    told = (endpoint.address, str(endpoint.settings.get("username") or ""))
    return sorted({address.lower() for address in told if "@" in address})


def _marks_of_others(work: Unit, method: MfaMethod) -> list[str]:
    """What tells the messages of the endpoint's other logins: their aliases, and the names their portals print."""
    if method.endpoint_id is None:
        return []
    templates = work.db.scalars(
        select(MfaMethod.template).where(MfaMethod.endpoint_id == method.endpoint_id, MfaMethod.id != method.id)
    )
    found = {str(one[mark]).lower() for one in templates for mark in ("alias", "names") if one.get(mark)}
    return sorted(found - {str(method.template.get(mark) or "").lower() for mark in ("alias", "names")})


def newest(work: Unit, organization_id: str | None, portal_id: str, channel: str) -> CodeTemplate | None:
    """The template that counts: the organization's own, else the one that came with Portunus."""
    return work.db.scalar(
        select(CodeTemplate)
        .where(
            CodeTemplate.portal_id == portal_id,
            CodeTemplate.channel == channel,
            or_(CodeTemplate.organization_id == organization_id, CodeTemplate.organization_id.is_(None)),
        )
        .order_by(CodeTemplate.organization_id.is_(None), CodeTemplate.version.desc())
        .limit(1)
    )


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in the form they are kept. Raises `Incomplete` with what is wrong, in words for an administrator."""
    rule: dict[str, Any] = {
        "senders": [address.lower() for address in _lines(values.get("senders", ()), "senders")],
        "context": _lines(values.get("context", ()), "words before the code"),
        "after": _lines(values.get("after", ()), "words after the code"),
        "subject": _line(values.get("subject"), "The subject's words"),
        "prefix": _line(values.get("prefix"), "The prefix", 10),
        "strip": _line(values.get("strip"), "The signs to leave out", 4),
        "pattern": str(values.get("pattern") or "").strip(),
        "reusable": bool(values.get("reusable")),
    }
    if not matching.pattern_is_safe(rule["pattern"]):
        raise Incomplete(
            r"The code's form is written with \d, classes like [A-Z0-9] and counts like {6} or {4,8} only: for six digits \d{6}."
        )
    if any(sender.count("@") > 1 or " " in sender for sender in rule["senders"]):
        raise Incomplete(
            "A sender is one address, @host for any address of a host, or a telephone number or short code."
        )
    return {name: value for name, value in rule.items() if value not in ("", [], None, False)}


def lacking(channel: str, rule: Mapping[str, Any]) -> str:
    """What a rule must still say before codes are used by it, in words; empty when it says enough."""
    if rule.get("senders"):
        return ""
    if channel == "email":
        return "Name the sender: by e-mail no code is used from a sender that is not named."
    if rule.get("context") or rule.get("after"):
        return ""
    what = "calls" if channel == "voice" else "text messages"
    return f"Name the sender, or words that stand before or after the code: of {what} from anybody any number would be taken."


def save(
    work: Unit, organization_id: str | None, portal: Portal, channel: str, values: Mapping[str, Any], *, based_on: int
) -> CodeTemplate:
    """A new version. Raises `Incomplete`, and `Conflict` when somebody saved another one meanwhile."""
    if channel not in CHANNELS:
        raise Incomplete("A template is for e-mail, text messages or calls.")
    rule = checked(values)
    if lacking(channel, rule):
        raise Incomplete(lacking(channel, rule))
    before = newest(work, organization_id, portal.id, channel)
    own = before.version if before is not None and before.organization_id == organization_id else 0
    if own != based_on:
        raise Conflict("Somebody changed this template meanwhile: look at the new one first.")
    row = CodeTemplate(
        id=new_id("ctp"),
        organization_id=organization_id,
        portal_id=portal.id,
        channel=channel,
        version=own + 1,
        rule=rule,
        saved_by=work.actor.id,
        saved_at=work.clock.now(),
    )
    work.db.add(row)
    work.db.flush()
    detail = {"channel": channel, "version": row.version, "pattern": rule["pattern"]}
    audit.record(work, Act.TEMPLATE_SAVED, "portal", portal.id, detail=detail)
    return row


def ship(work: Unit, portal: Portal, channel: str, values: Mapping[str, Any]) -> None:
    """The template that comes with a carrier script; a changed one is a new version."""
    before = newest(work, None, portal.id, channel)
    if before is None or before.rule != checked(values):
        save(work, None, portal, channel, values, based_on=before.version if before else 0)


def try_on(rule: Rule, samples: Sequence[Sample]) -> list[Trial]:
    """What the rule would make of each sample, had a sign-in waited for it (alias and name of an account aside)."""
    return [_trial(rule, sample) for sample in samples]


def _trial(rule: Rule, sample: Sample) -> Trial:
    waiting = matching.Waiting("trial", "trial", sample.received_at, sample.received_at, rule)
    arrival = as_arrival(sample)
    decision = matching.decide(arrival, [waiting])
    found = matching.find_codes(sample.subject, sample.text, rule) if matching.sender_fits(arrival, rule) else []
    return Trial(sample, decision.verdict.value, decision.why, tuple((one.start, one.end) for one in found))


def as_arrival(sample: Sample) -> Arrival:
    """The sample as if it came again."""
    return Arrival(
        endpoint_id=sample.endpoint_id,
        channel=sample.channel,
        external_id=sample.message_id,
        sender=sample.sender,
        trusted=sample.trusted,
        recipients=sample.recipients,
        subject=sample.subject,
        text=sample.text,
        received_at=sample.received_at,
        raw_digest="",
    )


def _line(value: object, what: str, limit: int = LONGEST) -> str:
    text = str(value or "").strip()
    if len(text) > limit or not text.isprintable():
        raise Incomplete(f"{what} must be one line of at most {limit} characters.")
    return text


def _lines(values: Sequence[str] | str, what: str) -> list[str]:
    parts = values.splitlines() if isinstance(values, str) else values
    kept = [text for part in parts if (text := _line(part, f"Each of the {what}"))]
    if len(kept) > MOST:
        raise Incomplete(f"At most {MOST} {what}, one on a line.")
    return kept
