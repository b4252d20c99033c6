"""How a portal behaves, as the author of a version says it: read by whoever approves the version, and known once it is in force.

What has been observed later stays: a version brings knowledge along, and taking it back does not make a carrier forget.
"""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from broker.base.errors import Incomplete
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Portal
from broker.directory.service import Fact

MOST_FIELDS = 100
FIELD_CHARACTERS, VALUE_CHARACTERS, SOURCE_CHARACTERS = 60, 4_000, 500
LINE, LINE_CHARACTERS = "provider_line", 40
PARTS = {"value", "source", "verified_on"}


def check(work: Unit, told: Mapping[str, Any]) -> None:
    """Which fields there are, the author's own tools know. Raises `Incomplete` for what cannot be kept or has no source."""
    if len(told) > MOST_FIELDS:
        raise Incomplete(f"A behaviour record has at most {MOST_FIELDS} fields.")
    tomorrow = work.clock.now().date() + timedelta(days=1)
    for name, fact in told.items():
        if not name.isidentifier() or len(name) > FIELD_CHARACTERS:
            raise Incomplete("The behaviour record has a field whose name is no name.")
        if not isinstance(fact, dict) or set(fact) != PARTS or len(str(fact["source"]).split()) < 1:
            raise Incomplete(f"behaviour: {name} needs value, source and verified_on.")
        if len(json.dumps(fact["value"])) > VALUE_CHARACTERS or len(str(fact["source"])) > SOURCE_CHARACTERS:
            raise Incomplete(f"behaviour: {name} is too long.")
        if name == LINE and not (isinstance(fact["value"], str) and len(fact["value"]) <= LINE_CHARACTERS):
            raise Incomplete(f"behaviour: {name} is a telephone number of at most {LINE_CHARACTERS} characters.")
        try:
            seen_on = date.fromisoformat(str(fact["verified_on"]))
        except ValueError as wrong:
            raise Incomplete(f"behaviour: verified_on of {name} must look like 2027-01-31.") from wrong
        if seen_on > tomorrow:
            raise Incomplete(f"behaviour: {name} cannot have been verified in the future.")


def take_over(work: Unit, portal: Portal, told: Mapping[str, Any]) -> None:
    """Note what counts of it (`news`)."""
    for name, fact in news(work, portal, told).items():
        seen_on = date.fromisoformat(str(fact["verified_on"]))
        directory.record_behaviour(work, portal, name, Fact(fact["value"], str(fact["source"]), seen_on))
        if name == LINE:
            portal.provider_line = str(fact["value"])


def news(work: Unit, portal: Portal, told: Mapping[str, Any]) -> dict[str, Any]:
    """What of it would count: fields nobody knows, and what was verified later than what is known."""
    known = {fact.field: fact.verified_on for fact in directory.facts_of(work, portal)}
    return {
        name: fact
        for name, fact in sorted(told.items())
        if name not in known or known[name] < date.fromisoformat(str(fact["verified_on"]))
    }
