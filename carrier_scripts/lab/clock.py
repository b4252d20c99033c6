"""The lab's own clock: follows the machine until a test sets, moves or freezes it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class LabClock:
    """What the simulated carriers take for the time. Whoever waits for a time is told of each change."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._frozen: datetime | None = None
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        return self._frozen or datetime.now(UTC) + self._ahead

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def set(self, at: datetime) -> None:
        """From now on it is `at` (with a time zone); the clock goes on from there unless frozen.

        Raises ValueError for a time without a zone.
        """
        if at.tzinfo is None:
            raise ValueError("a time needs its zone, such as 2026-05-01T09:00:00+00:00")
        if self._frozen:
            self._frozen = at
        self._ahead = at - datetime.now(UTC)
        self._tell()

    def advance(self, seconds: float) -> None:
        step = timedelta(seconds=seconds)
        if self._frozen:
            self._frozen += step
        self._ahead += step
        self._tell()

    def freeze(self) -> None:
        self._frozen = self.now()
        self._tell()

    def follow(self) -> None:
        """Back to the machine's time."""
        self._frozen = None
        self._ahead = timedelta()
        self._tell()

    def seconds_until(self, at: datetime) -> float | None:
        """Real seconds until the clock shows `at`; None while it is frozen before it."""
        left = (at - self.now()).total_seconds()
        if left <= 0:
            return 0.0
        return None if self._frozen else left

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
