"""What a lookup answers, version 1: eligibility and claim status. Values are plain; `provenance` proves each of them.

Fields and conventions: X12 271 (005010X279A1) and 277 (005010X212) field lists, dental additions of the portals. `None` and
"unknown" mean that the portal did not say; nothing is guessed.
"""

from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from broker.lookups.evidence import Provenance, Unmapped, agrees, leaves
from broker.lookups.values import Code, Level, Model, Money, Network, Percent, Period, Words, npi_is_right

ELIGIBILITY, CLAIM_STATUS = "eligibility/1", "claim_status/1"


class Party(Model):
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    """As the portal prints it, where it does not keep the parts apart."""
    birth_date: date | None = None
    member_id: str | None = None
    relationship: Literal["self", "spouse", "child", "other"] | None = None


class ProviderRef(Model):
    npi: str | None = None
    tin_last4: str | None = None
    location_id: str
    name: str | None = None

    @field_validator("npi")
    @classmethod
    def _check_digit(cls, npi: str | None) -> str | None:
        if npi is not None and not npi_is_right(npi):
            raise ValueError("the NPI's check digit is wrong")
        return npi


class PayerRef(Model):
    portal: str
    name: str
    payer_id: str | None = None


class Accumulator(Model):
    """A deductible or maximum: limit, used, remaining. X12 EB01 C, F, G with EB06 23/29."""

    kind: Literal["deductible", "annual_maximum", "lifetime_maximum", "out_of_pocket_maximum"]
    level: Level = Level.INDIVIDUAL
    network: Network = Network.UNKNOWN
    period: Period = Period.UNKNOWN
    applies_to: list[str] = []
    """Categories or codes; empty: the whole plan."""
    limit: Money | None = None
    used: Money | None = None
    remaining: Money | None = None
    unlimited: bool = False
    as_of: date | None = None
    conflict: bool = False
    """The portal's own numbers do not add up; they are kept as printed, and named in `unmapped`."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        known = self.limit is not None and self.used is not None and self.remaining is not None
        if known and not self.conflict and self.limit - self.used != self.remaining:  # type: ignore[operator]
            raise ValueError("limit less used is not what remains: say conflict")
        return self


class Frequency(Model):
    quantity: int | None = Field(default=None, ge=0)
    every: int = Field(default=1, ge=1)
    unit: Period = Period.UNKNOWN
    per: Literal["patient", "tooth", "quadrant", "arch", "provider", "location"] = "patient"
    shared_with: list[str] = []
    """Codes or services that count against the same limit (X12 has no place for this: RFI 2773)."""
    used: int | None = None
    remaining: int | None = None
    last_service_date: date | None = None
    next_eligible_date: date | None = None
    eligible_now: bool | None = None
    raw_text: Words | None = None


class Benefit(Model):
    """One category or procedure. Dental portals print what the plan pays; X12 EB08 is what the patient pays."""

    category: Literal[
        "diagnostic", "preventive", "diagnostic_preventive", "restorative_basic", "restorative_major", "endodontics", "periodontics",
        "prosthodontics", "implants", "oral_surgery", "orthodontics", "adjunctive", "medical", "other",
    ]  # fmt: skip
    label: str | None = None
    """The portal's own name of it."""
    codes: list[Code] = []
    network: Network = Network.UNKNOWN
    covered: bool | None = None
    plan_pays_percent: Percent | None = None
    patient_pays_percent: Percent | None = None
    copay: Money | None = None
    deductible_applies: bool | None = None
    waiting_period_months: int | None = Field(default=None, ge=0)
    waiting_period_ends: date | None = None
    age_min: int | None = None
    age_max: int | None = None
    frequency: list[Frequency] = []
    prior_authorization: bool | None = None
    alternate_benefit: Words | None = None
    notes: Words | None = None

    @model_validator(mode="after")
    def _hundred(self) -> Self:
        plan, patient = self.plan_pays_percent, self.patient_pays_percent
        if plan is not None and patient is not None and plan + patient != 100:
            raise ValueError("what plan and patient pay must add up to 100 %")
        return self


class OtherCoverage(Model):
    order: Literal["primary", "secondary", "tertiary", "unknown"] = "unknown"
    payer_name: str
    member_id: str | None = None
    effective: date | None = None
    terminated: date | None = None
    last_updated: date | None = None


class Coverage(Model):
    status: Literal["active", "inactive", "pending", "unknown"]
    plan_name: str | None = None
    plan_type: Literal["PPO", "DHMO", "indemnity", "EPO", "HMO", "POS", "medicaid", "medicare", "other"] | None = None
    group_number: str | None = None
    group_name: str | None = None
    eligibility_begin: date | None = None
    eligibility_end: date | None = None
    plan_begin: date | None = None
    plan_end: date | None = None
    benefit_year: Literal["calendar", "plan", "unknown"] = "unknown"
    network_status: Network = Network.UNKNOWN
    network_name: str | None = None
    cob: list[OtherCoverage] = []
    other_coverage: bool | None = None
    cob_rule: Literal["standard", "non_duplication", "carve_out", "unknown"] = "unknown"
    missing_tooth_clause: bool | None = None
    prosthetic_replacement_years: int | None = None
    claims_address: str | None = None
    timely_filing_days: int | None = None


class ServiceHistory(Model):
    code: str
    service_date: date
    tooth: str | None = None
    surface: str | None = None
    quadrant: str | None = None


