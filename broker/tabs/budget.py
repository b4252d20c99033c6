"""How many more logins may be submitted before the carrier could lock the account. Pure.

A try is taken before it is submitted and given back only when the login is proved; an unknown end counts as a failure.
Two tries stay in reserve below the carrier's own limit, since staff also sign in by hand (threats.md 4.5).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

RESERVE = 2
UNKNOWN_LIMIT = 3
UNKNOWN_WINDOW_S = 86_400


def codes_left(behaviour: dict[str, Any], rejected: int) -> int:
    """Wrong codes that may still be risked: one below the carrier's limit; none where nobody knows the limit."""
    limit = behaviour.get("wrong_code_limit")
    return max(0, int(limit) - 1 - rejected) if limit else 0


@dataclass(frozen=True)
class Budget:
    """At most `tries` unproved submits in `window`."""

    tries: int
    window: timedelta

    @classmethod
    def of(cls, behaviour: dict[str, Any]) -> "Budget":
        """From a portal's behaviour record; where the carrier's rule is unknown, three failures a day are assumed."""
        limit = int(behaviour.get("login_failure_limit") or UNKNOWN_LIMIT)
        window_s = float(behaviour.get("failure_window_s") or UNKNOWN_WINDOW_S)
        return cls(tries=max(1, limit - RESERVE), window=timedelta(seconds=window_s))

    def left(self, debits: Iterable[datetime], now: datetime) -> int:
        """Tries left, given when the tries not given back were taken."""
        recent = sum(1 for taken in debits if taken > now - self.window)
        return max(0, self.tries - recent)

    def free_again(self, debits: Iterable[datetime], now: datetime) -> datetime:
        """When the next try will be free."""
        recent = sorted(taken for taken in debits if taken > now - self.window)
        return recent[-self.tries] + self.window if len(recent) >= self.tries else now
