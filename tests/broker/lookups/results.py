"""Results for tests: small, whole, and proved."""

from copy import deepcopy
from typing import Any

NOW = "2026-11-21T12:00:00Z"
TEXTS: dict[str, str] = {
    "/patient/member_id": "HD100042731",
    "/patient/birth_date": "03/17/1984",
    "/patient/full_name": "Ada Dunmore",
    "/coverage/status": "Active coverage",
    "/coverage/plan_name": "Choice",
    "/accumulators/0/kind": "Calendar-year maximum",
    "/accumulators/0/limit": "$1,500.00",
    "/accumulators/0/used": "$475.00",
    "/accumulators/0/remaining": "$1,025.00",
    "/benefits/0/category": "Basic restorative",
    "/benefits/0/plan_pays_percent": "80 %",
    "/benefits/0/patient_pays_percent": "80 %",
}


def eligibility(**changed: str) -> dict[str, Any]:
    """A result as the engine builds it; `changed` replaces what was seen (dots for slashes in names)."""
    texts = TEXTS | changed
    fields = {
        pointer: [{"raw_text": text, "page": "benefits", "computed": pointer.endswith("patient_pays_percent")}]
        for pointer, text in texts.items()
    }
    return deepcopy(
        {
            "lookup_id": "lkp_1",
            "payer": {"portal": "harborline", "name": "Harborline"},
            "provider": {"location_id": "loc_1", "npi": "1999999984"},
            "patient": {"member_id": "HD100042731", "birth_date": "1984-03-17", "full_name": "Ada Dunmore"},
            "service_date": "2026-11-21",
            "coverage": {"status": "active", "plan_name": "Choice"},
            "accumulators": [{"kind": "annual_maximum", "limit": "1500", "used": "475", "remaining": "1025"}],
            "benefits": [{"category": "restorative_basic", "plan_pays_percent": "80", "patient_pays_percent": "20"}],
            "provenance": provenance(fields),
        }
    )


def claim() -> dict[str, Any]:
    """One paid claim with one line."""
    texts = {
        "/patient/member_id": "HD100042731",
        "/claims/0/payer_claim_number": "HC2630100017",
        "/claims/0/status": "Paid",
        "/claims/0/carrier_status": "Paid",
        "/claims/0/charge": "$189.00",
        "/claims/0/paid": "$98.00",
        "/claims/0/payment/trace_number": "48213377",
        "/claims/0/lines/0/line": "D2391",
        "/claims/0/lines/0/code": "D2391",
        "/claims/0/lines/0/charge": "$189.00",
        "/claims/0/lines/0/paid": "$98.00",
        "/claims/0/lines/0/adjustments/0/carrier_text": "Downgraded",
        "/match_count": "1 claims",
    }
    fields = {pointer: [{"raw_text": text, "computed": pointer.endswith("/line")}] for pointer, text in texts.items()}
    line = {"line": 1, "code": "D2391", "charge": "189", "paid": "98", "adjustments": [{"carrier_text": "Downgraded"}]}
    return {
        "lookup_id": "lkp_2",
        "payer": {"portal": "harborline", "name": "Harborline"},
        "provider": {"location_id": "loc_1", "npi": "1999999984"},
        "patient": {"member_id": "HD100042731"},
        "claims": [
            {
                "payer_claim_number": "HC2630100017",
                "status": "paid",
                "carrier_status": "Paid",
                "charge": "189",
                "paid": "98",
                "payment": {"trace_number": "48213377"},
                "lines": [line],
            }
        ],
        "match_count": 1,
        "provenance": provenance(fields),
    }


def provenance(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "portal": "harborline",
        "portal_account_id": "acc_1",
        "location_id": "loc_1",
        "script_version": "d" * 64,
        "portal_session_id": "ses_1",
        "lease_id": "lea_1",
        "requested_by": "usr_1",
        "actor_kind": "user",
        "started_at": NOW,
        "captured_at": NOW,
        "fields": fields,
    }
