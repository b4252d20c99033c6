"""The results of lookups as types, written by tests/client_types.py from the published JSON Schemas. Amounts are strings."""

from typing import Literal, NotRequired, TypedDict


class Accumulator(TypedDict):
    kind: Literal["deductible", "annual_maximum", "lifetime_maximum", "out_of_pocket_maximum"]
    level: Literal["individual", "family", "employee", "other"]
    network: Literal["in", "out", "both", "unknown"]
    period: Literal[
        "calendar_year", "service_year", "contract", "lifetime", "rolling", "year", "month", "day", "visit", "unknown"
    ]
    applies_to: list[str]
    limit: NotRequired[str]
    used: NotRequired[str]
    remaining: NotRequired[str]
    unlimited: bool
    as_of: NotRequired[str]
    conflict: bool


class Adjustment(TypedDict):
    group: NotRequired[Literal["CO", "PR", "OA", "PI"]]
    carc: NotRequired[str]
    rarc: list[str]
    carrier_code: NotRequired[str]
    carrier_text: NotRequired[str]
    amount: NotRequired[str]


class Artifact(TypedDict):
    artifact_id: str
    kind: Literal["screenshot", "pdf", "csv", "edi835"]
    sha256: str
    bytes: int
    captured_at: str
    recording_id: NotRequired[str]
    recording_offset_ms: NotRequired[int]


class Frequency(TypedDict):
    quantity: NotRequired[int]
    every: int
    unit: Literal[
        "calendar_year", "service_year", "contract", "lifetime", "rolling", "year", "month", "day", "visit", "unknown"
    ]
    per: Literal["patient", "tooth", "quadrant", "arch", "provider", "location"]
    shared_with: list[str]
    used: NotRequired[int]
    remaining: NotRequired[int]
    last_service_date: NotRequired[str]
    next_eligible_date: NotRequired[str]
    eligible_now: NotRequired[bool]
    raw_text: NotRequired[str]


class Benefit(TypedDict):
    category: Literal[
        "diagnostic",
        "preventive",
        "diagnostic_preventive",
        "restorative_basic",
        "restorative_major",
        "endodontics",
        "periodontics",
        "prosthodontics",
        "implants",
        "oral_surgery",
        "orthodontics",
        "adjunctive",
        "medical",
        "other",
    ]
    label: NotRequired[str]
    codes: list[str]
    network: Literal["in", "out", "both", "unknown"]
    covered: NotRequired[bool]
    plan_pays_percent: NotRequired[str]
    patient_pays_percent: NotRequired[str]
    copay: NotRequired[str]
    deductible_applies: NotRequired[bool]
    waiting_period_months: NotRequired[int]
    waiting_period_ends: NotRequired[str]
    age_min: NotRequired[int]
    age_max: NotRequired[int]
    frequency: list[Frequency]
    prior_authorization: NotRequired[bool]
    alternate_benefit: NotRequired[str]
    notes: NotRequired[str]


class ClaimLine(TypedDict):
    line: int
    code: str
    submitted_code: NotRequired[str]
    label: NotRequired[str]
    modifier: list[str]
    tooth: NotRequired[str]
    surface: NotRequired[str]
    quadrant: NotRequired[str]
    service_date: NotRequired[str]
    charge: NotRequired[str]
    allowed: NotRequired[str]
    deductible: NotRequired[str]
    coinsurance: NotRequired[str]
    patient_resp: NotRequired[str]
    paid: NotRequired[str]
    adjustments: list[Adjustment]


class StatusCode(TypedDict):
    category: NotRequired[str]
    code: NotRequired[str]
    entity: NotRequired[str]
    effective: NotRequired[str]


class Party(TypedDict):
    first_name: NotRequired[str]
    last_name: NotRequired[str]
    full_name: NotRequired[str]
    birth_date: NotRequired[str]
    member_id: NotRequired[str]
    relationship: NotRequired[Literal["self", "spouse", "child", "other"]]


class Payment(TypedDict):
    method: Literal["check", "eft", "virtual_card", "none", "unknown"]
    trace_number: NotRequired[str]
    issue_date: NotRequired[str]
    cleared_date: NotRequired[str]
    bulk_total: NotRequired[str]
    payee: NotRequired[str]


class Recovery(TypedDict):
    reason: NotRequired[str]
    amount: str
    offset_date: NotRequired[str]
    original_claim: NotRequired[str]


