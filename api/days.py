"""Days as people choose them in forms, and moments by the clock of a place."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from broker.base.errors import Incomplete


def day(text: str) -> datetime | None:
    """The day's first moment in UTC; None for no text. Raises `Incomplete`."""
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC) if text else None
    except ValueError as wrong:
        raise Incomplete("A day must look like 2027-01-31.") from wrong


def local(moment: datetime | str, zone: str) -> str:
    """`2026-11-20 08:00 MST`."""
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{when.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"
