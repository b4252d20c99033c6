"""What an editor shows beside a text that nobody has handed in: the sentences of `check` by line, and the names one may type.

`python -m carrier_scripts.editing` reads JSON from standard input and answers in JSON. The text is parsed, never run: what
it declares was asked of a confined process by whoever calls.
"""

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from carrier_scripts import kit, trees
from carrier_scripts.check import (
    FAMILY_RULES,
    TEXT_RULES,
    Rule,
    Subject,
    has_the_needed_signs,
    signs_are_in_order,
    stays_on_its_hosts,
)
from carrier_scripts.kit import Answer, Asked, Desk, Outcome, Page, Portal

DECLARED_RULES: tuple[Rule, ...] = (stays_on_its_hosts, has_the_needed_signs, signs_are_in_order)
"""Rules on what a script declares that need no more than its declared facts."""
AT_LINE = re.compile(r"^line (\d+): ")
FACTS = ("sign_in_hosts", "hosts", "start", "home", "signs", "code")
OWNERS: dict[str, type] = {"page": Page, "desk": Desk, "self": Portal, "answer": Answer, "asked": Asked}
"""What a name before a dot usually is, in a script."""
WIDTH = 90


def said(key: str, text: str, facts: dict[str, Any] | None, *, family: bool = False) -> list[dict[str, Any]]:
    """Line and sentence, from the top. `facts`: what the text declares, once it has been loaded elsewhere."""
    try:
        tree = trees.tree(text)
    except SyntaxError as wrong:
        return [{"line": wrong.lineno or 1, "words": f"{wrong.msg}."}]
    except (ValueError, RecursionError, MemoryError):
        return [{"line": 1, "words": "Python cannot read this text."}]
    nowhere = Path("/nonexistent")
    subject = Subject(key, tree, None, nowhere, nowhere)
    found = [sentence for rule in (FAMILY_RULES if family else TEXT_RULES) for sentence in rule(subject)]
    if facts and not found:
        subject = Subject(key, tree, _declared(facts), nowhere, nowhere)
        found = [sentence for rule in DECLARED_RULES for sentence in rule(subject)]
    told = [{"line": _line(tree, sentence), "words": AT_LINE.sub("", sentence)} for sentence in found]
    return sorted(told, key=lambda one: cast(int, one["line"]))


def names() -> list[dict[str, str]]:
    """Everything of the kit that a script may write: after which word, how, and what it does."""
    told = [_told("", name, getattr(kit, name)) for name in kit.__all__]
    facts = _declarable()
    for owner, kind in OWNERS.items():
        own = [name for name in _public(kind) if kind is not Portal or name not in facts]
        told += [_told(owner, name, inspect.getattr_static(kind, name)) for name in own]
    told += [
        {"of": owner, "name": name, "form": name, "says": says}
        for name, says in facts.items()
        for owner in ("", "self")
    ]
    return told + [
        {"of": "Outcome", "name": one.name, "form": one.name, "says": f"The page shows: {one.value.replace('_', ' ')}."}
        for one in Outcome
    ]


def _declared(facts: dict[str, Any]) -> type[Portal]:
    """Stands in for the class, which is not imported here."""
    known = {one.value: one for one in Outcome}
    signs = {known[name]: None for name in facts.get("signs", []) if name in known}
    whole = facts | {name: frozenset(facts.get(name, [])) for name in ("hosts", "sign_in_hosts")} | {"signs": signs}
    whole["code"] = True if facts.get("code") else None
    return cast(type[Portal], SimpleNamespace(**whole))


def _line(tree: ast.Module, sentence: str) -> int:
    """Where a sentence belongs: the line it names, else the fact it speaks of, else the class."""
    if found := AT_LINE.match(sentence):
        return int(found[1])
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    places = {name: node.lineno for one in classes for node in one.body for name in _assigned(node)}
    if "docstring" in sentence:
        return 1
    spoken = re.search(rf"\b({'|'.join(FACTS)})\b", sentence)
    word = spoken[1] if spoken else "hosts" if "host name" in sentence else ""
    return places.get(word) or next((node.lineno for node in classes), 1)


def _assigned(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    yield from (one.id for one in targets if isinstance(one, ast.Name))


def _public(kind: type) -> list[str]:
    return sorted(name for name in dir(kind) if not name.startswith("_"))


def _declarable() -> dict[str, str]:
    """The facts of a portal, each with the sentence that stands below it."""
    (node,) = ast.parse(inspect.getsource(Portal)).body
    assert isinstance(node, ast.ClassDef)
    below = [*node.body[1:], None]
    return {
        name: _sentence(following)
        for one, following in zip(node.body, below, strict=True)
        if isinstance(one, ast.AnnAssign)
        for name in _assigned(one)
    }


def _sentence(node: ast.stmt | None) -> str:
    text = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else ""
    return str(text).partition("\n")[0]


def _told(owner: str, name: str, thing: Any) -> dict[str, str]:
    form, doc = name, ""
    if inspect.isroutine(thing) or inspect.isclass(thing):
        doc = (inspect.getdoc(thing) or "").partition("\n")[0]
        if not (inspect.isclass(thing) and issubclass(thing, Outcome)):
            form = f"{name}{_signature(thing)}"
    elif isinstance(thing, property):
        doc = (inspect.getdoc(thing) or "").partition("\n")[0]
    if doc.startswith(f"{name}("):  # a dataclass's own words for its fields
        doc = ""
    return {"of": owner, "name": name, "form": form[:WIDTH], "says": doc[:200]}


def _signature(thing: Any) -> str:
    try:
        made = inspect.signature(thing)
    except (TypeError, ValueError):
        return "()"
    shown = [one.replace(annotation=inspect.Parameter.empty) for one in made.parameters.values() if one.name != "self"]
    return str(made.replace(parameters=shown, return_annotation=inspect.Signature.empty))


def main(words: list[str]) -> int:
    """`names`, or a question on standard input."""
    if words == ["names"]:
        print(json.dumps(names()))
        return 0
    asked = json.load(sys.stdin)
    told = said(str(asked["key"]), str(asked["text"]), asked.get("facts"), family=bool(asked.get("family")))
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
