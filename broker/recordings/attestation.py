"""What a recording attests when it closes: which messages it holds, and that none of them is missing."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from broker.recordings.container import Message

HEAD = struct.Struct(">BBHII")
EVENT = 3


@dataclass
class Attestation:
    """Counted message by message; its words go into the signed audit log with the file's digest."""

    first: int = 0
    last: int = 0
    pictures: int = 0
    events: int = 0
    missing: int = 0
    """Numbers that were given out and are not in the file, or came out of order."""
    longest_pause_ms: int = 0
    _ms: int = 0

    def note(self, message: Message) -> None:
        """Count one message of the stream."""
        if len(message.data) < HEAD.size:
            self.missing += 1
            return
        kind, _, _, seq, _ = HEAD.unpack_from(message.data)
        if self.last and seq != self.last + 1:
            self.missing += abs(seq - self.last - 1)
        self.first = self.first or seq
        self.last = max(seq, self.last)
        self.events += kind == EVENT
        self.pictures += kind != EVENT
        self.longest_pause_ms = max(self.longest_pause_ms, message.ms - self._ms)
        self._ms = message.ms

    def as_detail(self) -> dict[str, Any]:
        """For the audit entry."""
        return {
            "first_seq": self.first,
            "last_seq": self.last,
            "missing": self.missing,
            "pictures": self.pictures,
            "events": self.events,
            "longest_pause_ms": self.longest_pause_ms,
        }

    def words(self) -> str:
        """For whoever views it."""
        if self.missing:
            return f"{self.missing} of its messages are missing."
        return f"All {self.pictures + self.events} messages from number {self.first} to {self.last} are there."


def attested(messages: Iterable[Message]) -> Attestation:
    """The attestation of a whole file's messages."""
    found = Attestation()
    for message in messages:
        found.note(message)
    return found
