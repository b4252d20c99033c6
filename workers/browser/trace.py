"""What a run did, step by step, for whoever must mend the script: its own selectors and how long each took, no page text.

A script that has read a page could put what it read into a selector, a path or an act. So a step keeps only words that stand,
as they are, in the version that two people have approved.
"""

import ast
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from carrier_scripts import trees
from carrier_scripts.kit.outcomes import NAMES
from carrier_scripts.kit.portal import LOGIN_FORM, PASSWORD_FORM
from carrier_scripts.kit.wire import ACTS, CALLS, CHAIN
from workers.browser.calls import CallRefused

WHERE_CHARACTERS = 120
MOST = 200
SEEN = frozenset({*NAMES, LOGIN_FORM, PASSWORD_FORM})
BETWEEN = re.compile(r"between:\d{1,2}")


@lru_cache(256)
def literals(text: str) -> frozenset[str]:
    """The texts that stand in a script's file, with the paths of its addresses; none of a file Python cannot read."""
    try:
        tree = trees.tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(said | {urlsplit(one).path for one in said if one.startswith("https://")})


def words_of(sources: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """What a version, families and all, says as it stands."""
    return frozenset().union(*(literals(str(source["text"])) for source in sources))


@dataclass
class Trace:
    """The steps of one run, oldest first."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    known: frozenset[str] = frozenset()
    """What the approved version says; nothing else of a selector or a path is kept."""
    discreet: bool = False
    """A lookup: its selectors and paths may name a patient, so only what was done is kept."""
    began: float = field(default_factory=time.monotonic)

    def watched(self, answer: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The same answerer; every call becomes a step."""

        async def asked(name: str, args: dict[str, Any]) -> Any:
            started = time.monotonic()
            step = {
                "do": done(name, args),
                "where": "" if self.discreet else where(args, self.known),
                "ms": 0,
                "ok": True,
            }
            self.steps.append(step)
            del self.steps[:-MOST]
            try:
                told = await answer(name, args)
            except CallRefused as no:
                step["ok"], step["why"] = False, no.code
                raise
            finally:
                step["ms"] = round((time.monotonic() - started) * 1000)
            if name == "recognise":
                step["saw"] = told if told in SEEN or BETWEEN.fullmatch(str(told)) else "?"
            return told

        return asked

    @property
    def ms(self) -> int:
        """How long the run has taken."""
        return round((time.monotonic() - self.began) * 1000)


def done(name: str, args: Mapping[str, Any]) -> str:
    """The act, or the call, by its name in the closed lists."""
    act = args.get("act")
    if name == "page" and isinstance(act, str) and act in ACTS:
        return act
    return name if name in CALLS else "?"


def where(args: Mapping[str, Any], known: frozenset[str]) -> str:
    """What a call is about: the script's own selector, or the path it goes to, where it says so itself. Never what it types."""
    chain = args.get("chain")
    if isinstance(chain, list):
        links = [_link(link, known) for link in chain if isinstance(link, list) and len(link) > 1]
        return " >> ".join(links)[:WHERE_CHARACTERS]
    if isinstance(args.get("url"), str):
        return path(str(args["url"]), known)
    return ""


def path(url: str, known: frozenset[str]) -> str:
    """The path of an address as the script says it, or as far as it says it (`/claims*`); else …"""
    shown = urlsplit(url).path
    if shown in known or shown in ("", "/"):
        return shown[:WHERE_CHARACTERS]
    begins = [one for one in known if one.startswith("/") and one.endswith("*") and shown.startswith(one[:-1])]
    return max(begins, key=len, default="…")[:WHERE_CHARACTERS]


def _link(link: list[Any], known: frozenset[str]) -> str:
    method, args = link[0], link[1]
    said = args[0] if isinstance(args, list) and args else None
    if isinstance(said, str):
        return said if said in known else "…"
    return method if method in CHAIN else "…"
