"""What goes into a practice management system: the family's amounts, limits, contradictions, and when it was read."""

from broker.lookups import flat
from broker.lookups.schema import parse
from tests.broker.lookups import results


def told(document: dict) -> dict[str, str]:
    return {label: text for label, text, _ in flat.flat(document)}


def test_amounts_of_the_family_stand_under_their_own_names() -> None:
    document = parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)
    document["accumulators"][0]["level"] = "family"
    assert (told(document)["Family maximum left"], told(document)["Maximum left"]) == ("1025", "")


def test_limits_waits_other_carriers_and_contradictions_are_told() -> None:
    document = parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)
    document["benefits"] += [
        {"category": "preventive", "label": "Cleaning", "frequency": [{"raw_text": "2 a year"}]},
        {"category": "restorative_major", "waiting_period_months": 12, "copay": "20"},
    ]
    document["coverage"]["cob"] = [{"payer_name": "Foxglove", "order": "primary"}]
    document["unmapped"] = [
        {"why": "conflict", "label": "Deductible", "text": "$50 | $75"},
        {"why": "missing", "label": "EOB", "text": "View"},
    ]
    row = told(document)
    assert (row["Frequencies"], row["Waiting periods"]) == ("Cleaning: 2 a year", "restorative_major: 12 months")
    assert (row["Copay"], row["Other coverage"]) == ("restorative_major: 20", "Foxglove (primary)")
    assert (row["Contradictions"], row["Read at"]) == (
        "Deductible: $50 | $75; EOB: could not be had, View",
        results.NOW,
    )


def test_what_one_claim_lacks_is_not_told_of_the_others() -> None:
    document = parse("claim_status", results.claim()).model_dump(mode="json", exclude_none=True)
    document["claims"] = [document["claims"][0] | {"payer_claim_number": number} for number in ("HL-1", "HL-2")]
    document["unmapped"] = [
        {"why": "missing", "label": "EOB of claim HL-2: not fetched", "text": "HL-2"},
        {"why": "conflict", "label": "Paid", "text": "$50 | $75"},
    ]
    told_of = [dict((label, text) for label, text, _ in flat.flat(document, claim)) for claim in (0, 1)]
    both = "Paid: $50 | $75"
    assert [one["Claim contradictions"] for one in told_of] == [
        both, f"EOB of claim HL-2: not fetched: could not be had, HL-2; {both}",
    ]  # fmt: skip


def test_each_value_points_to_its_evidence() -> None:
    document = parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)
    own = {"/service_date", "/provenance/captured_at"}
    pointers = {pointer for _, _, pointer in flat.flat(document) if pointer} - own
    meant_by_silence = {"/coverage/benefit_year", "/coverage/cob_rule"}
    assert pointers - meant_by_silence <= set(document["provenance"]["fields"])


def test_an_unlimited_maximum_and_a_plain_preventive_percent_are_told() -> None:
    document = parse("eligibility", results.eligibility()).model_dump(mode="json", exclude_none=True)
    document["accumulators"] = [{"kind": "annual_maximum", "unlimited": True}]
    document["benefits"] += [
        {"category": "preventive", "label": "Fluoride", "plan_pays_percent": "50"},
        {"category": "preventive", "label": "Preventive", "plan_pays_percent": "100"},
    ]
    row = told(document)
    assert (row["Annual maximum"], row["Preventive %"]) == ("unlimited", "100")
    del document["benefits"][-1]
    assert told(document)["Preventive %"] == ""
