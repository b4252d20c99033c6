"""Results as FHIR R4B resources, validated by fhir.resources before they leave: CoverageEligibilityResponse and ClaimResponse.

Our names, not licensed descriptions: procedure codes go out as values under the code system's address, categories as text.
"""

from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from broker.base.errors import Unavailable

CDT = "http://www.ada.org/cdt"
MONEY = "USD"
NPI = "http://hl7.org/fhir/sid/us-npi"
BENEFIT = "http://terminology.hl7.org/CodeSystem/benefit-type"
TERM = "http://terminology.hl7.org/CodeSystem/benefit-term"
UNIT = "http://terminology.hl7.org/CodeSystem/benefit-unit"
NETWORK = "http://terminology.hl7.org/CodeSystem/benefit-network"
CLAIM_TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"
ADJUDICATION = "http://terminology.hl7.org/CodeSystem/adjudication"
PORTAL = "urn:portunus:portal"
KINDS = {
    "deductible": "deductible",
    "annual_maximum": "benefit",
    "lifetime_maximum": "benefit",
    "out_of_pocket_maximum": "benefit",
}
TERMS = {
    "calendar_year": "annual",
    "service_year": "annual",
    "contract": "annual",
    "year": "annual",
    "lifetime": "lifetime",
    "day": "day",
}
OUTCOME = {
    "received": "queued",
    "accepted": "queued",
    "in_process": "queued",
    "pended": "queued",
    "info_requested": "partial",
    "rejected": "error",
    "unknown": None,
}
NOT_SAID = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
"""For what FHIR requires and the portal did not say."""
TOOTH = "http://terminology.hl7.org/CodeSystem/ex-tooth"
LINE = (("charge", "submitted"), ("allowed", "eligible"), ("deductible", "deductible"), ("paid", "benefit"))
LINE_WORDS = (("coinsurance", "coinsurance"), ("patient_resp", "patient's share"))
"""Amounts for which the code system has no code."""


