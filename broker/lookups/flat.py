"""A result as one row of a table: for spreadsheets and for pasting into a practice management system, in a fixed order."""

from typing import Any

ELIGIBILITY: tuple[tuple[str, str], ...] = (
    ("Coverage", "coverage.status"),
    ("Plan", "coverage.plan_name"),
    ("Group", "coverage.group_name"),
    ("Group number", "coverage.group_number"),
    ("Begins", "coverage.eligibility_begin"),
    ("Ends", "coverage.eligibility_end"),
    ("Benefit year", "coverage.benefit_year"),
    ("Annual maximum", "annual_maximum.limit"),
    ("Maximum used", "annual_maximum.used"),
    ("Maximum left", "annual_maximum.remaining"),
    ("Deductible", "deductible.limit"),
    ("Deductible met", "deductible.used"),
    ("Deductible left", "deductible.remaining"),
    ("Preventive %", "benefit.diagnostic_preventive"),
    ("Basic %", "benefit.restorative_basic"),
    ("Periodontal %", "benefit.periodontics"),
    ("Endodontic %", "benefit.endodontics"),
    ("Major %", "benefit.restorative_major"),
    ("Implants %", "benefit.implants"),
    ("Orthodontics %", "benefit.orthodontics"),
    ("Missing tooth clause", "coverage.missing_tooth_clause"),
    ("Coordination", "coverage.cob_rule"),
)
CLAIMS: tuple[tuple[str, str], ...] = (
    ("Claims found", "match_count"),
    ("Claim", "claim.payer_claim_number"),
    ("Status", "claim.status"),
    ("Carrier's word", "claim.carrier_status"),
    ("Service date", "claim.service_from"),
    ("Charged", "claim.charge"),
    ("Paid", "claim.paid"),
    ("Check or EFT", "claim.payment.trace_number"),
    ("Paid on", "claim.payment.issue_date"),
)


def flat(result: dict[str, Any], claim: int = 0) -> list[tuple[str, str, str | None]]:
    """(label, text, JSON Pointer of the value or None) in the order a practice management system's screen has them."""
    table = ELIGIBILITY if result["schema_version"].startswith("eligibility") else CLAIMS
    return [(label, *_value(result, where, claim)) for label, where in table]


def headings(kind: str) -> list[str]:
    """The labels."""
    return [label for label, _ in (ELIGIBILITY if kind == "eligibility" else CLAIMS)]


def _value(result: dict[str, Any], where: str, claim: int) -> tuple[str, str | None]:
    first, _, rest = where.partition(".")
    if first in ("annual_maximum", "deductible"):
        number = _accumulator(result, first)
        return _at(result, f"/accumulators/{number}/{rest}") if number is not None else ("", None)
    if first == "benefit":
        number = _benefit(result, rest)
        return _at(result, f"/benefits/{number}/plan_pays_percent") if number is not None else ("", None)
    if first == "claim":
        return _at(result, f"/claims/{claim}/" + rest.replace(".", "/"))
    return _at(result, "/" + where.replace(".", "/"))


def _accumulator(result: dict[str, Any], kind: str) -> int | None:
    """The individual one, in network where the portal tells them apart."""
    fitting = [
        (one.get("network", "unknown") == "out", number)
        for number, one in enumerate(result.get("accumulators", []))
        if one["kind"] == kind and one.get("level", "individual") == "individual"
    ]
    return min(fitting)[1] if fitting else None


def _benefit(result: dict[str, Any], category: str) -> int | None:
    fitting = [
        (one.get("network", "unknown") == "out", number)
        for number, one in enumerate(result.get("benefits", []))
        if one["category"] == category and "plan_pays_percent" in one
    ]
    return min(fitting)[1] if fitting else None


def _at(result: dict[str, Any], pointer: str) -> tuple[str, str | None]:
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
