"""The shapes of what the lookup API answers, for the published OpenAPI; tests hold every real answer against them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from broker.lookups import service as lookups
from broker.lookups.ask import LONGEST_AGE_S, Ask
from broker.lookups.failures import LookupFailure
from broker.lookups.schema import ClaimStatusResult, EligibilityResult

State = Literal[
    "queued", "waiting_session", "waiting_code", "running", "needs_human", "done", "failed", "blocked_by_policy",
    "cancelled",
]  # fmt: skip


class Shape(BaseModel):
    """Base: nothing but what is named here."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Soon(Shape):
    """How soon an answer is wanted, and how old it may be."""

    priority: Literal["interactive", "normal", "batch"] = "normal"
    deadline: datetime | None = None
    max_age_s: int | None = Field(default=None, ge=0, le=LONGEST_AGE_S, description="a result this recent will do")


class NewLookup(Soon, lookups.Ask):
    """What to ask, and how soon: the body of a POST to /api/v1/lookups."""


class LookupState(Shape):
    """One lookup without its patient."""

    id: str
    kind: Literal["eligibility", "claim_status"]
    state: State
    words: str = Field(description="how it stands, in one sentence")
    portal: str
    portal_name: str
    location: str
    location_name: str
    priority: int = Field(description="0 a person waits, 5 a program, 9 a batch")
    created_at: datetime
    ended_at: datetime | None
    deadline: datetime | None
    next_try_at: datetime | None
    batch_id: str | None
    requested_by: str
    error: LookupFailure | None
    result_id: str | None
    captured_at: datetime | None = Field(description="when the portal showed what its result says")
    runs: int = Field(description="how often it was started")


class LookupAnswer(LookupState):
    """One lookup with its patient: what was asked and, once it is done, what was found."""

    question: Ask
    result: EligibilityResult | ClaimStatusResult | None


class LookupList(Shape):
    data: list[LookupState]
    next_cursor: str | None


class Previous(Shape):
    """The last answer to the same question before this one."""

    result: EligibilityResult | ClaimStatusResult | None


class PaidClaim(Shape):
    """A claim of the lookup as an 835 file pays it."""

    payer_claim_number: str
    payment: dict[str, Any] = Field(description="check or EFT, payer, payee, what does not balance")
    claim: dict[str, Any] = Field(description="the claim's loop: amounts, lines, adjustments")


class RefusedFile(Shape):
    """A claim whose 835 is no payment."""

    payer_claim_number: str
    words: str


class PaidClaims(Shape):
    data: list[PaidClaim]
    refused: list[RefusedFile] = Field(
        description="files that are marked as a test, cannot be read or pay other claims: not to be posted"
    )


class RowProblem(Shape):
    row: int = Field(description="as a spreadsheet counts: the heading is row 1")
    words: str


class BatchCounts(Shape):
    """How many rows, by what became of them. A state nobody is in may be left out."""

    read: int
    problems: int
    duplicates: int
    queued: int
    running: int = 0
    needs_human: int = 0
    done: int = 0
    failed: int = 0
    blocked_by_policy: int = 0
    cancelled: int = 0


class Batch(Shape):
    id: str
    name: str
    state: Literal["running", "paused", "cancelled", "done"]
    created_at: datetime
    not_before: datetime | None
    requested_by: str
    rows: int
    counts: BatchCounts
    problems: list[RowProblem]


class BatchList(Shape):
    data: list[Batch]
    next_cursor: str | None


class Webhook(Shape):
    id: str
    url: str
    created_at: datetime


class WebhookList(Shape):
    data: list[Webhook]


class CreatedWebhook(Shape):
    """A new subscriber; `secret` is shown this once."""

    id: str
    url: str
    secret: str


class WrongField(Shape):
    field: str
    problem: str


class Problem(BaseModel):
    """Problem details (RFC 9457), `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str = Field(description="one sentence for a person")
    code: str = Field(description="for programs")
    request_id: str | None = None
    fields: list[WrongField] | None = None


class ErrorKind(BaseModel):
    """One line of the closed list of failures."""

    model_config = ConfigDict(from_attributes=True)

    retry: Literal["no", "after_fix", "later", "now"]
    words: str
    human_action: str
    x12_aaa: str | None


class Schemas(BaseModel):
    """JSON Schema (2020-12) of a question and of each result, and the closed list of failures."""

    lookup: dict[str, Any]
    eligibility: dict[str, Any]
    claim_status: dict[str, Any]
    failures: dict[str, ErrorKind]


class FhirEntry(BaseModel):
    resource: dict[str, Any]


class FhirBundle(BaseModel):
    """FHIR R4B Bundle of type collection."""

    resourceType: Literal["Bundle"]  # noqa: N815 - FHIR's own name
    type: Literal["collection"]
    entry: list[FhirEntry]


def answers(model: type[BaseModel], status: int = 200, words: str = "") -> dict[str, Any]:
    """Arguments of a route that answers plain data of this shape."""
    told: dict[str, Any] = {"model": model} | ({"description": words} if words else {})
    return {"status_code": status, "response_model": None, "responses": {status: told}}


def streams(*types: str, words: str) -> dict[str, Any]:
    """Arguments of a route that answers something else than JSON."""
    told = {"description": words, "content": {one: {} for one in types}}
    return {"response_class": Response, "response_model": None, "responses": {200: told}}
