"""Enqueue a named task. The message carries the name and one row id, signed; never a secret, never PHI."""

from typing import Protocol


class Queue(Protocol):
    def enqueue(self, task: str, row_id: str) -> None:
        """Send the hint. Raises nothing when the message broker is away: the sweeper will find the row."""
        ...

    def warm_up(self) -> None:
        """Make what the first task needs, so that the first person to click does not wait for it."""
        ...
