"""835 files: payments, claims, adjustments, balances; linked to the claims that portals show."""

from datetime import date
from decimal import Decimal

import pytest

from broker.base.errors import Incomplete
from broker.lookups import remittance

SAMPLE = """ISA*00*          *00*          *ZZ*DENTALPAYER    *ZZ*SAGUARO        *261118*0900*^*00501*000000905*0*P*:~
GS*HP*DENTALPAYER*SAGUARO*20261118*0900*905*X*005010X221A1~
ST*835*0001~
BPR*I*213*C*ACH*CCP*01*999999992*DA*123456*1512345678**01*999988880*DA*98765*20261118~
TRN*1*71700666555*1512345678~
DTM*405*20261117~
N1*PR*DENTAL OF ABC~
N3*225 MAIN STREET~
N4*CENTERVILLE*PA*17111~
REF*2U*12345~
N1*PE*SAGUARO FAMILY DENTAL*XX*1999999984~
LX*1~
CLP*PCN001*1*189*98*40*12*HC2630100017*11~
NM1*QC*1*DUNMORE*ADA****MI*HD100042731~
NM1*82*1*STROUD*AMAYA****XX*1999999984~
DTM*232*20261028~
DTM*233*20261028~
DTM*050*20261029~
SVC*AD:D2391*189*98**1*AD:D2391~
DTM*472*20261028~
CAS*CO*45*51~
CAS*PR*1*15*1*2*25~
REF*6R*1~
AMT*B6*138~
LQ*HE*N59~
CLP*PCN002*22*-65*-65**12*HC2630100018~
NM1*QC*1*KESTREL*BORIS****MI*HD100042732~
SVC*AD:D0274*-65*-65~
DTM*472*20260901~
CLP*PCN003*1*300*200*100*12*HC2630100019~
CAS*PR*2*100~
NM1*QC*1*QUESADA*CARMELA****MI*HD100042733~
PLB*1999999984*20261231*WO:HC2500100001*20~
SE*32*0001~
GE*1*905~
IEA*1*000000905~
"""


def parsed(text: str = SAMPLE) -> remittance.Payment:
    (payment,) = remittance.parse(text.encode())
    return payment


def test_a_payment_with_its_claims_lines_and_adjustments() -> None:
    payment = parsed()
    assert (payment.amount, payment.method, payment.trace_number, payment.paid_on) == (
        Decimal(213),
        "ACH",
        "71700666555",
        date(2026, 11, 18),
    )
    assert (payment.payer, payment.payee_npi) == ("DENTAL OF ABC", "1999999984")
    first = payment.claims[0]
    assert (first.payer_claim_number, first.patient_control_number, first.member_id) == (
        "HC2630100017",
        "PCN001",
        "HD100042731",
    )
    (line,) = first.lines
    assert (line.code, line.charge, line.paid, line.allowed, line.service_date) == (
        "D2391",
        189,
        98,
        138,
        date(2026, 10, 28),
    )
    assert [(one.group, one.carc, one.amount) for one in line.adjustments] == [
        ("CO", "45", 51),
        ("PR", "1", 15),
        ("PR", "2", 25),
    ]
    assert line.rarc == ["N59"]
    assert payment.claims[1].status == "22"
    assert payment.provider_adjustments == [remittance.ProviderAdjustment("WO", "HC2500100001", Decimal(20))]
    assert payment.problems == []


def test_payments_are_linked_to_the_claim_the_portal_shows() -> None:
    ((payment, claim),) = remittance.linked([parsed()], "HC-26301-00017")
    assert (payment.trace_number, claim.paid) == ("71700666555", Decimal(98))
    assert remittance.linked([parsed()], "HC9") == []


def test_what_does_not_add_up_is_named_and_kept() -> None:
    payment = parsed(SAMPLE.replace("CAS*CO*45*51~", "CAS*CO*45*50~").replace("SE*32*", "SE*31*"))
    assert payment.claims[0].paid == 98
    assert any("claim HC2630100017, line 1" in one for one in payment.problems)
    assert any("segments" in one for one in payment.problems)


def test_other_separators_are_read_from_the_envelope() -> None:
    assert parsed(SAMPLE.replace("*", "|").replace("~", "!")).amount == 213
    piped = parsed(SAMPLE.replace(":", "|"))
    assert (piped.claims[0].lines[0].code, piped.problems) == ("D2391", [])


def test_a_payment_that_breaks_off_before_the_next_is_never_passed_over() -> None:
    whole = SAMPLE[SAMPLE.index("ST*") : SAMPLE.index("GE*")]
    cut = whole[: whole.index("SE*")] + whole
    with pytest.raises(Incomplete, match="breaks off"):
        remittance.parse(SAMPLE.replace(whole, cut).encode())


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("GE*1*905", "GE*2*905"),
        ("GE*1*905", "GE*1*906"),
        ("GE*1*905~\n", ""),
        ("GE*1*905", "GS*HP*A*B*20261101*0900*906*X*005010X221A1~\nGE*0*906"),
        ("IEA*1*0", "IEA*2*0"),
        ("IEA*1*000000905", "IEA*1*000000906"),
    ],
)
def test_an_envelope_that_counts_more_than_there_is_says_that_one_may_be_missing(there: str, instead: str) -> None:
    assert any("may be missing" in one for one in parsed(SAMPLE.replace(there, instead)).problems)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>Sorry</html>",
        SAMPLE[: len(SAMPLE) // 2],
        SAMPLE.replace("ST*835", "ST*837"),
        SAMPLE.replace("CLP*PCN001*1*189", "CLP*PCN001*1*many"),
    ],
)
def test_what_is_no_whole_835_is_refused(text: str) -> None:
    with pytest.raises(Incomplete):
        remittance.parse(text.encode())


def test_the_labs_own_835_is_read() -> None:
    from carrier_scripts.lab import documents, founding, people
    from carrier_scripts.lab.northgate import Northgate

    carrier = founding.carrier("northgate")
    book = people.book(carrier, Northgate.statuses, Northgate.paid, Northgate.denied, date(2026, 11, 21))
    claim = next(one for one in book.claims if one.check)
    text = documents.remittance_835(carrier, founding.location(claim.location), claim, date(2026, 11, 21))
    payment = parsed(text)
    assert (payment.trace_number, payment.amount) == (claim.check, claim.paid)
    assert [line.code for line in payment.claims[0].lines] == [line.code for line in claim.lines]
    assert remittance.linked([payment], claim.number)


@pytest.mark.parametrize(("mark", "test"), [("P", False), ("T", True), ("", True)])
def test_a_file_that_is_not_marked_as_production_is_a_test(mark: str, test: bool) -> None:
    assert parsed(SAMPLE.replace("*0*P*:", f"*0*{mark or ' '}*:")).test is test


def test_an_interchange_without_an_end_before_the_next_says_that_a_payment_may_be_missing() -> None:
    cut = SAMPLE[: SAMPLE.index("IEA*")] + SAMPLE
    assert any("interchange of the file has no end" in one for one in remittance.parse(cut.encode())[0].problems)
