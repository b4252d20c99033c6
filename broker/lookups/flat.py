"""A result as one row of a table: for spreadsheets and for pasting into a practice management system, in a fixed order."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

ELIGIBILITY: tuple[tuple[str, str], ...] = (
    ("Member", "patient"),
    ("Member ID", "patient.member_id"),
    ("As of", "service_date"),
    ("Coverage", "coverage.status"),
    ("Plan", "coverage.plan_name"),
    ("Group", "coverage.group_name"),
    ("Group number", "coverage.group_number"),
    ("Begins", "coverage.eligibility_begin"),
    ("Ends", "coverage.eligibility_end"),
    ("Benefit year", "coverage.benefit_year"),
    ("Annual maximum", "amount.annual_maximum.individual.limit"),
    ("Maximum used", "amount.annual_maximum.individual.used"),
    ("Maximum left", "amount.annual_maximum.individual.remaining"),
    ("Family maximum", "amount.annual_maximum.family.limit"),
    ("Family maximum used", "amount.annual_maximum.family.used"),
    ("Family maximum left", "amount.annual_maximum.family.remaining"),
    ("Deductible", "amount.deductible.individual.limit"),
    ("Deductible met", "amount.deductible.individual.used"),
    ("Deductible left", "amount.deductible.individual.remaining"),
    ("Family deductible", "amount.deductible.family.limit"),
    ("Family deductible met", "amount.deductible.family.used"),
    ("Family deductible left", "amount.deductible.family.remaining"),
    ("Orthodontic maximum", "amount.lifetime_maximum.individual.limit"),
    ("Orthodontic maximum left", "amount.lifetime_maximum.individual.remaining"),
    ("Preventive %", "benefit.diagnostic_preventive"),
    ("Basic %", "benefit.restorative_basic"),
    ("Periodontal %", "benefit.periodontics"),
    ("Endodontic %", "benefit.endodontics"),
    ("Major %", "benefit.restorative_major"),
    ("Implants %", "benefit.implants"),
    ("Orthodontics %", "benefit.orthodontics"),
    ("Copay", "all.copay"),
    ("Waiting periods", "all.waiting"),
    ("Frequencies", "all.frequency"),
    ("Missing tooth clause", "coverage.missing_tooth_clause"),
    ("Coordination", "coverage.cob_rule"),
    ("Other coverage", "all.cob"),
    ("Contradictions", "conflicts"),
    ("Read at", "provenance.captured_at"),
)
CLAIMS: tuple[tuple[str, str], ...] = (
    ("Claims found", "match_count"),
    ("List cut off", "truncated"),
    ("Patient", "claim.patient"),
    ("Claim", "claim.payer_claim_number"),
    ("Kind", "claim.kind"),
    ("Status", "claim.status"),
    ("Carrier's word", "claim.carrier_status"),
    ("Status code", "claim.codes"),
    ("Service date", "claim.service_from"),
    ("Charged", "claim.charge"),
    ("Paid", "claim.paid"),
    ("Check or EFT", "claim.payment.trace_number"),
    ("Paid on", "claim.payment.issue_date"),
    ("Carrier asks for", "claim.documents_requested"),
    ("Appeal by", "claim.appeal_deadline"),
    ("Claim contradictions", "conflicts"),
    ("Claim read at", "provenance.captured_at"),
)
PREVENTIVE = ("preventive", "preventive care", "preventive services")
"""What portals call the whole of it; Cleaning or Fluoride is a part."""
OUT_LAST = ("in", "both", "unknown", "out")
Cell = tuple[str, str | None]
"""Text, and JSON Pointer of its value (of the first, where several are named)."""


def flat(result: dict[str, Any], claim: int = 0) -> list[tuple[str, str, str | None]]:
    """(label, text, JSON Pointer of the value or None) in the order a practice management system's screen has them."""
    table = ELIGIBILITY if result["schema_version"].startswith("eligibility") else CLAIMS
    return [(label, *_value(result, where, claim)) for label, where in table]


def headings(kind: str) -> list[str]:
    """The labels."""
    return [label for label, _ in (ELIGIBILITY if kind == "eligibility" else CLAIMS)]


def _value(result: dict[str, Any], where: str, claim: int) -> Cell:
    first, _, rest = where.partition(".")
    match first:
        case "amount":
            kind, level, part = rest.split(".")
            number = _accumulator(result, kind, level)
            if number is not None and part == "limit" and result["accumulators"][number].get("unlimited"):
                return "unlimited", f"/accumulators/{number}/unlimited"
            return _at(result, f"/accumulators/{number}/{part}") if number is not None else ("", None)
        case "benefit":
            number = _benefit(result, rest)
            if number is None and rest == "diagnostic_preventive":
                number = _benefit(result, "preventive", whole=True)
            return _at(result, f"/benefits/{number}/plan_pays_percent") if number is not None else ("", None)
        case "all":
            return SEVERAL[rest](result)
        case "conflicts":
            return _conflicts(result, claim), None
        case "provenance":
            read_at = datetime.fromisoformat(result["provenance"]["captured_at"]).astimezone(UTC)
            return f"{read_at:%Y-%m-%dT%H:%M:%SZ}", None
        case "patient" if not rest:
            return _name(result.get("patient", {}), "/patient")
        case "claim":
            return _of_claim(result, rest, claim)
    return _at(result, "/" + where.replace(".", "/"))