class Adjustment(Model):
    """Why less was paid. CARC and RARC only where the portal or the 835 prints them; the carrier's words as they are."""

    group: Literal["CO", "PR", "OA", "PI"] | None = None
    carc: str | None = None
    rarc: list[str] = []
    carrier_code: str | None = None
    carrier_text: Words | None = None
    amount: Money | None = None


class Payment(Model):
    method: Literal["check", "eft", "virtual_card", "none", "unknown"] = "unknown"
    trace_number: str | None = None
    issue_date: date | None = None
    cleared_date: date | None = None
    bulk_total: Money | None = None
    payee: str | None = None


class ClaimLine(Model):
    line: int = Field(ge=1)
    code: str
    submitted_code: str | None = None
    """When it was downgraded or bundled."""
    label: str | None = None
    modifier: list[str] = []
    tooth: str | None = None
    surface: str | None = None
    quadrant: str | None = None
    service_date: date | None = None
    charge: Money | None = None
    allowed: Money | None = None
    deductible: Money | None = None
    coinsurance: Money | None = None
    patient_resp: Money | None = None
    paid: Money | None = None
    adjustments: list[Adjustment] = []


class StatusCode(Model):
    """X12 code source 507 (category) and 508 (code); values only."""

    category: str | None = None
    code: str | None = None
    entity: str | None = None
    effective: date | None = None


class Recovery(Model):
    reason: str | None = None
    amount: Money
    offset_date: date | None = None
    original_claim: str | None = None


class ClaimStatus(Model):
    payer_claim_number: str | None = None
    patient_control_number: str | None = None
    kind: Literal["claim", "predetermination", "encounter"] = "claim"
    status: Literal[
        "received", "accepted", "rejected", "in_process", "pended", "info_requested", "paid", "partially_paid", "denied",
        "processed_no_payment", "reversed", "forwarded", "predetermination", "unknown",
    ]  # fmt: skip
    carrier_status: str | None = None
    """The carrier's exact word."""
    codes: list[StatusCode] = []
    patient: Party | None = None
    rendering_provider: str | None = None
    service_from: date | None = None
    service_to: date | None = None
    received_date: date | None = None
    processed_date: date | None = None
    charge: Money | None = None
    allowed: Money | None = None
    paid: Money | None = None
    patient_resp: Money | None = None
    payment: Payment | None = None
    adjustments: list[Adjustment] = []
    lines: list[ClaimLine] = []
    documents_requested: list[str] = []
    appeal_deadline: date | None = None
    overpayment: list[Recovery] = []
    eob_artifact_id: str | None = None
    era_artifact_id: str | None = None


MEANT = frozenset({
    "status", "kind", "level", "network", "network_status", "period", "unit", "per", "category", "benefit_year", "cob_rule",
    "plan_type", "order", "method", "group", "relationship", "eob_artifact_id", "era_artifact_id",
})  # fmt: skip
"""Fields whose values are words of ours: what the page prints is beside them."""


def _name(pointer: str) -> str:
    return next(step for step in reversed(pointer.split("/")) if not step.isdigit())


class _Result(Model):
    """What both results have; `_proved` is the promise of this package: no value without its evidence."""

    lookup_id: str
    payer: PayerRef
    provider: ProviderRef
    patient: Party
    unmapped: list[Unmapped] = []
    provenance: Provenance

    @model_validator(mode="after")
    def _proved(self) -> Self:
        own = {"provenance", "unmapped", "lookup_id", "schema_version", "payer", "provider", "service_date"}
        told = self.model_dump(exclude=own, exclude_defaults=True)
        known = {one.artifact_id for one in self.provenance.artifacts}
        values = dict(leaves(told))
        full = dict(leaves(self.model_dump(exclude={"provenance", "unmapped"})))
        for pointer in values:
            if pointer not in self.provenance.fields:
                raise ValueError(f"there is no evidence for {pointer}")
        for pointer, sightings in self.provenance.fields.items():
            if pointer not in full:
                raise ValueError(f"evidence points nowhere: {pointer}")
            if not sightings or any(one.artifact_id not in known for one in sightings if one.artifact_id):
                raise ValueError(f"evidence for {pointer} names an unknown artifact")
            if not agrees(full[pointer], sightings, meant=_name(pointer) in MEANT):
                raise ValueError(f"the value at {pointer} is not in what was seen")
        return self


class EligibilityResult(_Result):
    schema_version: Literal["eligibility/1"] = "eligibility/1"
    subscriber: Party | None = None
    service_date: date
    coverage: Coverage
    accumulators: list[Accumulator] = []
    benefits: list[Benefit] = []
    history: list[ServiceHistory] = []
    disclaimer: Words | None = None


class ClaimStatusResult(_Result):
    schema_version: Literal["claim_status/1"] = "claim_status/1"
    claims: list[ClaimStatus]
    match_count: int = Field(ge=0)
    """How many claims the portal says it found."""
    truncated: bool = False
    """The portal found more than it lists: this is not all of them."""


Result = EligibilityResult | ClaimStatusResult


def parse(kind: str, told: dict[str, Any]) -> Result:
    """The result of that kind. Raises pydantic's ValidationError."""
    return (EligibilityResult if kind == "eligibility" else ClaimStatusResult).model_validate(told)
