"""Lookups: what is asked, how a script answers, and the codes for having no answer."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, ClassVar

from carrier_scripts.kit.reading import Seen, Value, bare, meaning, said, same_id

NO_ANSWERS = frozenset(
    {
        "patient_not_found",
        "patient_ambiguous",
        "dob_mismatch",
        "bad_member_id",
        "claim_not_found",
        "provider_not_on_file",
        "not_authorized_for_tin",
        "date_not_supported",
        "payer_unavailable",
        "results_unstable",
        "results_too_many",
        "rate_limited",
        "not_supported",
        "step_up_required",
    }
)
"""What a script may say instead of an answer. Everything else is an outcome of the page."""


class NoAnswer(Exception):
    """The portal answered, and the answer is that there is none. `seen` is where it says so."""

    def __init__(self, code: str, *seen: Seen) -> None:
        if code not in NO_ANSWERS:
            raise ValueError(f"a script cannot say {code}")
        super().__init__(code)
        self.code = code
        self.seen = seen


SOON = dt.timedelta(days=31)
"""For how long ahead today's benefits say something about an appointment."""


@dataclass(frozen=True)
class Asked:
    """One lookup's question. Dates are dates; what was not given is None.

    Member ID and claim number come as portals keep them: in capitals, a member ID without the hyphens and spaces of its card.
    """

    member_id: str | None = None
    birth_date: dt.date | None = None
    first_name: str | None = None
    last_name: str | None = None
    service_date: dt.date | None = None
    today: dt.date | None = None
    """Where the practice is."""
    payer: str | None = None
    """At a hub: the carrier's name as its list has it."""
    claim_number: str | None = None
    service_from: dt.date | None = None
    service_to: dt.date | None = None
    with_eob: bool = False
    """Fetch the explanation of benefits of each claim too, where there is one."""
    with_era: bool = False
    """Fetch the remittance (835) of each paid claim too, where the portal offers it."""
    DATES: ClassVar[tuple[str, ...]] = ("birth_date", "service_date", "today", "service_from", "service_to")

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Asked":
        """From the run message; what a script does not know is left out."""
        known = {one.name for one in fields(cls)}
        values: dict[str, Any] = {
            name: dt.date.fromisoformat(value) if name in cls.DATES else value
            for name, value in told.items()
            if name in known and value is not None
        }
        if "member_id" in values:
            values["member_id"] = bare(values["member_id"])
        if "claim_number" in values:
            values["claim_number"] = values["claim_number"].strip().upper()
        return cls(**values)

    @property
    def day(self) -> dt.date | None:
        """The day that coverage is asked for: today, when none was given."""
        return self.service_date or self.today

    def only_today(self) -> None:
        """For portals that tell today's benefits only: an appointment soon is answered as of today (`Answer(today_only=True)`).

        Raises `NoAnswer` for a day that is over, or further away than `SOON`.
        """
        if self.day is not None and self.today is not None and not self.today <= self.day <= self.today + SOON:
            raise NoAnswer("date_not_supported")

    def is_member(self, seen: Seen) -> bool:
        """Whether this is the member ID that was asked for, however it is written."""
        return same_id(seen.text, self.member_id or "")

    def spans(self, served: dt.date) -> bool:
        """Whether a date of service lies between the two asked for; one that was not given bounds nothing."""
        return (self.service_from or served) <= served <= (self.service_to or served)


@dataclass
class Answer:
    """A result as a tree of plain dictionaries and lists whose leaves are `Value`s; None and empty ones are left out."""

    result: dict[str, Any] = field(default_factory=dict)
    unmapped: list[dict[str, Any]] = field(default_factory=list)
    today_only: bool = False
    """The portal was asked for no day: whatever day the question names, this is as of today."""

    def claims(self, found: Sequence[dict[str, Any]], *seen: Seen) -> None:
        """The claims of one patient, and how many there are: as many as were seen."""
        count = said(len(found), *seen, computed=True)
        self.result |= {"patient": found[0]["patient"], "claims": list(found), "match_count": count}

    def unplaced(self, label: str, *seen: Seen) -> None:
        """Something the page says and the schema has no place for: kept, word for word."""
        self._keep("unplaced", label, seen)

    def conflict(self, label: str, *seen: Seen) -> None:
        """Two things the page says that cannot both be right."""
        self._keep("conflict", label, seen)

    def missing(self, label: str, *seen: Seen) -> None:
        """Something that was asked for and could not be had: a paper that broke off, or that the portal does not offer."""
        self._keep("missing", label, seen)

    def known(self, label: str, seen: Seen, table: Mapping[str, Any], *, otherwise: str = "unknown") -> Value:
        """What the words stand for; a word that is not in the table is called unknown, and kept as it is."""
        found = meaning(seen, table)
        if found is None:
            self.unplaced(label, seen)
            return said(otherwise, seen)
        return found

    def check_sum(self, label: str, parts: Sequence[Value | None], total: Value | None, seen: Seen) -> None:
        """A printed total that is not the sum of its parts is a conflict."""
        if total is not None and parts and all(parts) and sum(one.value for one in parts if one) != total.value:
            self.conflict(label, seen)

    def _keep(self, why: str, label: str, seen: tuple[Seen, ...]) -> None:
        text = " | ".join(" ".join(one.text.split()) for one in seen)
        self.unmapped.append({"why": why, "label": label, "text": text, "refs": [one.ref for one in seen]})

    def to_json(self) -> dict[str, Any]:
        """`result` (plain), `evidence` (JSON Pointer → references), `computed` (pointers), `unmapped`."""
        evidence: dict[str, list[int]] = {}
        computed: list[str] = []
        plain = _flatten(self.result, "", evidence, computed)
        return {
            "result": plain,
            "evidence": evidence,
            "computed": computed,
            "unmapped": self.unmapped,
            "today_only": self.today_only,
        }


def _flatten(tree: Any, pointer: str, evidence: dict[str, list[int]], computed: list[str]) -> Any:
    if isinstance(tree, Value):
        evidence[pointer] = list(tree.refs)
        if tree.computed:
            computed.append(pointer)
        return _json(tree.value)
    if isinstance(tree, Mapping):
        made = {}
        for name, branch in tree.items():
            if branch is None:
                continue
            made[name] = _flatten(branch, f"{pointer}/{name}", evidence, computed)
        return made
    if isinstance(tree, list | tuple):
        kept = [branch for branch in tree if branch is not None]
        return [_flatten(branch, f"{pointer}/{number}", evidence, computed) for number, branch in enumerate(kept)]
    raise TypeError("an answer has dictionaries, lists and seen values, nothing else: a value needs its evidence")


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str | int | bool):
        return value
    raise TypeError(f"a value cannot be a {type(value).__name__}")
