"""What the rest of Portunus may ask of the process that owns the browsers of a node."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class StreamPipe(Protocol):
    """A viewer's two-way connection to a leased portal session."""

    async def send(self, message: str | bytes) -> None: ...

    def __aiter__(self) -> AsyncIterator[str | bytes]: ...


class BrowserHost(Protocol):
    def run_attempt(self, attempt_id: str) -> None:
        """Hint that a login attempt waits. Returns at once; the host claims the row in SQL first."""
        ...

    def run_lookups(self, lease_id: str) -> None:
        """Hint that lookups may run under this lease. Returns at once; the host takes each of them in SQL first."""
        ...

    def expect(self, lease_id: str) -> None:
        """Hint that a person opened this tab and is about to join. Returns at once; without it she waits a little longer."""
        ...

    def end_session(self, portal_session_id: str) -> None:
        """Hint that a portal session is to be ended (its row says so). Returns at once."""
        ...

    def stream(self, lease_id: str) -> AbstractAsyncContextManager[StreamPipe]:
        """Join the stream of a lease. The caller has checked the ticket and the Origin."""
        ...

    def watch(self, lease_id: str, name: str) -> AbstractAsyncContextManager[StreamPipe]:
        """Look on at a lease's tab, under this name, which its holder is told. Nothing is sent through it."""
        ...

    def try_out(self, asked: dict[str, Any]) -> str:
        """Keep a text that its author is about to run and watch, at the portal or on its saved pages; the run's id. Raises `Conflict`, `Unavailable`."""
        ...

    def watch_try_out(self, tryout_id: str, who: str) -> AbstractAsyncContextManager[StreamPipe]:
        """Begin that run; only its author can. It ends when this is left."""
        ...

    def status(self) -> dict[str, Any]:
        """Numbers for `portunus status`: sessions, shards, memory. Raises `Unavailable`."""
        ...
