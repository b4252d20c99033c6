"""FHIR R4B resources that fhir.resources itself accepts."""

from fhir.resources.R4B.claimresponse import ClaimResponse
from fhir.resources.R4B.coverageeligibilityresponse import CoverageEligibilityResponse

from broker.lookups import fhir
from broker.lookups.schema import parse
from tests.broker.lookups import results


def test_eligibility_is_a_valid_coverage_eligibility_response() -> None:
    document = parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)
    (resource,) = fhir.exported(document)
    read = CoverageEligibilityResponse.model_validate(resource)
    assert read.insurance[0].inforce is True
    maximum = read.insurance[0].item[0].benefit[0]
    assert (str(maximum.allowedMoney.value), str(maximum.usedMoney.value)) == ("1500", "475")
    assert read.contained[0].birthDate.isoformat() == "1984-03-17"


def test_each_claim_is_a_valid_claim_response() -> None:
    document = parse("claim_status", results.claim()).model_dump(mode="json", exclude_none=True)
    (resource,) = fhir.exported(document)
    read = ClaimResponse.model_validate(resource)
    assert (read.identifier[0].value, read.disposition, read.outcome) == ("HC2630100017", "Paid", "complete")
    (line,) = read.addItem
    assert (line.productOrService.coding[0].code, line.adjudication[-1].reason.text) == ("D2391", "Downgraded")
    assert read.payment.identifier.value == "48213377"


def test_what_the_portal_did_not_say_is_not_said_in_fhir_either() -> None:
    document = parse("claim_status", results.claim()).model_dump(mode="json", exclude_none=True)
    document["claims"][0]["status"] = "unknown"
    (resource,) = fhir.exported(document)
    assert "outcome" not in resource
    assert resource["_outcome"]["extension"][0]["valueCode"] == "unknown"
    document = parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)
    document["coverage"]["status"] = "unknown"
    (resource,) = fhir.exported(document)
    assert next(one for one in resource["contained"] if one["resourceType"] == "Coverage")["status"] == "active"
    assert "inforce" not in resource["insurance"][0]


def test_a_payment_stays_when_only_the_lines_say_how_much() -> None:
    document = parse("claim_status", results.claim()).model_dump(mode="json", exclude_none=True)
    del document["claims"][0]["paid"]
    (resource,) = fhir.exported(document)
    assert ClaimResponse.model_validate(resource).payment.amount.value == 98
    del document["claims"][0]["lines"][0]["paid"]
    (resource,) = fhir.exported(document)
    assert resource["processNote"][0]["text"] == "Check or EFT 48213377"


def test_amounts_that_contradict_each_other_say_so() -> None:
    document = parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)
    document["accumulators"][0] |= {"remaining": "900", "conflict": True}
    (resource,) = fhir.exported(document)
    item = CoverageEligibilityResponse.model_validate(resource).insurance[0].item[0]
    assert item.description == "remaining 900 USD; the portal's numbers contradict each other"
