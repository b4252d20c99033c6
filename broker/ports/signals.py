"""Wake whoever waits: a code came, a tab changed. A signal has a channel and no content; the database has the truth.

Channels: `session:{portal_session_id}`, `code:{code_request_id}`, `desk` (code desk pages), `tiles` (launchers),
`revoked` (live streams re-check their lease).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Signals(Protocol):
    def send(self, channel: str) -> None:
        """Wake the waiters of `channel`. Raises nothing when the carrier of signals is away."""
        ...

    def listen(self, *channels: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Yield channel names as they are signalled; waiters must also poll, since a signal may be lost."""
        ...

    def wait(self, *channels: str, timeout_s: float) -> Iterator[str]:
        """Blocking twin of `listen`: yields names until `timeout_s` has passed."""
        ...