def exported(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources as JSON; one per claim. Raises `Unavailable` when one would not be valid FHIR."""
    from fhir.resources.R4B.claimresponse import ClaimResponse
    from fhir.resources.R4B.coverageeligibilityresponse import CoverageEligibilityResponse

    told: list[tuple[Any, dict[str, Any]]] = (
        [(CoverageEligibilityResponse, _eligibility(result))]
        if result["schema_version"].startswith("eligibility")
        else [(ClaimResponse, _claim(result, claim, number)) for number, claim in enumerate(result["claims"])]
    )
    made = []
    for model, document in told:
        try:
            made.append(model.model_validate(document).model_dump(mode="json", exclude_none=True))
        except ValidationError as wrong:
            raise Unavailable("This result cannot be written as FHIR.", code="not-fhir") from wrong
    return made


def _common(result: dict[str, Any], patient: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": "active",
        "created": result["provenance"]["captured_at"],
        "patient": {"reference": "#patient"},
        "insurer": {"reference": "#insurer"},
        "contained": [
            _patient(result, patient),
            {"resourceType": "Organization", "id": "insurer", "name": result["payer"]["name"]},
        ],
        "identifier": [{"system": "urn:portunus:lookup", "value": result["lookup_id"]}],
    }


def _patient(result: dict[str, Any], patient: dict[str, Any]) -> dict[str, Any]:
    name = {"family": patient.get("last_name"), "given": [patient["first_name"]] if patient.get("first_name") else None}
    if patient.get("full_name"):
        name["text"] = patient["full_name"]
    made: dict[str, Any] = {"resourceType": "Patient", "id": "patient"}
    if _said(name):
        made["name"] = [_said(name)]
    if patient.get("birth_date"):
        made["birthDate"] = patient["birth_date"]
    if patient.get("member_id"):
        made["identifier"] = [{"system": f"{PORTAL}:{result['payer']['portal']}", "value": patient["member_id"]}]
    return made


def _eligibility(result: dict[str, Any]) -> dict[str, Any]:
    coverage = result["coverage"]
    plan = _said({
        "resourceType": "Coverage", "id": "coverage", "status": "active",  # of this record; whether it is in force stands beside it, where the portal says so
        "beneficiary": {"reference": "#patient"}, "payor": [{"reference": "#insurer"}],
        "subscriberId": result["patient"].get("member_id"),
        "class": [
            _said({"type": {"text": kind}, "value": coverage.get(value), "name": coverage.get(name)})
            for kind, value, name in (("group", "group_number", "group_name"), ("plan", "plan_name", "plan_name")) if coverage.get(value)
        ] or None,
    })  # fmt: skip
    common = _common(result, result["patient"])
    common["contained"].append(plan)
    period = _said({"start": coverage.get("eligibility_begin"), "end": coverage.get("eligibility_end")})
    insurance: dict[str, Any] = {"coverage": {"reference": "#coverage"}}
    if coverage["status"] in ("active", "inactive"):
        insurance["inforce"] = coverage["status"] == "active"
    if period:
        insurance["benefitPeriod"] = period
    items = [_accumulator(one) for one in result.get("accumulators", [])] + [
        _benefit(one) for one in result.get("benefits", [])
    ]
    if items:
        insurance["item"] = items
    return common | {
        "resourceType": "CoverageEligibilityResponse",
        "purpose": ["benefits"],
        "servicedDate": result["service_date"],
        "request": {"display": f"Portunus lookup {result['lookup_id']}"},
        "outcome": "complete",
        "insurance": [insurance],
    }


def _accumulator(one: dict[str, Any]) -> dict[str, Any]:
    benefit: dict[str, Any] = {
        "type": {"coding": [{"system": BENEFIT, "code": KINDS[one["kind"]]}], "text": one["kind"].replace("_", " ")}
    }
    if "limit" in one:
        benefit["allowedMoney"] = _money(one["limit"])
    if "used" in one:
        benefit["usedMoney"] = _money(one["used"])
    item: dict[str, Any] = {
        "name": f"{one.get('level', 'individual')} {one['kind'].replace('_', ' ')}",
        "unit": {"coding": [{"system": UNIT, "code": "family" if one.get("level") == "family" else "individual"}]},
        "benefit": [benefit],
    }
    notes = [f"remaining {one['remaining']} {MONEY}"] if "remaining" in one else []
    if one.get("conflict"):
        notes.append("the portal's numbers contradict each other")
    if notes:
        item["description"] = "; ".join(notes)
    if one.get("period") in TERMS:
        item["term"] = {"coding": [{"system": TERM, "code": TERMS[one["period"]]}]}
    return item | _network(one)


def _benefit(one: dict[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {
        "name": one.get("label", one["category"]),
        "category": {"text": one["category"].replace("_", " ")},
    }
    if one.get("codes"):
        item["productOrService"] = {"coding": [{"system": CDT, "code": code} for code in one["codes"]]}
        item.pop("category")
    notes = []
    if "plan_pays_percent" in one:
        notes.append(f"plan pays {one['plan_pays_percent']} %")
    if "waiting_period_months" in one:
        notes.append(f"waiting period {one['waiting_period_months']} months")
    notes += [how["raw_text"] for how in one.get("frequency", []) if "raw_text" in how]
    if notes:
        item["description"] = "; ".join(notes)
    if one.get("covered") is False:
        item["excluded"] = True
    if "prior_authorization" in one:
        item["authorizationRequired"] = one["prior_authorization"]
    return item | _network(one)


def _claim(result: dict[str, Any], claim: dict[str, Any], number: int) -> dict[str, Any]:
    patient = claim.get("patient") or result["patient"]
    common = _common(result, patient)
    common["identifier"] = [
        {
            "system": f"{PORTAL}:{result['payer']['portal']}",
            "value": claim.get("payer_claim_number", f"{result['lookup_id']}-{number}"),
        }
    ]
    outcome = OUTCOME.get(claim["status"], "complete")
    made: dict[str, Any] = common | {
        "resourceType": "ClaimResponse",
        "type": {"coding": [{"system": CLAIM_TYPE, "code": "oral"}]},
        "use": "predetermination" if claim.get("kind") == "predetermination" else "claim",
        "requestor": {"identifier": {"system": NPI, "value": result["provider"]["npi"]}} if result["provider"].get("npi") else None,
        "disposition": claim.get("carrier_status"),
        "addItem": [_line(line) for line in claim.get("lines", [])] or None,
        "total": [
            {"category": {"coding": [{"system": ADJUDICATION, "code": code}]}, "amount": _money(claim[name])}
            for name, code in (("charge", "submitted"), ("allowed", "eligible"), ("paid", "benefit")) if name in claim
        ] or None,
    }  # fmt: skip
    made |= {"outcome": outcome} if outcome else {"_outcome": NOT_SAID}
    if payment := claim.get("payment"):
        made |= _payment(claim, payment)
    return _said(made)


def _payment(claim: dict[str, Any], payment: dict[str, Any]) -> dict[str, Any]:
    """Check or EFT with the claim's amount, which is the sum of its lines where the portal prints no other; without any, a note."""
    lines = claim.get("lines", [])
    paid = claim.get("paid")
    if paid is None and lines and all("paid" in line for line in lines):
        paid = str(sum(Decimal(line["paid"]) for line in lines))
    if paid is None:
        told = " ".join(payment[part] for part in ("trace_number", "issue_date") if part in payment)
        return {"processNote": [{"number": 1, "text": f"Check or EFT {told}"}]} if told else {}
    return {"payment": _said({
        "type": {"text": payment.get("method", "unknown")}, "amount": _money(paid), "date": payment.get("issue_date"),
        "identifier": {"value": payment["trace_number"]} if payment.get("trace_number") else None,
    })}  # fmt: skip


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """What the payer did with a procedure. An `addItem`: no request of ours is there for an `item` to point into."""
    told = [
        {"category": {"coding": [{"system": ADJUDICATION, "code": code}]}, "amount": _money(line[name])}
        for name, code in LINE
        if name in line
    ]
    told += [{"category": {"text": words}, "amount": _money(line[name])} for name, words in LINE_WORDS if name in line]
    told += [
        _said({
            "category": {"text": "carrier's remark" if "carrier_text" in one else "adjustment"},
            "reason": {"text": one.get("carrier_text") or "-".join(one[part] for part in ("group", "carc") if part in one)},
            "amount": _money(one["amount"]) if "amount" in one else None,
        })
        for one in line.get("adjustments", [])
        if "carrier_text" in one or "carc" in one
    ]  # fmt: skip
    return _said({
        "productOrService": _said({"coding": [{"system": CDT, "code": line["code"]}], "text": line.get("label")}),
        "modifier": [{"text": one} for one in line.get("modifier", [])] or None,
        "servicedDate": line.get("service_date"),
        "bodySite": {"coding": [{"system": TOOTH, "code": line["tooth"]}]} if "tooth" in line else None,
        "subSite": [{"text": line["surface"]}] if "surface" in line else None,
        "adjudication": told or [{"category": {"text": "not said"}}],
    })  # fmt: skip


def _network(one: dict[str, Any]) -> dict[str, Any]:
    code = {"in": "in", "out": "out"}.get(one.get("network", ""))
    return {"network": {"coding": [{"system": NETWORK, "code": code}]}} if code else {}


def _money(amount: str) -> dict[str, Any]:
    return {"value": amount, "currency": MONEY}


def _said(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
