"""Kinds of values in lookup results: money, percentages, dates, closed lists. X12 code numbers beside them; no descriptions."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NPI_PREFIX = "80840"


class Model(BaseModel):
    """Base of every part of a result: what is not in the schema is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


Money = Annotated[Decimal, Field(max_digits=12, decimal_places=2)]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
Pointer = Annotated[str, StringConstraints(pattern=r"^(/[^/]*)*$", max_length=200)]
"""RFC 6901, into the result."""
Words = Annotated[str, StringConstraints(max_length=2000)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,10}$")]
"""A procedure code's value; its description is licensed and never ours to give."""


class Network(StrEnum):
    """X12 EB12: Y, N, W, U."""

    IN = "in"
    OUT = "out"
    BOTH = "both"
    UNKNOWN = "unknown"


class Level(StrEnum):
    """X12 EB02: IND, FAM, EMP."""

    INDIVIDUAL = "individual"
    FAMILY = "family"
    EMPLOYEE = "employee"
    OTHER = "other"


class Period(StrEnum):
    """X12 EB06 in words (22 service year, 23 calendar year, 24 year to date, 25 contract, 32 lifetime, 27 visit …)."""

    CALENDAR_YEAR = "calendar_year"
    SERVICE_YEAR = "service_year"
    CONTRACT = "contract"
    LIFETIME = "lifetime"
    ROLLING = "rolling"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    VISIT = "visit"
    UNKNOWN = "unknown"


def npi_is_right(npi: str) -> bool:
    """Ten digits that begin with 1 or 2 and end with the Luhn digit over "80840" and the number (45 CFR 162.406)."""
    if len(npi) != 10 or not npi.isascii() or not npi.isdigit() or npi[0] not in "12":
        return False
    total = 0
    for place, letter in enumerate(reversed(NPI_PREFIX + npi)):
        digit = int(letter) * (2 if place % 2 else 1)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0