class ClaimStatus(TypedDict):
    payer_claim_number: NotRequired[str]
    patient_control_number: NotRequired[str]
    kind: Literal["claim", "predetermination", "encounter"]
    status: Literal[
        "received",
        "accepted",
        "rejected",
        "in_process",
        "pended",
        "info_requested",
        "paid",
        "partially_paid",
        "denied",
        "processed_no_payment",
        "reversed",
        "forwarded",
        "predetermination",
        "unknown",
    ]
    carrier_status: NotRequired[str]
    codes: list[StatusCode]
    patient: NotRequired[Party]
    rendering_provider: NotRequired[str]
    service_from: NotRequired[str]
    service_to: NotRequired[str]
    received_date: NotRequired[str]
    processed_date: NotRequired[str]
    charge: NotRequired[str]
    allowed: NotRequired[str]
    paid: NotRequired[str]
    patient_resp: NotRequired[str]
    payment: NotRequired[Payment]
    adjustments: list[Adjustment]
    lines: list[ClaimLine]
    documents_requested: list[str]
    appeal_deadline: NotRequired[str]
    overpayment: list[Recovery]
    eob_artifact_id: NotRequired[str]
    era_artifact_id: NotRequired[str]


class PayerRef(TypedDict):
    portal: str
    name: str
    payer_id: NotRequired[str]


class ProviderRef(TypedDict):
    npi: NotRequired[str]
    tin_last4: NotRequired[str]
    location_id: str
    name: NotRequired[str]


class Sighting(TypedDict):
    artifact_id: NotRequired[str]
    recording_id: NotRequired[str]
    recording_offset_ms: NotRequired[int]
    page: NotRequired[str]
    frame: NotRequired[str]
    selector: NotRequired[str]
    pdf_page: NotRequired[int]
    box: NotRequired[list[float]]
    method: Literal["dom", "pdf_text", "csv", "edi", "human"]
    raw_text: str
    computed: bool


class Unmapped(TypedDict):
    why: Literal["unplaced", "conflict", "missing"]
    label: str
    text: str
    evidence: list[Sighting]


class Provenance(TypedDict):
    portal: str
    portal_account_id: str
    location_id: str
    script_version: str
    portal_session_id: str
    lease_id: str
    requested_by: str
    actor_kind: Literal["user", "service", "system", "operator"]
    started_at: str
    captured_at: str
    artifacts: list[Artifact]
    fields: dict[str, list[Sighting]]


class ClaimStatusResult(TypedDict):
    lookup_id: str
    payer: PayerRef
    provider: ProviderRef
    patient: Party
    unmapped: list[Unmapped]
    provenance: Provenance
    schema_version: Literal["claim_status/1"]
    claims: list[ClaimStatus]
    match_count: int
    truncated: bool


class OtherCoverage(TypedDict):
    order: Literal["primary", "secondary", "tertiary", "unknown"]
    payer_name: str
    member_id: NotRequired[str]
    effective: NotRequired[str]
    terminated: NotRequired[str]
    last_updated: NotRequired[str]


class Coverage(TypedDict):
    status: Literal["active", "inactive", "pending", "unknown"]
    plan_name: NotRequired[str]
    plan_type: NotRequired[Literal["PPO", "DHMO", "indemnity", "EPO", "HMO", "POS", "medicaid", "medicare", "other"]]
    group_number: NotRequired[str]
    group_name: NotRequired[str]
    eligibility_begin: NotRequired[str]
    eligibility_end: NotRequired[str]
    plan_begin: NotRequired[str]
    plan_end: NotRequired[str]
    benefit_year: Literal["calendar", "plan", "unknown"]
    network_status: Literal["in", "out", "both", "unknown"]
    network_name: NotRequired[str]
    cob: list[OtherCoverage]
    other_coverage: NotRequired[bool]
    cob_rule: Literal["standard", "non_duplication", "carve_out", "unknown"]
    missing_tooth_clause: NotRequired[bool]
    prosthetic_replacement_years: NotRequired[int]
    claims_address: NotRequired[str]
    timely_filing_days: NotRequired[int]


class ServiceHistory(TypedDict):
    code: str
    service_date: str
    tooth: NotRequired[str]
    surface: NotRequired[str]
    quadrant: NotRequired[str]


class EligibilityResult(TypedDict):
    lookup_id: str
    payer: PayerRef
    provider: ProviderRef
    patient: Party
    unmapped: list[Unmapped]
    provenance: Provenance
    schema_version: Literal["eligibility/1"]
    subscriber: NotRequired[Party]
    service_date: str
    coverage: Coverage
    accumulators: list[Accumulator]
    benefits: list[Benefit]
    history: list[ServiceHistory]
    disclaimer: NotRequired[str]
