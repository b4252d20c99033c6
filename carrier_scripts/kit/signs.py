"""Signs: one-line questions to a page. Plain values; the host answers them all in one look.

The order in a script's `signs` matters: they are read from the top and the first that shows wins (a page that says
"wrong code" usually still shows the code field).
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sign:
    """A question as JSON: a word and what it is about."""

    words: tuple[Any, ...]

    def to_json(self) -> list[Any]:
        """Nested signs become nested lists."""
        return [part.to_json() if isinstance(part, Sign) else part for part in self.words]


def at(path: str) -> Sign:
    """The address's path is this one, or begins with it when it ends in `*`."""
    return Sign(("at", path))


def sees(selector: str) -> Sign:
    """An element that fits the selector is visible."""
    return Sign(("sees", selector))


def says(text: str) -> Sign:
    """These words are visible somewhere on the page, whatever their case."""
    return Sign(("says", text))


def inside(frame: str, sign: Sign) -> Sign:
    """The sign shows inside the frame that fits the selector."""
    return Sign(("inside", frame, sign))


def all_of(*signs: Sign) -> Sign:
    """All of these show."""
    return Sign(("all", *signs))


def any_of(*signs: Sign) -> Sign:
    """One of these shows."""
    return Sign(("any", *signs))


def status(*codes: int) -> Sign:
    """The page itself was answered with one of these HTTP status codes."""
    return Sign(("status", *codes))
