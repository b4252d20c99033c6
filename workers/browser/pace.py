"""How fast the viewer's link is, by what her acknowledgements say: bytes a second beyond the time an empty message takes."""

from collections import deque

TELLING_BYTES = 20_000
"""Smaller messages say how long the way is, not how wide."""
SLOW = 200_000
"""Bytes a second (1.6 Mbit/s): beyond it everything is sent without loss."""
PATIENCE_S = 0.4
"""A picture that would take longer on a slow link is shown roughly first."""
SAMPLES = 3
"""The best of the newest counts: a busy machine makes some messages late, a slow link all of them."""
LATE_S = 0.7
"""So late a message is no accident."""


class Pace:
    """What is on its way to one viewer, oldest first, and the width of that way."""

    def __init__(self) -> None:
        self._out: deque[tuple[bool, int, float]] = deque()
        self._way_s = float("inf")
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._sure = False

    @property
    def pictures(self) -> int:
        """How many pictures she has not drawn yet."""
        return sum(picture for picture, _, _ in self._out)

    @property
    def _rate(self) -> float:
        """Bytes a second; without end until enough is known."""
        known = self._sure or len(self._samples) == SAMPLES
        return max(self._samples) if known else float("inf")

    @property
    def slow(self) -> bool:
        return self._rate < SLOW

    def too_much(self, size: int) -> bool:
        """Whether so many bytes would keep her waiting."""
        return self.slow and size / self._rate > PATIENCE_S

    def portion(self) -> int:
        """Bytes that may go at once without keeping her next act waiting."""
        return int(max(8_000, self._rate * PATIENCE_S)) if self.slow else 1 << 30

    def sent(self, size: int, now: float, *, picture: bool) -> None:
        """A message of so many bytes has gone."""
        self._out.append((picture, size, now))

    def acknowledged(self, now: float) -> None:
        """The oldest message has been drawn."""
        if not self._out:
            return
        _, size, at = self._out.popleft()
        took = now - at
        self._way_s = min(self._way_s, took)
        if size >= TELLING_BYTES:
            longer = max(took - self._way_s, 0.001)
            self._samples.append(size / longer)
            self._sure = self._sure or longer > LATE_S

    def forget(self) -> None:
        """She does not answer: nothing is waited for any more."""
        self._out.clear()