def _of_claim(result: dict[str, Any], rest: str, number: int) -> Cell:
    claims = result.get("claims", [])
    one = claims[number] if number < len(claims) else {}
    if rest == "patient":
        own = one.get("patient")
        return _name(own, f"/claims/{number}/patient") if own else _name(result.get("patient", {}), "/patient")
    if rest == "codes":
        said = [
            "/".join(str(code[part]) for part in ("category", "code") if part in code) for code in one.get(rest, [])
        ]
        return ", ".join(said), f"/claims/{number}/codes/0/category" if said else None
    if rest == "documents_requested":
        return "; ".join(one.get(rest, [])), f"/claims/{number}/{rest}/0" if one.get(rest) else None
    return _at(result, f"/claims/{number}/" + rest.replace(".", "/"))


def _accumulator(result: dict[str, Any], kind: str, level: str) -> int | None:
    """The one of that level, in network where the portal tells them apart."""
    fitting = [
        (OUT_LAST.index(one.get("network", "unknown")), number)
        for number, one in enumerate(result.get("accumulators", []))
        if one["kind"] == kind and one.get("level", "individual") == level
    ]
    return min(fitting)[1] if fitting else None


def _benefit(result: dict[str, Any], category: str, *, whole: bool = False) -> int | None:
    """The category's one, in network where the portal tells them apart. `whole`: none of single procedures or services."""
    fitting = [
        (OUT_LAST.index(one.get("network", "unknown")), number)
        for number, one in enumerate(result.get("benefits", []))
        if one["category"] == category and "plan_pays_percent" in one and not (whole and _single(one))
    ]
    return min(fitting)[1] if fitting else None


def _single(one: dict[str, Any]) -> bool:
    """Whether it is one procedure or service (Cleaning) and not the whole category."""
    return bool(one.get("codes")) or one.get("label", one["category"]).strip().casefold() not in PREVENTIVE


def _waiting(result: dict[str, Any]) -> Cell:
    def months(one: dict[str, Any]) -> str:
        return f"{one['waiting_period_months']} months" if one.get("waiting_period_months") else ""

    return _joined(result, months, "waiting_period_months")


def _frequencies(result: dict[str, Any]) -> Cell:
    """Of categories and services; a schedule of every procedure is no line of a screen."""

    def limits(one: dict[str, Any]) -> str:
        return (
            ""
            if one.get("codes")
            else ", ".join(how["raw_text"] for how in one.get("frequency", []) if "raw_text" in how)
        )

    return _joined(result, limits, "frequency/0/raw_text")


def _copays(result: dict[str, Any]) -> Cell:
    return _joined(result, lambda one: "" if one.get("codes") else str(one.get("copay", "")), "copay")


def _joined(result: dict[str, Any], text: Callable[[dict[str, Any]], str], part: str) -> Cell:
    """What benefits say, each once, under their own names; the pointer is of the first."""
    told: dict[str, int] = {}
    for number, one in enumerate(result.get("benefits", [])):
        if words := text(one):
            told.setdefault(f"{one.get('label', one['category'])}: {words}", number)
    return "; ".join(told), f"/benefits/{next(iter(told.values()))}/{part}" if told else None


def _others(result: dict[str, Any]) -> Cell:
    """Other carriers with their order, or whether there are any."""
    found = result.get("coverage", {}).get("cob", [])
    if not found:
        return _at(result, "/coverage/other_coverage")
    told = [
        f"{one['payer_name']} ({one['order']})" if one.get("order", "unknown") != "unknown" else one["payer_name"]
        for one in found
    ]
    return "; ".join(told), "/coverage/cob/0/payer_name"


SEVERAL = {"waiting": _waiting, "frequency": _frequencies, "copay": _copays, "cob": _others}


def _conflicts(result: dict[str, Any], claim: int) -> str:
    """What contradicts itself or could not be had; of several claims not what names only others."""
    numbers = [str(one.get("payer_claim_number", "")) for one in result.get("claims", [])]
    own = numbers[claim] if claim < len(numbers) else ""
    words = {"conflict": "", "missing": "could not be had, "}
    told = [
        f"{one['label']}: {words[one['why']]}{one['text']}"
        for one in result.get("unmapped", [])
        if one["why"] in words and (_names(one["label"], own) or not any(_names(one["label"], no) for no in numbers))
    ]
    return "; ".join(told)


def _names(label: str, number: str) -> bool:
    return bool(number) and re.search(rf"(?<![\w-]){re.escape(number)}(?![\w-])", label) is not None


def _name(patient: dict[str, Any], where: str) -> Cell:
    if patient.get("full_name"):
        return patient["full_name"], f"{where}/full_name"
    told = [patient[part] for part in ("first_name", "last_name") if patient.get(part)]
    return " ".join(told), f"{where}/last_name" if "last_name" in patient else None


def _at(result: dict[str, Any], pointer: str) -> Cell:
    here: Any = result
    for step in pointer.split("/")[1:]:
        try:
            here = here[int(step)] if isinstance(here, list) else here[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return "", None
    if here is None:
        return "", None
    text = {True: "yes", False: "no"}[here] if isinstance(here, bool) else str(here)
    return text, pointer
