"""Papers that were asked for: kept, or named as missing."""

from typing import Any

import pytest

from carrier_scripts.kit import Answer, Asked
from carrier_scripts.kit.claims import paid_claims, unkept_papers
from carrier_scripts.kit.reading import Seen, Value

EOB, ERA = "Explanation of benefits of claim HC17", "Remittance of claim HC17"


def claim(status: str, *kept: str, **more: Any) -> dict[str, Any]:
    number = Value("HC17", (3,))
    return {
        "payer_claim_number": number,
        "status": Value(status, (4,)),
        **dict.fromkeys(kept, Value("kept", (5,))),
    } | more


def named(one: dict[str, Any], asked: Asked) -> list[str]:
    answer = Answer({"claims": [one]})
    unkept_papers(answer, asked)
    assert all((told["why"], told["refs"], told["text"]) == ("missing", [3], "HC17") for told in answer.unmapped)
    return [told["label"] for told in answer.unmapped]


@pytest.mark.parametrize(
    ("one", "missing"),
    [
        (claim("paid"), [EOB, ERA]),
        (claim("paid", "eob_artifact_id"), [ERA]),
        (claim("paid", "eob_artifact_id", "era_artifact_id"), []),
        (claim("denied"), [EOB]),
        (claim("processed_no_payment"), [EOB]),
        (claim("in_process"), []),
        (claim("unknown", payment={"trace_number": Value("48213377", (6,))}), [EOB, ERA]),
    ],
)
def test_a_paper_that_was_asked_for_and_not_kept_is_named(one: dict[str, Any], missing: list[str]) -> None:
    assert named(one, Asked(with_eob=True, with_era=True)) == [f"{label}: not fetched" for label in missing]


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (claim("paid"), True),
        (claim("unknown", payment={"trace_number": Value("48213377", (6,))}), True),
        (claim("denied"), False),
        (claim("in_process"), False),
    ],
)
def test_the_remittance_of_a_claim_is_fetched_when_it_is_paid(one: dict[str, Any], wanted: bool) -> None:
    assert paid_claims(Answer({"claims": [one]})) == ([one] if wanted else [])


def test_a_paper_that_nobody_asked_for_is_not_named() -> None:
    assert named(claim("paid"), Asked()) == []


def test_a_paper_that_broke_off_is_named_once() -> None:
    answer = Answer({"claims": [claim("paid")]})
    answer.missing(EOB, Seen("EOB (PDF)", 7))
    unkept_papers(answer, Asked(with_eob=True))
    assert [told["label"] for told in answer.unmapped] == [EOB]
