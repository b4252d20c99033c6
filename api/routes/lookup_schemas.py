"""What the lookup API is, for programs: OpenAPI, the results' JSON Schemas, the closed list of failures."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api import openapi
from api.access import signed_in
from api.shapes import ErrorKind, NewLookup, Schemas, answers
from broker.lookups import schema
from broker.lookups.failures import FAILURES

router = APIRouter()
RESULTS: dict[str, type[BaseModel]] = {
    "eligibility": schema.EligibilityResult,
    "claim_status": schema.ClaimStatusResult,
}


@router.get("/api/v1/openapi.json", dependencies=[signed_in("no secret: how to call this API", keys=True)])
def document(request: Request) -> dict[str, Any]:
    """OpenAPI of everything under /api/v1."""
    kept = request.app.state
    if not hasattr(kept, "openapi"):  # it takes a second, and never changes
        kept.openapi = openapi.document(request.app)
    made: dict[str, Any] = kept.openapi
    return made


@router.get(
    "/api/v1/schemas", dependencies=[signed_in("no secret: the shape of results", keys=True)], **answers(Schemas)
)
def schemas() -> dict[str, Any]:
    """JSON Schema (2020-12) of a question and of each result, and the closed list of failures."""
    return {
        "lookup": NewLookup.model_json_schema(),
        **{name: model.model_json_schema(mode="serialization") for name, model in RESULTS.items()},
        "failures": {code: ErrorKind.model_validate(one).model_dump() for code, one in FAILURES.items()},
    }
