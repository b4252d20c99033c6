"""A witness elsewhere: it signs a head of the log once it has been shown that its last one is the beginning of it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Said:
    """A witness's answer: its HTTP status and, in words of its own, signature lines or the size it knows."""

    status: int
    text: str


class Witness(Protocol):
    key: str
    """The note verifier key of the witness, pinned by whoever runs Portunus."""

    def show(self, body: str) -> Said:
        """Post one request. Raises `Unavailable` when nobody answers."""
        ...
