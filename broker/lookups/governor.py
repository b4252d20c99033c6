"""How fast a portal is asked, and when it is left alone. Pure: times and numbers in, a wait out.

Pace comes from the portal's behaviour record (`lookup_pause_ms`, `lookups_per_hour`); nothing known means a modest pace. Failures
in a row that are the portal's or the script's open the breaker: pausing is kinder to a carrier in trouble, and a changed page
is not read ten thousand times wrongly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PAUSE = timedelta(milliseconds=500)
"""Between the starts of two lookups where the record says nothing."""
FAILURES_IN_A_ROW = 3
BREAKS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
OPENS_BREAKER = frozenset(
    {
        "portal_down",
        "page_changed",
        "bad_answer",
        "script_error",
        "rate_limited",
        "wrong_patient_shown",
        "write_blocked",
    }
)
STOPS_LOGIN = frozenset({"needs_person", "step_up_required", "not_authorized_for_tin"})
"""What the portal says to one login: that login rests, others at the portal do not."""
LONGEST_WAIT = timedelta(seconds=30)
"""Whoever has to wait longer for the next lookup gives the portal back meanwhile."""
RETRIES = {"now": 3, "later": 52}
"""The later ones fill a day: a portal that closes at night, or a carrier's system that rests, is there again by then."""
BACKOFF = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))


@dataclass(frozen=True)
class Governor:
    """One portal's pace."""

    pause: timedelta

    @classmethod
    def of(cls, behaviour: Mapping[str, Any]) -> "Governor":
        """From the behaviour record."""
        pauses = [PAUSE]
        if (own := behaviour.get("lookup_pause_ms")) is not None:
            pauses = [timedelta(milliseconds=int(own))]
        if hourly := behaviour.get("lookups_per_hour"):
            pauses.append(timedelta(hours=1) / int(hourly))
        return cls(max(pauses))

    def wait(self, started_at: datetime | None, paused_until: datetime | None, now: datetime) -> timedelta:
        """How long until the next may start; zero: now."""
        until = [moment for moment in (started_at + self.pause if started_at else None, paused_until) if moment]
        return max([timedelta(0), *(moment - now for moment in until)])


def breaks_for(failures: int) -> timedelta | None:
    """How long to leave the portal alone after so many failures in a row; None: not yet."""
    if failures < FAILURES_IN_A_ROW:
        return None
    return BREAKS[min(failures - FAILURES_IN_A_ROW, len(BREAKS) - 1)]


def again_in(retry: str, failures: int) -> timedelta | None:
    """When a lookup that failed so often is tried again; None: not by itself."""
    if failures > RETRIES.get(retry, 0):
        return None
    return timedelta(0) if retry == "now" else BACKOFF[min(failures - 1, len(BACKOFF) - 1)]
