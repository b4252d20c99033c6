"""What changed since the last answer to the same question: value by value, nothing left out."""

from dataclasses import dataclass
from typing import Any

from broker.lookups.evidence import leaves

OWN = ("provenance", "lookup_id", "schema_version", "unmapped", "provider", "payer", "service_date")


@dataclass(frozen=True)
class Change:
    """One value that differs; None: it was, or is, not said."""

    pointer: str
    before: str | None
    now: str | None


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[Change]:
    """In the order of the newer result. Accumulators and benefits are matched by what they are, not by their place."""
    old, new = _named(before), _named(now)
    found = [Change(name, old.get(name), value) for name, value in new.items() if old.get(name) != value]
    return found + [Change(name, value, None) for name, value in old.items() if name not in new]


def _named(result: dict[str, Any]) -> dict[str, str]:
    """Values under names that stay the same when a row moves."""
    made: dict[str, str] = {}
    for pointer, value in leaves({name: part for name, part in result.items() if name not in OWN}):
        made[_stable(result, pointer)] = str(value)
    return made


def _stable(result: dict[str, Any], pointer: str) -> str:
    steps, here, said = pointer.split("/")[1:], result, []
    for step in steps:
        inner: Any = here[int(step)] if isinstance(here, list) else here[step]
        said.append(_name(inner) or step if isinstance(here, list) else step)
        here = inner
    return "/" + "/".join(said)


def _name(row: Any) -> str | None:
    if not isinstance(row, dict):
        return None
    keys = ("payer_claim_number", "kind", "label", "category", "level", "network", "period", "line", "code")
    told = [str(row[key]) for key in keys if key in row]
    return " ".join(told) or None
