"""Wake whoever waits: a code came, a tab changed. A signal has a channel and no content; the database has the truth.

Channels: `session:{portal_session_id}`, `code:{code_request_id}`, `desk` (code desk pages), `tiles` (launchers),
`revoked` (live streams re-check their lease).
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Ear(Protocol):
    """An open subscription."""

    async def wait(self, timeout_s: float) -> str | None:
        """The next signalled channel, or None when none came in time: then look at the database."""
        ...


class Signals(Protocol):
    def send(self, channel: str) -> None:
        """Wake the waiters of `channel`. Raises nothing when the carrier of signals is away."""
        ...

    def listen(self, *channels: str) -> AbstractAsyncContextManager[Ear]:
        """Subscribe; waiters must also look by themselves now and then, since a signal may be lost."""
        ...

    def wait(self, *channels: str, timeout_s: float) -> Iterator[str]:
        """Blocking twin of `listen`: yields names until `timeout_s` has passed."""
        ...
