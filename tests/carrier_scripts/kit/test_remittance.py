"""What a script makes of an 835: of this claim, whole, a payment and not a test."""

import asyncio
from decimal import Decimal

import pytest

from carrier_scripts.kit import Answer, PageChanged, remittance
from carrier_scripts.kit.reading import Seen, Value

ENVELOPE = "ISA*00*          *00*          *ZZ*LAB            *ZZ*SAGUARO        *261118*0900*^*00501*000000001*0*{}*:"


class Link:
    """A link on a check register, and the file behind it."""

    def __init__(self, mark: str, number: str = "HC17") -> None:
        self.segments = [ENVELOPE.format(mark), "ST*835*0001", f"CLP*{number}*1*189*98*0*12*{number}"]

    async def read(self) -> Seen:
        return Seen("48213377", 0)

    async def read_835(self) -> list[Seen]:
        return [Seen(text, ref) for ref, text in enumerate(self.segments, 1)]


def fetched(link: Link) -> tuple[dict[str, Value], Answer]:
    claim = {"payer_claim_number": Value("HC17", (0,)), "paid": Value(Decimal(98), (0,))}
    answer = Answer()
    asyncio.run(remittance(link, claim, answer))
    return claim, answer


def test_a_payment_is_kept_and_contradicts_nothing() -> None:
    claim, answer = fetched(Link("P"))
    assert "era_artifact_id" in claim
    assert answer.unmapped == []


def test_a_test_file_contradicts_the_paid_claim() -> None:
    _, answer = fetched(Link("T"))
    (said,) = answer.unmapped
    assert said["why"] == "conflict"
    assert "marked as a test" in said["label"]


def test_a_file_of_another_claim_is_a_changed_page() -> None:
    with pytest.raises(PageChanged):
        fetched(Link("P", number="HC18"))
