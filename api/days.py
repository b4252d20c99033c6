"""Days as people choose them in forms."""

from datetime import UTC, date, datetime

from broker.base.errors import Incomplete


def day(text: str) -> datetime | None:
    """The day's first moment in UTC; None for no text. Raises `Incomplete`."""
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC) if text else None
    except ValueError as wrong:
        raise Incomplete("A day must look like 2027-01-31.") from wrong
