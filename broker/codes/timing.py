"""When did a mail really arrive? Mail servers tell whole seconds of a clock that may be off; this bounds the truth."""

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta

RESOLUTION = timedelta(seconds=1)
"""An IMAP internal date has whole seconds (RFC 3501, 2.3.3): the mail came within the second that follows it."""
TIGHT = timedelta(seconds=3)
"""A mail that was not there at the look so long ago and is there now tells how far the server's clock is off."""
KEPT = 5
AGREEING = 3
SPREAD_S = 5
MOST_S = 600


def received_at(told: datetime, now: datetime, clock_error: timedelta = timedelta(0)) -> datetime:
    """The latest moment the mail can have arrived, by our clock; never in the future."""
    return min(told + RESOLUTION - clock_error, now)


def lag_s(told: datetime, looked_before: datetime | None, now: datetime) -> int | None:
    """By how many seconds the server's clock seems to be ahead (negative: behind), if this mail's arrival is known well."""
    if looked_before is None or now - looked_before > TIGHT:
        return None
    seconds = round((told - now).total_seconds())
    return seconds if abs(seconds) <= MOST_S else None


def remembered(lags: Sequence[int], lag: int | None) -> list[int]:
    """The newest measurements with this one."""
    return [*lags, lag][-KEPT:] if lag is not None else list(lags)


def clock_error(lags: Sequence[int]) -> timedelta:
    """How far the server's clock is off, once several mails in a row say the same; else nothing is assumed.

    One mail alone may simply be old (moved into the folder, held back on its way).
    """
    if len(lags) < AGREEING or max(lags) - min(lags) > SPREAD_S:
        return timedelta(0)
    off = statistics.median(lags)
    return timedelta(seconds=off) if abs(off) > RESOLUTION.total_seconds() else timedelta(0)
