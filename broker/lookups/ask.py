"""What may be asked, and the checks that need no portal: impossible dates, wrong NPIs, nothing to search by."""

import json
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from broker.base.errors import Incomplete
from broker.lookups.values import npi_is_right

Kind = Literal["eligibility", "claim_status"]
Plain = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
MemberId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{2,29}$")]
OLDEST = date(1900, 1, 1)
EARLIER, LATER = timedelta(days=3 * 366), timedelta(days=366)
OURS = ("kind", "portal", "location", "provider_npi")
"""Parts of a question that say where it is asked."""
DATES_ASKED = ("service_date", "service_from", "service_to")
PRIORITIES = {"interactive": 0, "normal": 5, "batch": 9}
PLAINLY = {"missing": "is needed"}
FORMS = {
    "member_id": "3 to 30 letters, digits, hyphens or blanks, the first one a letter or a digit",
    "claim_number": "3 to 40 letters, digits or hyphens",
}
"""What an identifier looks like, for people."""
FIELD = re.compile(r"[a-z_]{1,40}")
LONGEST_AGE_S = 30 * 86_400


class Ask(BaseModel):
    """One lookup's question. Carriers are asked at a portal, in the name of a location."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Kind
    portal: Plain = Field(description="the portal's key, such as harborline")
    location: Plain = Field(description="the location's key, such as phoenix")
    payer: Plain | None = Field(default=None, description="at a hub: the carrier's name as the portal lists it")
    member_id: MemberId | None = None
    birth_date: date | None = None
    first_name: Plain | None = None
    last_name: Plain | None = None
    provider_npi: Annotated[str, StringConstraints(strip_whitespace=True)] | None = Field(
        default=None, description="the location's NPI, or left out: portals answer for the practice that is signed in"
    )
    service_date: date | None = Field(
        default=None, description="eligibility: the day asked about; today where the location is when left out"
    )
    claim_number: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9-]{3,40}$")] | None = (
        None
    )
    service_from: date | None = None
    service_to: date | None = None
    with_eob: bool = Field(default=False, description="fetch each claim's explanation of benefits (PDF) too")
    with_era: bool = Field(
        default=False, description="fetch each paid claim's remittance (835) too, where it is offered"
    )

    @field_validator("provider_npi")
    @classmethod
    def _npi(cls, npi: str | None) -> str | None:
        if npi is not None and not npi_is_right(npi):
            raise ValueError("the NPI's check digit is wrong")
        return npi

    @field_validator("birth_date")
    @classmethod
    def _born(cls, born: date | None) -> date | None:
        if born is not None and born < OLDEST:
            raise ValueError("nobody was born before 1900")
        return born

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        if self.kind == "eligibility":
            if self.member_id is None or self.birth_date is None:
                raise ValueError("eligibility needs member_id and birth_date")
            if self.claim_number or self.service_from or self.service_to:
                raise ValueError("claim_number, service_from and service_to belong to claim_status")
            if self.with_eob or self.with_era:
                raise ValueError("with_eob and with_era belong to claim_status")
        elif self.service_date is not None:
            raise ValueError("service_date belongs to eligibility; claim_status takes service_from and service_to")
        elif self.claim_number is None and self.member_id is None:
            raise ValueError("claim_status needs claim_number, or member_id with service_from and service_to")
        elif self.claim_number is None and (self.service_from is None or self.service_to is None):
            raise ValueError("without claim_number the service dates from and to are needed")
        if self.service_from and self.service_to and self.service_to < self.service_from:
            raise ValueError("service_to is before service_from")
        return self

    def check_dates(self, today: date) -> None:
        """Raises `Incomplete` for a day that cannot be meant."""
        if self.birth_date is not None and self.birth_date > today:
            raise Incomplete("birth_date lies in the future.")
        for name in ("service_date", "service_from", "service_to"):
            asked: date | None = getattr(self, name)
            if asked is not None and not today - EARLIER <= asked <= today + LATER:
                raise Incomplete(f"{name} must lie within the last three years and the next one.")

    def check_provider(self, npi: str | None) -> None:
        """Raises `Incomplete` for a provider other than the location's: portals answer for the practice that is signed in."""
        if self.provider_npi is not None and self.provider_npi != npi:
            raise Incomplete("provider_npi is not the location's NPI. A portal answers for its location: leave it out.")

    def check_payer(self, portal: str, carriers: Sequence[str]) -> None:
        """Makes `payer` the carrier's name as the directory has it ("Ironwood" for Ironwood Dental, when there is only one).

        Raises `Incomplete` for one that the portal does not have, and where a hub's was left out.
        """
        if not carriers or (self.payer is None and (len(carriers) == 1 or self.kind != "eligibility")):
            return
        asked = _plain(self.payer or "")
        known = [name for name in carriers if _plain(name) == asked]
        known = known or [name for name in carriers if asked and _within(asked, _plain(name))]
        if len(known) != 1:
            raise Incomplete(f"payer: say which carrier is asked at {portal}: {', '.join(carriers)}.")
        self.payer = known[0]

    def subject(self) -> str:
        """The same for the same question, however it was typed: what freshness goes by."""
        return self._digestible(set())

    def matter(self) -> str:
        """The same for the same patient or claim, whenever and with whatever papers it is asked: what comparison goes by."""
        return self._digestible({"first_name", "last_name", *DATES_ASKED, "with_eob", "with_era"})

    def _digestible(self, without: set[str]) -> str:
        told = question(self.model_dump(mode="json", exclude_none=True, exclude_defaults=True))
        for name in ("member_id", "claim_number"):
            if name in told:
                told[name] = re.sub(r"[\s-]", "", told[name]).upper()
        for name in ("first_name", "last_name", "payer"):
            if name in told:
                told[name] = _plain(told[name])
        kept = sorted((name, value) for name, value in told.items() if name not in without)
        return json.dumps([self.kind, self.portal, self.location, kept])


def question(asked: dict[str, Any], today: date | None = None) -> dict[str, Any]:
    """What goes to the carrier script: the question, and which day it is where the practice is."""
    told = {name: value for name, value in asked.items() if name not in OURS}
    return told | {"today": today.isoformat()} if today else told


def _within(one: str, other: str) -> bool:
    """Whether the words of the one name are among those of the other."""
    words = set(one.split()), set(other.split())
    return words[0] <= words[1] or words[1] <= words[0]


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def parsed(told: dict[str, Any]) -> Ask:
    """An `Ask`. Raises `Incomplete` with one sentence that names the fields and repeats no value."""
    try:
        return Ask.model_validate(told)
    except ValidationError as wrong:
        raise Incomplete(sentence(wrong)) from None


def sentence(wrong: ValidationError) -> str:
    """What is wrong, field by field, without the values."""
    said = []
    for one in wrong.errors(include_input=False, include_url=False):
        where = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden" and not FIELD.fullmatch(where):
            where = "a field"  # its name came with the question, and may be a person's
        form = FORMS.get(where) if one["type"] == "string_pattern_mismatch" else PLAINLY.get(one["type"])
        what = form or one["msg"].removeprefix("Value error, ")
        said.append(f"{where}: {what}" if where else what)
    return "; ".join(said)[:600] + "."
