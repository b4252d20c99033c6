"""What a run did, step by step, for whoever must mend the script: its own selectors and how long each took, no page text."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from workers.browser.calls import CallRefused

WHERE_CHARACTERS = 120
NUMBER = re.compile(r"\d{2,}")
MOST = 200


@dataclass
class Trace:
    """The steps of one run, oldest first."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    discreet: bool = False
    """A lookup: its selectors and paths may name a patient, so only what was done is kept."""
    began: float = field(default_factory=time.monotonic)

    def watched(self, answer: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The same answerer; every call becomes a step."""

        async def asked(name: str, args: dict[str, Any]) -> Any:
            started = time.monotonic()
            step = {
                "do": str(args.get("act") or name)[:30],
                "where": "" if self.discreet else where(args),
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
                step["saw"] = str(told)[:40]
            return told

        return asked

    @property
    def ms(self) -> int:
        """How long the run has taken."""
        return round((time.monotonic() - self.began) * 1000)


def where(args: dict[str, Any]) -> str:
    """What a call is about: the script's own selector, or the path it goes to, numbers as #. Never what it types."""
    chain = args.get("chain")
    if isinstance(chain, list):
        links = [
            str(link[1][0]) if link[1] else str(link[0]) for link in chain if isinstance(link, list) and len(link) > 1
        ]
        return NUMBER.sub("#", " >> ".join(links))[:WHERE_CHARACTERS]
    if isinstance(args.get("url"), str):
        return NUMBER.sub("#", str(urlsplit(str(args["url"])).path))[:WHERE_CHARACTERS]
    return ""
