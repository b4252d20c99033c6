"""The quality scale: a level is what its rules say, and taking away one thing they ask for takes the level away."""

import statistics
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from carrier_scripts import quality as scale
from carrier_scripts import registry
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.portal import Portal
from carrier_scripts.lab.web import SITES

TODAY = date(2026, 11, 21)
PLATINUM = [key for key in registry.keys() if scale.quality(key, TODAY).level == "platinum"]  # noqa: SIM118
Change = Callable[[scale._Subject], scale._Subject]


def subject(key: str) -> scale._Subject:
    return scale._Subject(key, registry.portal(key), dict(registry.behaviour(key)), scale.PAGES / key, TODAY)


def lacks(one: scale._Subject) -> list[str]:
    """All that stands between this and platinum."""
    return [said for rule in (*scale.SILVER, *scale.GOLD, *scale.PLATINUM) for said in rule(one)]


def without(*fields: str) -> Change:
    return lambda one: replace(one, record={name: fact for name, fact in one.record.items() if name not in fields})


def declaring(**facts: Any) -> Change:
    return lambda one: replace(one, portal=type(one.portal.__name__, (one.portal,), facts))


def unseen(outcome: Outcome) -> Change:
    return lambda one: declaring(signs={name: sign for name, sign in one.portal.signs.items() if name != outcome})(one)


def with_few_facts(one: scale._Subject) -> scale._Subject:
    kept = dict(list(one.facts.items())[: scale.PLATINUM_FIELDS - 1])
    return replace(one, record=kept | {name: one.record[name] for name in one.record if name not in one.facts})


ASKED: dict[str, tuple[Change, str]] = {
    **{field: (without(field), f"{field} is not known") for field in scale.LIVES_BY},
    "life of a code": (without("code_ttl_s"), "code_ttl_s is not known"),
    "who sends codes": (without("code_template"), "names no senders"),
    "whose practice it is": (declaring(practice=()), "for whom it is signed in"),
    "the way out": (declaring(sign_out=None), "sign_out"),
    "a lock": (unseen(Outcome.LOCKED), "LOCKED was never seen"),
    "an outage": (unseen(Outcome.DOWN), "DOWN was never seen"),
    "pages of others": (lambda one: replace(one, pages=one.pages / "none"), "must not take for anything"),
    "the provider line": (without("provider_line"), "provider_line is the fallback"),
    "a lookup": (declaring(reads=()), "no lookup is written"),
    "nearly every field": (with_few_facts, "fields are known"),
    "a fresh look": (lambda one: replace(one, today=TODAY + scale.FRESH + timedelta(days=1)), "was last verified on"),
}


@pytest.mark.parametrize("what", ASKED)
def test_platinum_is_lost_with_each_thing_that_it_asks(what: str) -> None:
    change, words = ASKED[what]
    assert lacks(subject("harborline")) == []
    assert words in " ".join(lacks(change(subject("harborline"))))


@pytest.mark.parametrize("key", PLATINUM)
def test_every_script_called_platinum_answers_lookups_and_knows_its_portal(key: str) -> None:
    portal: type[Portal] = registry.portal(key)
    known = {name: fact for name, fact in registry.behaviour(key).items() if "value" in fact}
    assert portal.eligibility is not Portal.eligibility
    assert (bool(portal.reads), bool(portal.practice), portal.automation) == (True, True, "automated")
    assert len(known) >= scale.PLATINUM_FIELDS
    assert all(fact["source"] and TODAY - fact["verified_on"] <= scale.FRESH for fact in known.values())
    assert {*scale.LIVES_BY, "provider_line"} <= set(known)


def test_there_are_scripts_of_platinum_and_one_that_forbids_programs_is_none() -> None:
    assert "harborline" in PLATINUM
    assert "pelican_federal" not in PLATINUM


def test_half_of_all_scripts_fit_on_a_page() -> None:
    assert statistics.median(scale.lines(key) for key in registry.keys()) <= 60  # noqa: SIM118


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.key)
def test_every_simulated_carrier_says_what_an_office_does_while_it_is_down(site: Any) -> None:
    record = registry.behaviour(site.key)
    steps = record["fallback_steps"]["value"]
    assert steps
    assert any(record["provider_line"]["value"] in step for step in steps)
