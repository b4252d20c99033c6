"""Lookups as data: ask, look, list, cancel. Pages are in `lookup_pages`, streams in `lookup_events`."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from api.access import HereNow, permits
from api.idempotency import of_patients, once
from api.shapes import FhirBundle, LookupAnswer, LookupList, LookupState, PaidClaims, Previous, Soon, answers
from broker.base.errors import Conflict, Incomplete
from broker.base.unit import Unit
from broker.identity.policy import Permission
from broker.lookups import fhir, payments, proof, showing
from broker.lookups import service as lookups
from broker.lookups.models import Lookup
from broker.vault.service import Vault

router = APIRouter()
ASKERS = [permits(Permission.LOOKUP_RUN, keys=True)]
WATCHERS = [permits(Permission.LOOKUP_RUN, keys=True, watching=True)]


@router.post(
    "/api/v1/lookups", dependencies=ASKERS, **answers(LookupState, 202, "queued: where to look is in `Location`")
)
def submit(
    here: HereNow,
    told: dict[str, Any],
    response: Response,
    idempotency_key: Annotated[str | None, Header(max_length=100)] = None,
) -> dict[str, Any]:
    """202 with where to look; the same Idempotency-Key asks once (24 h), with another body it answers 422."""
    asked, soon = _parsed(told)
    with here.unit() as work:

        def submitted() -> str:
            return lookups.submit(
                work,
                here.portunus.vault,
                asked,
                priority=lookups.PRIORITIES[soon.priority],
                deadline=soon.deadline,
                max_age_s=soon.max_age_s,
            ).id

        body = of_patients(work, here.portunus.vault, json.dumps(told, sort_keys=True)) if idempotency_key else ""
        lookup_id = once(work, "lookup", idempotency_key, body, submitted)
        shown = as_data(work, lookups.own(work, lookup_id))
    response.headers["Location"] = f"/api/v1/lookups/{lookup_id}"
    return shown


def _parsed(told: dict[str, Any]) -> tuple[lookups.Ask, Soon]:
    soon = {name: value for name, value in told.items() if name in Soon.model_fields}
    try:
        when = Soon.model_validate(soon)
    except ValueError as wrong:
        raise Incomplete("priority, deadline (ISO 8601 with zone) or max_age_s cannot be read.") from wrong
    if when.deadline is not None and when.deadline.tzinfo is None:
        raise Incomplete("The deadline needs a time zone, such as 2026-11-21T17:00:00-07:00.")
    return lookups.parsed({name: value for name, value in told.items() if name not in soon}), when


@router.get("/api/v1/lookups", dependencies=WATCHERS, **answers(LookupList))
def listing(
    here: HereNow,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = showing.PAGE,
    state: Annotated[str | None, Query(max_length=20)] = None,
    batch_id: Annotated[str | None, Query(max_length=60)] = None,
) -> dict[str, Any]:
    """Newest first; `next_cursor` leads on. Without patients: those come one lookup at a time, each on record."""
    with here.reading() as work:
        rows = lookups.listed(work, cursor=cursor, limit=limit, state=state, batch_id=batch_id)
        return {
            "data": [as_data(work, row) for row in rows],
            "next_cursor": rows[-1].id if len(rows) == limit else None,
        }


@router.get("/api/v1/lookups/{lookup_id}", dependencies=ASKERS, **answers(LookupAnswer))
def get(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """How it stands; with `question` and, once it is done, `result`; `error.evidence` says where a failure was seen."""
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "api")
        result = lookups.result_of(work, here.portunus.vault, row)
        question = showing.question_of(work, here.portunus.vault, row)
        return as_told(work, here.portunus.vault, row) | {"question": question, "result": result}


@router.get("/api/v1/lookups/{lookup_id}/state", dependencies=WATCHERS, **answers(LookupState))
def state_of(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """How it stands, without any patient: for those who poll."""
    with here.reading() as work:
        return as_data(work, lookups.own(work, lookup_id))


@router.post("/api/v1/lookups/{lookup_id}/cancel", dependencies=ASKERS, **answers(LookupState))
def cancel(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """Take it out of the queue; 409 when the portal has been asked."""
    with here.unit() as work:
        return as_data(work, lookups.cancel(work, lookup_id))


@router.post("/api/v1/lookups/{lookup_id}/retry", dependencies=ASKERS, **answers(LookupState))
def retry(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """What a person had to put right is put right."""
    with here.unit() as work:
        return as_data(work, lookups.again(work, lookup_id))


@router.get("/api/v1/lookups/{lookup_id}/previous", dependencies=ASKERS, **answers(Previous))
def previous(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """The last answer to the same question before this one."""
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "previous")
        return {"result": lookups.previous(work, here.portunus.vault, row)}


@router.get("/api/v1/lookups/{lookup_id}/payments", dependencies=ASKERS, **answers(PaidClaims))
def payments_of(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """What the 835 files say that were fetched with this lookup, linked to its claims; files that are no payment are `refused`."""
    with here.unit() as work:
        found = payments.of_lookup(work, here.portunus.vault, here.portunus.blobs, lookup_id)
        return {"data": found.payments, "refused": found.refused}


@router.get("/api/v1/lookups/{lookup_id}/fhir", dependencies=ASKERS, **answers(FhirBundle))
def as_fhir(here: HereNow, lookup_id: str) -> dict[str, Any]:
    """The result as a FHIR R4B Bundle: CoverageEligibilityResponse, or a ClaimResponse per claim. 409 when there is none yet."""
    with here.unit() as work:
        row = lookups.own(work, lookup_id)
        lookups.released(work, row, "fhir")
        result = lookups.result_of(work, here.portunus.vault, row)
    if result is None:
        raise Conflict("This lookup has no result.")
    entries = [{"resource": one} for one in fhir.exported(result)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def as_data(work: Unit, row: Lookup) -> dict[str, Any]:
    """One lookup without its patient, as JSON."""
    shown = asdict(lookups.shown(work, row))
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in shown.items()}


def as_told(work: Unit, vault: Vault, row: Lookup) -> dict[str, Any]:
    """The same for whoever may see the patient: a failure with where it was seen."""
    told = as_data(work, row)
    if told["error"] is not None:
        seen = proof.of_failure(work, vault, row)
        told["error"]["evidence"] = [one.model_dump(mode="json", exclude_none=True) for one in seen]
    return told
