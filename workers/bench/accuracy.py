"""What lookups said against what the simulated carriers know: every value of a result, right or wrong, none passed over.

A value that the carrier's page shows and the result lacks is wrong, and so is one that the result has and the page does not
show. What the schema has no place for must be named in `unmapped`. What is right is written in `truths.py`.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from broker.lookups.comparing import named

Facts = dict[str, str]
Tree = dict[str, Any]


@dataclass
class Truth:
    """What an answer must say: the values as a tree like the result's, and what must be named as unmapped, by its label."""

    tree: Tree
    unmapped: dict[str, str] = field(default_factory=dict)


@dataclass
class Score:
    """Values compared so far."""

    right: int = 0
    wrong: int = 0
    unmapped: int = 0
    examples: list[str] = field(default_factory=list)
    """Of wrong ones: which value, never what it is."""

    def add(self, truth: Truth, result: Tree) -> None:
        """One answer."""
        expected, told = dict(named(truth.tree)), facts(result)
        for name, value in expected.items():
            if told.pop(name, None) == value:
                self.right += 1
            else:
                self._wrong(name)
        for name in told:
            self._wrong(f"not there: {name}")
        kept: dict[str, str] = {}
        for one in result["unmapped"]:
            kept[one["label"]] = kept.get(one["label"], "") + " | " + one["text"]
        for label, text in truth.unmapped.items():
            if text in kept.pop(label, ""):
                self.unmapped += 1
            else:
                self._wrong(f"not kept: {label}")
        for label in kept:
            self._wrong(f"not unplaced: {label}")

    def none(self, *, rightly: bool) -> None:
        """No answer: right where the carrier has nothing."""
        if rightly:
            self.right += 1
        else:
            self._wrong("no answer")

    def _wrong(self, what: str) -> None:
        self.wrong += 1
        self.examples.append(what)


def facts(result: Tree) -> Facts:
    """Every value that a result claims to have seen, and for whom and when it says it holds."""
    seen = result["provenance"]["fields"]
    document = {name: part for name, part in result.items() if name not in ("provenance", "unmapped")}
    told = _proved(document, "", seen)
    told["payer"] = {"name": result["payer"]["name"]} | told.get("payer", {})
    if "service_date" in result:
        told["service_date"] = result["service_date"]
    return dict(named(told))


def _proved(tree: Any, pointer: str, seen: dict[str, Any]) -> Any:
    """The tree with the values that have evidence: the others were never said (defaults, our own names)."""
    if isinstance(tree, dict):
        made = {name: _proved(branch, f"{pointer}/{name}", seen) for name, branch in tree.items()}
        return {name: branch for name, branch in made.items() if branch is not None}
    if isinstance(tree, list):
        return [_proved(branch, f"{pointer}/{number}", seen) for number, branch in enumerate(tree)]
    if pointer not in seen:
        return None
    return "kept" if pointer.endswith("_artifact_id") else tree


def span(claims: list[dict[str, Any]]) -> tuple[str, str]:
    """First and last day of service, no farther back than a lookup may ask (three years)."""
    days = [claim["served"] for claim in claims]
    oldest = date.today().replace(year=date.today().year - 3).isoformat()
    return max(min(days), oldest), max(days)
