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
    assert read.item[0].adjudication[-1].reason.text == "Downgraded"
    assert read.payment.identifier.value == "48213377"
