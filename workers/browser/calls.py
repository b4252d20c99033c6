"""The shape of what a script asks: types, lengths and depths checked before Playwright sees any of it. Pure.

Playwright builds selector strings from some arguments as they are (`nth`, a role, a level), so a text where a number
belongs would be a selector of the script's own making.
"""

import re
from collections.abc import Callable
from typing import Any

from carrier_scripts.kit import selectors, wire

ROLE = re.compile(r"[a-z]{2,40}")
DEEPEST, MOST = 12, 2_000
OPTION_TYPES: dict[str, type | tuple[type, ...]] = {
    "has_text": str, "has_not_text": str, "name": str, "exact": bool, "checked": bool, "level": int, "visible": bool,
    "label": str, "value": str, "index": int, "timeout": (int, float), "state": str,
}  # fmt: skip
ARGUMENTS: dict[str, tuple[type, ...]] = {
    "first": (), "last": (), "filter": (), "nth": (int,),
    "click": (), "check": (), "uncheck": (), "inner_text": (), "all_inner_texts": (), "text_content": (),
    "is_visible": (), "is_checked": (), "count": (), "wait_for": (),
}  # fmt: skip
"""Links and acts not named here take one text."""
OPTIONAL = frozenset({"select_option"})


class CallRefused(Exception):
    """A call that is not done; `code` becomes the run's outcome when it is one."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_size(args: dict[str, Any]) -> None:
    """Raises ValueError when an argument is longer, deeper or more than any honest script needs."""
    left = [MOST]

    def look(value: Any, depth: int) -> None:
        left[0] -= 1
        if left[0] < 0 or depth > DEEPEST:
            raise ValueError("a call of a script is too large")
        if isinstance(value, str):
            if len(value) > wire.TEXT_CHARACTERS:
                raise ValueError("a text of a script is too long")
        elif isinstance(value, dict):
            for name, inner in value.items():
                look(name, depth + 1)
                look(inner, depth + 1)
        elif isinstance(value, list):
            for inner in value:
                look(inner, depth + 1)

    look(args, 0)


def names_asked(args: Any) -> set[str]:
    """The roles that a call looks for by their name, wherever in it that stands."""
    found: set[str] = set()
    if isinstance(args, str):
        found.update(selectors.names_asked(args))
    elif isinstance(args, dict):
        found.update(*map(names_asked, args.values()))
    elif isinstance(args, list):
        found.update(*map(names_asked, args))
        if len(args) == 3 and args[0] == "get_by_role" and isinstance(args[2], dict) and "name" in args[2]:
            found.add(str(args[1][0]) if isinstance(args[1], list) and args[1] else "")
    return found


def refused_link(method: Any, args: Any, options: Any) -> str | None:
    """Why a link of a locator chain is not followed; None when it may be."""
    if method not in wire.CHAIN or not _typed(method, args, options, wire.CHAIN_OPTIONS):
        return f"{str(method)[:30]} is not open to scripts in this way"
    if method in ("locator", "frame_locator"):
        return selectors.refused(args[0])
    if method == "get_by_role" and not ROLE.fullmatch(args[0]):
        return "a role is one word"
    if method == "get_by_role" and "name" in options and args[0] not in selectors.NAMED:
        return f"{args[0]} {selectors.NOT_NAMED}"
    return None


def refused_act(act: Any, args: Any, options: Any) -> str | None:
    """Why an act is not done; None when it may be."""
    if act not in wire.ACTS or not _typed(act, args, options, wire.ACT_OPTIONS):
        return f"{str(act)[:30]} is not open to scripts in this way"
    if act == "get_attribute" and args[0] not in wire.READABLE_ATTRIBUTES:
        return f"the attribute {args[0][:30]} is not open to scripts"
    if act == "press" and args[0] not in wire.KEYS:
        return f"the key {args[0][:30]} is not open to scripts"
    return None


def check_sign(sign: Any) -> None:
    """Raises ValueError for a sign that is none, that is nested too deep or holds too many, or whose selector may not be."""
    left = [wire.SIGNS]
    kinds: dict[str, Callable[[list[Any]], bool]] = {
        "at": lambda what: len(what) == 1 and isinstance(what[0], str) and what[0] != "",
        "says": lambda what: len(what) == 1 and isinstance(what[0], str) and what[0] != "",
        "sees": lambda what: len(what) == 1 and isinstance(what[0], str) and selectors.refused(what[0]) is None,
        "status": lambda what: all(type(code) is int for code in what),
    }

    def look(one: Any, depth: int) -> None:
        left[0] -= 1
        if not isinstance(one, list) or not one or depth > wire.SIGN_DEPTH or left[0] < 0:
            raise ValueError("a sign is too deep, too large, or none")
        kind, *what = one
        if kind in ("all", "any"):
            for part in what:
                look(part, depth + 1)
        elif kind == "inside" and len(what) == 2 and isinstance(what[0], str) and selectors.refused(what[0]) is None:
            look(what[1], depth + 1)
        elif kind not in kinds or not kinds[kind](what):
            raise ValueError(f"there is no such sign {str(kind)[:20]}")

    look(sign, 1)


def _typed(method: str, args: Any, options: Any, known: frozenset[str]) -> bool:
    if not isinstance(args, list) or not isinstance(options, dict) or not set(options) <= known:
        return False
    if not all(_is(value, OPTION_TYPES[name]) for name, value in options.items()):
        return False
    wanted = ARGUMENTS.get(method, (str,))
    if method in OPTIONAL and not args:
        return True
    return len(args) == len(wanted) and all(_is(arg, kind) for arg, kind in zip(args, wanted, strict=True))


def _is(value: Any, kind: "type | tuple[type, ...]") -> bool:
    """`True` is no number here, although Python says so."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind)
