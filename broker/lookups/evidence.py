"""Where each value was seen: a map beside the result, from JSON Pointers to sightings, and the checks that hold both together."""

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
    """What the page says and the schema has no place for (`unplaced`), or what cannot both be right (`conflict`)."""

    why: Literal["unplaced", "conflict"]
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


def agrees(value: Any, sightings: list[Sighting]) -> bool:
    """Whether a printed amount, number, date or text can be found again in what was seen. Computed values are exempt."""
    if any(one.computed for one in sightings):
        return True
    seen = " ".join(one.raw_text for one in sightings)
    if isinstance(value, bool):
        return True  # a word of the page means yes or no: the script's table says so
    if isinstance(value, int | Decimal):
        return any(Decimal(found) == abs(Decimal(value)) for found in _numbers(seen))
    if isinstance(value, date):
        return {str(value.year), str(value.year % 100)} & set(_whole(seen)) != set() and str(value.day) in _whole(seen)
    return True


def _numbers(text: str) -> list[str]:
    return [found.replace(",", "") for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def _whole(text: str) -> list[str]:
    return [found.lstrip("0") or "0" for found in re.findall(r"\d+", text)]
