"""Claims as carriers print them: service lines in a table whose columns have names of their own everywhere, the EOB as PDF, the 835."""

from dataclasses import astuple, dataclass
from typing import Any

from carrier_scripts.kit.lookups import Answer, Asked
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.page import HostRefused, Locator
from carrier_scripts.kit.reading import PageChanged, Row, Seen, Table, Value, money, need, part, said, words

EOB = "Explanation of benefits"
ERA = "Remittance"
PAID = frozenset({"paid"})
DECIDED = PAID | {"denied", "processed_no_payment", "reversed"}
"""How a claim stands when there is something to explain."""


@dataclass(frozen=True)
class ServiceLines:
    """Which column of the table holds what."""

    code: str
    label: str
    tooth: str
    charge: str
    allowed: str
    paid: str
    remark: str
    """The carrier's own words about the line; blank when it has none."""

    def read(self, table: Table) -> list[dict[str, Any]]:
        """Every line in order. Raises `PageChanged` when a column or a procedure is missing."""
        table.expect(*astuple(self))
        return [self._line(number, row) for number, row in enumerate(table, 1)]

    def _line(self, number: int, row: Row) -> dict[str, Any]:
        remark: Seen = row[self.remark]
        return {
            "line": said(number, row[self.code], computed=True),
            "code": need(words(row[self.code]), "the procedure"),
            "label": words(row[self.label]),
            "tooth": words(row[self.tooth]),
            "charge": money(row[self.charge]),
            "allowed": money(row[self.allowed]),
            "paid": money(row[self.paid]),
            "adjustments": [] if remark.blank else [{"carrier_text": words(remark)}],
        }


def totals(claim: dict[str, Any]) -> None:
    """What was charged and paid, as the sum of the lines, where the page prints no sum of its own."""
    for name in ("charge", "paid"):
        parts = [line[name] for line in claim["lines"]]
        if claim.get(name) is None and parts and all(parts):
            refs = tuple(ref for part in parts for ref in part.refs)
            claim[name] = Value(sum(part.value for part in parts), refs, computed=True)


async def explanation(link: Locator, claim: dict[str, Any], answer: Answer) -> None:
    """Fetch the EOB, page by page. It must be of this claim (raises `PageChanged`); its total should be the one of the page.

    A paper that does not come whole costs the claim nothing: it is named as missing.
    """
    label = await link.read()
    try:
        lines = [line for sheet in await link.read_pdf() for line in sheet]
    except HostRefused as refused:
        if refused.code != Outcome.UNRECOGNISED:
            raise
        answer.missing(f"{EOB} of claim {claim['payer_claim_number'].value}", label)
        return
    number = claim["payer_claim_number"].value
    own = next((line for line in lines if number in line.text), None)
    if own is None:
        raise PageChanged("the explanation of benefits is of another claim")
    claim["eob_artifact_id"] = said("kept", own)
    total = next((found for line in lines if (found := part(line, r"^Total paid: (\$\S+)$"))), None)
    paid = money(total) if total else None
    if total and paid and claim.get("paid") and paid.value != claim["paid"].value:
        answer.conflict("Total paid on the EOB", total)


async def remittance(link: Locator, claim: dict[str, Any], answer: Answer) -> None:
    """Fetch the 835. It must pay this claim (raises `PageChanged`); the amount should be the one of the page.

    One that does not come whole is named as missing; one that is marked as a test contradicts a paid claim.
    """
    number, label = claim["payer_claim_number"].value, await link.read()
    try:
        segments = await link.read_835()
    except HostRefused as refused:
        if refused.code != Outcome.UNRECOGNISED:
            raise
        answer.missing(f"{ERA} of claim {number}", label)
        return
    claims = [one for one in segments if one.text.startswith("CLP*")]
    own = next((one for one in claims if number in one.text.split("*")), None)
    if own is None:
        raise PageChanged("the remittance is of other claims")
    claim["era_artifact_id"] = said("kept", own)
    if segments[0].text.split("*")[15:16] != ["P"]:
        answer.conflict(f"The remittance of claim {number} is marked as a test, not as a payment", segments[0])
    paid = part(own, r"^CLP\*[^*]*\*[^*]*\*[^*]*\*([\d.]+)")
    told = money(paid) if paid else None
    if told and claim.get("paid") and told.value != claim["paid"].value:
        answer.conflict("Paid in the remittance", own)


def paid_claims(answer: Answer) -> list[dict[str, Any]]:
    """The claims that should have a remittance: those with a payment, or said to be paid."""
    return [one for one in answer.result.get("claims", []) if _stands(one, PAID)]


def _stands(claim: dict[str, Any], standing: frozenset[str]) -> bool:
    status = claim.get("status")
    return "payment" in claim or (status is not None and status.value in standing)


def unkept_papers(answer: Answer, asked: Asked) -> None:
    """Each paper that was asked for and is not kept is named as missing: the portal offers none, or its script fetches none.

    The explanation of a claim that is decided, the remittance of one that is paid.
    """
    named = {one["label"] for one in answer.unmapped}
    wanted = [(EOB, "eob_artifact_id", DECIDED)] if asked.with_eob else []
    wanted += [(ERA, "era_artifact_id", PAID)] if asked.with_era else []
    for claim in answer.result.get("claims", []):
        number = claim["payer_claim_number"]
        for paper, kept, standing in wanted:
            if _stands(claim, standing) and kept not in claim and f"{paper} of claim {number.value}" not in named:
                seen = (Seen(str(number.value), ref) for ref in number.refs)
                answer.missing(f"{paper} of claim {number.value}: not fetched", *seen)
