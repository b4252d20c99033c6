"""Where each value was seen: a map beside the result, from JSON Pointers to sightings, and the checks that hold both together."""

import contextlib
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from broker.lookups.values import Model, Pointer, Words


class Method(StrEnum):
    DOM = "dom"
    PDF = "pdf_text"
    CSV = "csv"
    EDI = "edi"
    HUMAN = "human"


class Artifact(Model):
    """A picture or file the portal showed, kept sealed."""

    artifact_id: str
    kind: Literal["screenshot", "pdf", "csv", "edi835"]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    bytes: int = Field(ge=0)
    captured_at: datetime
    recording_id: str | None = None
    recording_offset_ms: int | None = Field(default=None, ge=0)


class Sighting(Model):
    """One place where a value was seen."""

    artifact_id: str | None = None
    recording_id: str | None = None
    recording_offset_ms: int | None = Field(default=None, ge=0)
    page: str | None = Field(default=None, max_length=80)
    """The script's own name of the page: an address may hold a member ID."""
    frame: str | None = Field(default=None, max_length=200)
    selector: str | None = Field(default=None, max_length=300)
    pdf_page: int | None = Field(default=None, ge=1)
    box: tuple[float, float, float, float] | None = None
    """x, y, width, height on the artifact's picture, in pixels."""
    method: Method = Method.DOM
    raw_text: Words
    computed: bool = False
    """The value follows from this text and is not printed itself."""


class Unmapped(Model):
    """What the page says and the schema has no place for (`unplaced`), what cannot both be right (`conflict`), what was asked
    for and could not be had (`missing`: a paper that did not come whole, or that was not there to fetch)."""

    why: Literal["unplaced", "conflict", "missing"]
    label: Annotated[str, StringConstraints(max_length=200)]
    text: Words
    evidence: list[Sighting] = []


class Provenance(Model):
    portal: str
    portal_account_id: str
    location_id: str
    script_version: str
    portal_session_id: str
    lease_id: str
    requested_by: str
    actor_kind: Literal["user", "service", "system", "operator"]
    started_at: datetime
    captured_at: datetime
    artifacts: list[Artifact] = []
    fields: dict[Pointer, list[Sighting]] = {}


def leaves(tree: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """(JSON Pointer, value) of every plain value that is not None."""
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield from leaves(branch, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(tree, list):
        for number, branch in enumerate(tree):
            yield from leaves(branch, f"{pointer}/{number}")
    elif tree is not None:
        yield pointer, tree


def agrees(value: Any, sightings: list[Sighting], *, meant: bool = False) -> bool:
    """Whether a printed amount, number, date or text can be found again in what was seen. Computed values are exempt.

    `meant`: the value is a word of our own for what stands there (active for "In force"); the script's table says so.
    """
    if any(one.computed for one in sightings):
        return True
    seen = " ".join(one.raw_text for one in sightings)
    if isinstance(value, bool):
        return True  # a word of the page means yes or no: the script's table says so
    if isinstance(value, int | Decimal):
        return Decimal(value) in _numbers(seen)
    if isinstance(value, date):
        return value in _days(seen)
    return meant or not isinstance(value, str) or _letters(value) in _letters(seen)


NUMBER = re.compile(
    r"(?P<open>\()?(?P<sign>-)?(?P<dollar>\$)?\s?(?P<minus>-)?(?P<digits>\d[\d,]*(?:\.\d+)?)(?P<close>\))?"
)
WRITTEN = re.compile(r"(?<!\d)(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?!\d)")
ISO = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
NAMED = re.compile(r"([A-Za-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})|(\d{1,2})[ -]([A-Za-z]{3})[a-z]*\.?,?[ -](\d{4})")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _numbers(text: str) -> set[Decimal]:
    """Every number with its sign: -5, -$5.00, $-5.00, and ($5.00), as accounts write it."""
    found = set()
    for one in NUMBER.finditer(text):
        number = Decimal(one["digits"].replace(",", ""))
        joined = one.start() > 0 and text[one.start() - 1].isalnum()
        minus = bool(one["minus"] or (one["sign"] and not joined))  # "10-20" is no minus
        found.add(-number if minus or (one["open"] and one["close"] and one["dollar"]) else number)
    return found


def _days(text: str) -> set[date]:
    """Every date, the month first where only numbers are written."""
    told = [(one[3], one[1], one[2]) for one in WRITTEN.finditer(text)]
    told += [(one[1], one[2], one[3]) for one in ISO.finditer(text)]
    for one in NAMED.finditer(text):
        name = (one[1] or one[5]).lower()
        if name in MONTHS:
            told.append((one[3] or one[6], str(MONTHS.index(name) + 1), one[2] or one[4]))
    found = set()
    for year, month, day in told:
        for century in (0,) if len(year) == 4 else (1900, 2000):
            with contextlib.suppress(ValueError):
                found.add(date(int(year) + century, int(month), int(day)))
    return found


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
