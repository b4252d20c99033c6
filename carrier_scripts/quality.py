"""The quality scale: bronze, silver, gold, platinum. Each level's rules are functions that yield what is still missing.

Bronze is what `check` asks of every script. What a portal simply does not have is recorded as such (a fact with value
`none`), so that a gap is always a gap.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from carrier_scripts import registry, trees
from carrier_scripts.asking import outline
from carrier_scripts.check import HERE, PAGES, check
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.outline import written
from carrier_scripts.kit.portal import Portal

LEVELS = ("none", "bronze", "silver", "gold", "platinum")
LIVES_BY = (
    "idle_timeout_s", "keepalive_allowed", "concurrency", "formal_logout_required", "mfa_methods", "login_failure_limit",
    "automation_policy", "sharing_policy",
)  # fmt: skip
"""Fields that Portunus acts on: without them it assumes the worst."""
SEEN_SIGNS = (Outcome.DOWN, Outcome.LOCKED)
GOLD_FIELDS, PLATINUM_FIELDS = 25, 35
FRESH, STILL_GOOD = timedelta(days=180), timedelta(days=365)


@dataclass(frozen=True)
class Quality:
    """A script's level, and what the next one asks."""

    key: str
    level: str
    missing: tuple[str, ...]
    next_level: str | None


@dataclass(frozen=True)
class _Subject:
    key: str
    portal: type[Portal]
    record: dict[str, Any]
    pages: Path
    today: date

    @property
    def facts(self) -> dict[str, Any]:
        return {name: fact for name, fact in self.record.items() if isinstance(fact, dict) and "value" in fact}


def quality(key: str, today: date, *, scripts: Path = HERE, pages: Path = PAGES) -> Quality:
    """The highest level of which nothing is missing, and what the next one lacks."""
    said = check(key, scripts=scripts, pages=pages)
    if said:
        return Quality(key, "none", tuple(said), "bronze")
    record = registry.behaviour(key, scripts)
    subject = _Subject(key, outline(registry.script(key, scripts)), record, pages / key, today)
    level = "bronze"
    for name, rules in (("silver", SILVER), ("gold", GOLD), ("platinum", PLATINUM)):
        missing = tuple(sentence for rule in rules for sentence in rule(subject))
        if missing:
            return Quality(key, level, missing, name)
        level = name
    return Quality(key, level, (), None)


def knows_what_portunus_lives_by(subject: _Subject) -> Iterator[str]:
    """Time-outs, lockout, concurrency, policy."""
    for field in LIVES_BY:
        if field not in subject.facts:
            yield f"behaviour: {field} is not known."
    if subject.facts.get("lock_needs", {}).get("value") == "wait" and "failure_window_s" not in subject.facts:
        yield "behaviour: failure_window_s is not known."
    if subject.portal.code is not None:
        yield from (
            f"behaviour: {field} is not known." for field in ("code_format", "code_ttl_s") if field not in subject.facts
        )


def knows_its_codes(subject: _Subject) -> Iterator[str]:
    """A mail or text with a code must be told from everything else in that mailbox."""
    methods = subject.facts.get("mfa_methods", {}).get("value") or []
    if {"email", "sms"} & set(methods) and not subject.record.get("code_template", {}).get("senders"):
        yield "behaviour: [code_template] names no senders, so no message is believed."


def was_looked_at_in_the_last_year(subject: _Subject) -> Iterator[str]:
    """Carriers change."""
    yield from _older_than(subject, STILL_GOOD)


def proves_the_practice(subject: _Subject) -> Iterator[str]:
    """Without it only logins of a single location can be handed out."""
    if not subject.portal.practice:
        yield "practice: say where the home page shows for whom it is signed in."


def leaves_politely(subject: _Subject) -> Iterator[str]:
    """Some portals lock a login that was only closed."""
    if subject.portal.sign_out is None and "log_out" not in getattr(subject.portal, "own", vars(subject.portal)):
        yield "sign_out: name the button that signs out, or override log_out."


def has_seen_trouble(subject: _Subject) -> Iterator[str]:
    """The pages that cost tries when they are taken for something else."""
    for outcome in SEEN_SIGNS:
        if outcome not in subject.portal.signs:
            yield f"signs: {outcome.name} was never seen."
    if not list(subject.pages.glob("unrecognised*.html")):
        yield "pages: save one page that the script must not take for anything (unrecognised.html)."


def knows_much(subject: _Subject) -> Iterator[str]:
    """Half of all fields."""
    yield from _fewer_than(subject, GOLD_FIELDS)
    if "provider_line" not in subject.facts:
        yield "behaviour: provider_line is the fallback when the portal is down."


def answers_questions(subject: _Subject) -> Iterator[str]:
    """Eligibility by program."""
    if "eligibility" not in _methods(subject.portal) or not subject.portal.reads:
        yield "eligibility: no lookup is written, or `reads` names no page."


def knows_nearly_everything(subject: _Subject) -> Iterator[str]:
    """And keeps it fresh."""
    yield from _fewer_than(subject, PLATINUM_FIELDS)
    yield from _older_than(subject, FRESH)


def lines(key: str, scripts: Path = HERE) -> int:
    """Lines of the script's own file that say something: no blank ones, no comments, no docstring."""
    text = (scripts / "portals" / f"{key}.py").read_text(encoding="utf-8")
    tree = trees.tree(text)
    said = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sum(1 for number, line in enumerate(text.splitlines(), 1) if number in said and line.strip())


def _methods(portal: type[Portal]) -> set[str]:
    return set(getattr(portal, "written", ())) or written(portal)


def _fewer_than(subject: _Subject, most: int) -> Iterator[str]:
    known = len(subject.facts)
    if known < most:
        yield f"behaviour: {known} fields are known, {most} are asked."


def _older_than(subject: _Subject, age: timedelta) -> Iterator[str]:
    for name, fact in subject.facts.items():
        seen = fact["verified_on"]
        if isinstance(seen, date) and seen < subject.today - age:
            yield f"behaviour: {name} was last verified on {seen}."


Rule = Callable[[_Subject], Iterator[str]]
SILVER: tuple[Rule, ...] = (knows_what_portunus_lives_by, knows_its_codes, was_looked_at_in_the_last_year)
GOLD: tuple[Rule, ...] = (proves_the_practice, leaves_politely, has_seen_trouble, knows_much)
PLATINUM: tuple[Rule, ...] = (answers_questions, knows_nearly_everything)
