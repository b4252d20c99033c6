"""What a lookup reads, and what it means: every text keeps the number under which the host saw it.

A text that does not mean what it should is `PageChanged`, never a guess: a wrong value is worse than none.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

BLANK = frozenset({"", "-", "--", "\u2013", "\u2014", "none", "n/a", "na", "not applicable"})
MONEY = re.compile(
    r"(?P<open>\()?(?P<sign>-)?\$?\s?(?P<minus>-)?(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<cents>\.\d{1,2})?(?P<close>\))?"
)
PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)\s?%")


class PageChanged(Exception):
    """The page does not say what this script knows how to read."""


@dataclass(frozen=True)
class Seen:
    """A text on a page and the host's number for where it stood."""

    text: str
    ref: int

    @property
    def blank(self) -> bool:
        """Whether it says nothing: empty, a dash, "none"."""
        return self.text.strip().lower() in BLANK


@dataclass(frozen=True)
class Value:
    """What a text means, and the sightings it rests on. `computed`: follows from them, is not printed itself."""

    value: Any
    refs: tuple[int, ...]
    computed: bool = False


def said(value: Any, *seen: Seen, computed: bool = False) -> Value:
    """A value that these sightings prove."""
    if not seen:
        raise ValueError("a value needs something that was seen")
    return Value(value, tuple(one.ref for one in seen), computed)


def words(seen: Seen) -> Value | None:
    """The text itself; None when blank."""
    return None if seen.blank else said(" ".join(seen.text.split()), seen)


def money(seen: Seen) -> Value | None:
    """An amount in dollars; None when blank. Negative as -$5.00 or ($5.00). Raises `PageChanged`."""
    if seen.blank:
        return None
    found = MONEY.fullmatch(seen.text.strip())
    if found is None or bool(found["open"]) != bool(found["close"]):
        raise PageChanged("an amount of money is not where it was")
    try:
        amount = Decimal(found["digits"].replace(",", "") + (found["cents"] or ""))
    except InvalidOperation as wrong:
        raise PageChanged("an amount of money cannot be read") from wrong
    negative = bool(found["open"] or found["sign"] or found["minus"])
    return said(-amount if negative else amount, seen)


def day(seen: Seen, form: str = "%m/%d/%Y") -> Value | None:
    """A date written in `form`; None when blank. Raises `PageChanged`."""
    if seen.blank:
        return None
    try:
        return said(dt.datetime.strptime(seen.text.strip(), form).date(), seen)
    except ValueError as wrong:
        raise PageChanged("a date is not where it was, or is written in another way") from wrong


def percent(seen: Seen) -> Value | None:
    """A percentage from 0 to 100; None when blank. Raises `PageChanged`."""
    if seen.blank:
        return None
    found = PERCENT.fullmatch(seen.text.strip())
    if found is None or Decimal(found[1]) > 100:
        raise PageChanged("a percentage is not where it was")
    return said(Decimal(found[1]), seen)


def whole(seen: Seen) -> Value | None:
    """A whole number; None when blank. Raises `PageChanged`."""
    if seen.blank:
        return None
    if not seen.text.strip().replace(",", "").isdigit():
        raise PageChanged("a number is not where it was")
    return said(int(seen.text.strip().replace(",", "")), seen)


def meaning(seen: Seen, table: Mapping[str, Any]) -> Value | None:
    """What these words stand for, by a table in the script (case does not matter); None when they are not in it."""
    wanted = " ".join(seen.text.split()).lower()
    for known, value in table.items():
        if known.lower() == wanted:
            return said(value, seen)
    return None


def part(seen: Seen, pattern: str) -> Seen | None:
    """The first group of the pattern in the text, still seen in the same place; None when it does not fit."""
    found = re.search(pattern, seen.text)
    return Seen(found[1].strip(), seen.ref) if found else None


def need(value: Value | None, what: str) -> Value:
    """The value; raises `PageChanged` when the page is silent where it must not be."""
    if value is None:
        raise PageChanged(f"the page does not say {what}")
    return value


def same_id(one: str, other: str) -> bool:
    """Whether two writings of a member ID or claim number are the same: letters and digits count, hyphens and case do not."""
    return bare(one) == bare(other) != ""


def bare(text: str) -> str:
    """Its letters and digits, in capitals."""
    return "".join(letter for letter in text if letter.isalnum()).upper()


class Row:
    """One row of a table, by column name."""

    def __init__(self, head: list[str], cells: list[Seen]) -> None:
        self._head = head
        self.cells = cells

    def __getitem__(self, column: str) -> Seen:
        """Raises `PageChanged` when there is no such column or the row is short."""
        try:
            return self.cells[self._head.index(column)]
        except (ValueError, IndexError) as gone:
            raise PageChanged(f"the column {column} is gone") from gone


class Table:
    """A table as it was seen in one look."""

    def __init__(self, head: list[Seen], rows: list[list[Seen]]) -> None:
        self.head = [" ".join(seen.text.split()) for seen in head]
        self.columns = head
        self.rows = [Row(self.head, cells) for cells in rows]

    def expect(self, *columns: str) -> "Table":
        """The table, with exactly these columns in this order. Raises `PageChanged`: a moved column is a wrong value."""
        if tuple(self.head) != columns:
            raise PageChanged("the columns of a table have changed")
        for row in self.rows:
            if len(row.cells) != len(columns) and len(row.cells) != 1:
                raise PageChanged("a row of a table has another number of cells")
        return self

    def __iter__(self) -> Iterator[Row]:
        """The rows that are as wide as the head (a row of one cell is a remark such as "no records")."""
        return (row for row in self.rows if len(row.cells) == len(self.head))


class Pairs:
    """Labels and what stands beside them."""

    def __init__(self, pairs: list[tuple[Seen, Seen]]) -> None:
        self._pairs = pairs
        self._taken: set[int] = set()

    def take(self, label: str) -> Seen:
        """What stands beside the label. Raises `PageChanged` when the label is gone or stands there twice."""
        found = self.get(label)
        if found is None:
            raise PageChanged(f"the label {label} is gone")
        return found

    def get(self, label: str) -> Seen | None:
        """The same; None when there is no such label."""
        found = [
            (number, value) for number, (name, value) in enumerate(self._pairs) if _plain(name.text) == _plain(label)
        ]
        if len(found) > 1:
            raise PageChanged(f"the label {label} stands there twice")
        if not found:
            return None
        self._taken.add(found[0][0])
        return found[0][1]

    def rest(self) -> list[tuple[str, Seen]]:
        """Labels nobody asked for: they belong in `unmapped`."""
        return [
            (" ".join(name.text.split()), value)
            for number, (name, value) in enumerate(self._pairs)
            if number not in self._taken
        ]


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(":").lower()
