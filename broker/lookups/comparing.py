"""What changed since the last answer to the same question: value by value, nothing left out."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OWN = ("provenance", "lookup_id", "schema_version", "unmapped", "provider", "payer", "service_date")
KEPT = "_artifact_id"
"""Of a paper that was kept: new each time it is fetched, whatever it says."""
NAMES = (
    ("payer_claim_number",),
    ("kind", "level", "network", "period", "applies_to"),
    ("category", "codes", "label", "network"),
    ("line",),
    ("code", "service_date", "tooth", "surface", "quadrant"),
    ("payer_name", "order"),
)
"""By what rows of lists are known, whatever their place: claims, accumulators, benefits, lines, history, other coverage."""


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
    """Values under names that stay the same when a row moves; what was seen and not placed is among them."""
    told = dict(named({name: part for name, part in result.items() if name not in OWN}))
    told = {name: text for name, text in told.items() if not name.endswith(KEPT)}
    for one in result.get("unmapped", []):
        label = f"/{one['why']}/{one['label']}"
        told[label] = " | ".join(part for part in (told.get(label), one["text"]) if part)
    return told


def named(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(name, value as text) of every plain value. Rows of a list are called by what they are, equal ones are counted."""
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield from named(branch, f"{path}/{name}")
    elif isinstance(tree, list):
        times = Counter[str]()
        for number, row in enumerate(tree, 1):
            name = _name(row) or str(number)
            times[name] += 1
            yield from named(row, f"{path}/{name}" + (f" ({times[name]})" if times[name] > 1 else ""))
    elif tree is not None:
        yield path, str(tree)


def _name(row: Any) -> str | None:
    """What a row is, without its amounts: they may have changed."""
    if not isinstance(row, dict):
        return None
    for keys in NAMES:
        if keys[0] in row:
            told = [row[key] for key in keys if key in row and row[key] != []]
            return " ".join(",".join(part) if isinstance(part, list) else str(part) for part in told)
    return None
