"""X12 835 files (005010X221A1): payments, claims, service lines, adjustments; and which of our claims each one pays.

Everything is checked that the file lets us check: envelope counts, and that each balance adds up as the guide says
(1.10.2: charge less adjustments is paid). What does not is named, never mended.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from broker.base.errors import Incomplete

LARGEST = 8_000_000
MOST_SEGMENTS = 400_000


@dataclass
class Adjusted:
    """One CAS reason: group (CO, PR, OA, PI), CARC value, amount."""

    group: str
    carc: str
    amount: Decimal
    quantity: Decimal | None = None


@dataclass
class PaidLine:
    """One SVC loop."""

    code: str
    submitted_code: str | None
    modifiers: list[str]
    charge: Decimal
    paid: Decimal
    service_date: date | None = None
    allowed: Decimal | None = None
    control_number: str | None = None
    adjustments: list[Adjusted] = field(default_factory=list)
    rarc: list[str] = field(default_factory=list)


@dataclass
class PaidClaim:
    """One CLP loop."""

    patient_control_number: str
    status: str
    """CLP02: 1 primary, 2 secondary, 4 denied, 22 reversal, 25 predetermination …"""
    charge: Decimal
    paid: Decimal
    patient_responsibility: Decimal | None
    payer_claim_number: str | None
    patient_last_name: str | None = None
    patient_first_name: str | None = None
    member_id: str | None = None
    rendering_npi: str | None = None
    service_from: date | None = None
    service_to: date | None = None
    received: date | None = None
    adjustments: list[Adjusted] = field(default_factory=list)
    rarc: list[str] = field(default_factory=list)
    lines: list[PaidLine] = field(default_factory=list)


@dataclass
class ProviderAdjustment:
    """One PLB reason: money moved that belongs to no claim here (overpayment recovery WO, forwarding balance FB …)."""

    reason: str
    reference: str | None
    amount: Decimal


@dataclass
class Payment:
    """One ST/SE transaction: one check or EFT."""

    control: str
    amount: Decimal
    method: str
    """BPR04: ACH, CHK, FWT, NON."""
    paid_on: date | None
    trace_number: str | None
    payer: str | None = None
    payee: str | None = None
    payee_npi: str | None = None
    claims: list[PaidClaim] = field(default_factory=list)
    provider_adjustments: list[ProviderAdjustment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What does not add up."""
    test: bool = False
    """The sender marks the file as a test (ISA15 is not P): no money moved."""


def parse(data: bytes) -> list[Payment]:
    """Every payment of a file. Raises `Incomplete` for what is no whole 835."""
    if len(data) > LARGEST:
        raise Incomplete("The 835 is larger than 8 MB. Split it.", code="file-too-large")
    payments: list[Payment] = []
    reader: _Reader | None = None
    envelope, counted, mark = _Envelope(), 0, ":"
    for segment in _segments(data):
        counted += 1
        if segment[0] == "ST":
            if reader is not None:
                raise Incomplete("A payment of the 835 breaks off before its end.")
            if segment[1:2] != ["835"]:
                raise Incomplete("This X12 file is no 835.")
            reader, counted = _Reader(segment[2] if len(segment) > 2 else "", mark), 1
        elif segment[0] == "SE":
            if reader is None:
                raise Incomplete("The 835 has an end without a beginning.")
            payment = reader.payment()
            if segment[1:3] != [str(counted), payment.control]:
                payment.problems.append("the transaction does not have as many segments as it says, or another number")
            payment.test = envelope.test
            payments.append(payment)
            envelope.payment()
            reader = None
        elif segment[0] in ("ISA", "GS", "GE", "IEA"):
            if reader is not None:
                raise Incomplete("A payment of the 835 breaks off before its end.")
            envelope.take(segment)
            mark = segment[16] if segment[0] == "ISA" else mark
        elif reader is not None:
            try:
                reader.take(segment)
            except (IndexError, ValueError, InvalidOperation) as wrong:
                raise Incomplete(f"A {segment[0]} segment of the 835 cannot be read.") from wrong
    if reader is not None or not payments:
        raise Incomplete("The 835 breaks off before its end.")
    for payment in payments:
        payment.problems += envelope.problems + _imbalances(payment)
    return payments


@dataclass
class _Envelope:
    """ISA/IEA and GS/GE: whether as many payments are here as were sent."""

    problems: list[str] = field(default_factory=list)
    _interchange: list[str] = field(default_factory=list)
    _group: list[str] = field(default_factory=list)
    _groups: int = 0
    _payments: int = 0
    _closed: bool = False

    @property
    def test(self) -> bool:
        """Whether the interchange is anything but production data."""
        return self._interchange[15] != "P"

    def payment(self) -> None:
        self._payments += 1

    def take(self, segment: list[str]) -> None:
        """Raises `Incomplete` for an ISA that is no ISA."""
        match segment[0]:
            case "ISA":
                if len(segment) != 17 or len(segment[16]) != 1:
                    raise Incomplete("This is no X12 file: its ISA segment cannot be read.")
                if self._interchange and not self._closed:
                    self.problems.append("an interchange of the file has no end: a payment may be missing")
                self._interchange, self._group, self._groups, self._closed = segment, [], 0, False
            case "GS":
                if self._group:
                    self.problems.append("a group of the file has no end: a payment may be missing")
                self._group, self._payments = segment, 0
                self._groups += 1
            case "GE":
                if segment[1:3] != [str(self._payments), *self._group[6:7]]:
                    self.problems.append(
                        "the file does not have as many payments as its group says: one may be missing"
                    )
                self._group = []
            case "IEA":
                if self._group or segment[1:3] != [str(self._groups), *self._interchange[13:14]]:
                    self.problems.append("the file does not have as many groups as it says: one may be missing")
                self._group, self._closed = [], True


def linked(payments: list[Payment], payer_claim_number: str) -> list[tuple[Payment, PaidClaim]]:
    """The payments of one claim, by the payer's number for it; reversals and corrections come as further ones."""
    wanted = _bare(payer_claim_number)
    return [
        (payment, claim)
        for payment in payments
        for claim in payment.claims
        if claim.payer_claim_number and _bare(claim.payer_claim_number) == wanted
    ]


def _segments(data: bytes) -> list[list[str]]:
    text = data.decode("latin-1").lstrip("\ufeff \r\n")
    if not text.startswith("ISA") or len(text) < 106:
        raise Incomplete("This is no X12 file: it does not begin with ISA.")
    element, end = text[3], text[105]
    found = [one.strip("\r\n ").split(element) for one in text.split(end)]
    found = [one for one in found if one[0]]
    if len(found) > MOST_SEGMENTS:
        raise Incomplete("The 835 has too many segments. Split it.", code="file-too-large")
    if found[-1][0] != "IEA":
        raise Incomplete("The 835 breaks off before its end.")
    return found


class _Reader:
    """One transaction, segment by segment."""

    def __init__(self, control: str, mark: str) -> None:
        self._mark = mark
        self._payment = Payment(control=control, amount=Decimal(0), method="", paid_on=None, trace_number=None)
        self._claim: PaidClaim | None = None
        self._line: PaidLine | None = None

    def payment(self) -> Payment:
        return self._payment

    def _parts(self, text: str) -> list[str]:
        """A composite's parts, by the separator that the ISA names."""
        return text.split(self._mark)

    def take(self, segment: list[str]) -> None:
        act = getattr(self, f"_{segment[0].lower()}", None)
        if act is not None:
            act([*segment, *[""] * 20])

    def _bpr(self, s: list[str]) -> None:
        self._payment.amount = _amount(s[2])
        self._payment.method, self._payment.paid_on = s[4], _day(s[16])
        if s[3] == "D":
            self._payment.amount = -self._payment.amount

    def _trn(self, s: list[str]) -> None:
        self._payment.trace_number = s[2] or None

    def _n1(self, s: list[str]) -> None:
        if s[1] == "PR":
            self._payment.payer = s[2] or None
        elif s[1] == "PE":
            self._payment.payee, self._payment.payee_npi = s[2] or None, s[4] if s[3] == "XX" else None

    def _clp(self, s: list[str]) -> None:
        self._claim = PaidClaim(
            patient_control_number=s[1],
            status=s[2],
            charge=_amount(s[3]),
            paid=_amount(s[4]),
            patient_responsibility=_amount(s[5]) if s[5] else None,
            payer_claim_number=s[7] or None,
        )
        self._line = None
        self._payment.claims.append(self._claim)

    def _nm1(self, s: list[str]) -> None:
        if self._claim is None:
            return
        if s[1] == "QC":
            self._claim.patient_last_name, self._claim.patient_first_name = s[3] or None, s[4] or None
        if s[1] in ("QC", "IL") and s[9]:
            self._claim.member_id = s[9]
        if s[1] == "82" and s[8] == "XX":
            self._claim.rendering_npi = s[9] or None

    def _dtm(self, s: list[str]) -> None:
        when = _day(s[2])
        if self._line is not None and s[1] in ("472", "150"):
            self._line.service_date = when
        elif self._claim is not None:
            if s[1] == "232":
                self._claim.service_from = when
            elif s[1] == "233":
                self._claim.service_to = when
            elif s[1] == "050":
                self._claim.received = when

    def _svc(self, s: list[str]) -> None:
        if self._claim is None:
            raise ValueError("a service before its claim")
        parts, submitted = self._parts(s[1]), self._parts(s[6]) if s[6] else []
        self._line = PaidLine(
            code=parts[1] if len(parts) > 1 else parts[0],
            submitted_code=submitted[1] if len(submitted) > 1 else None,
            modifiers=[one for one in parts[2:6] if one],
            charge=_amount(s[2]),
            paid=_amount(s[3] or "0"),
        )
        self._claim.lines.append(self._line)

    def _cas(self, s: list[str]) -> None:
        target = self._line or self._claim
        if target is None:
            return
        for place in range(2, 20, 3):
            if s[place] and s[place + 1]:
                quantity = Decimal(s[place + 2]) if s[place + 2] else None
                target.adjustments.append(Adjusted(s[1], s[place], _amount(s[place + 1]), quantity))

    def _amt(self, s: list[str]) -> None:
        if self._line is not None and s[1] == "B6":
            self._line.allowed = _amount(s[2])

    def _ref(self, s: list[str]) -> None:
        if self._line is not None and s[1] == "6R":
            self._line.control_number = s[2] or None

    def _lq(self, s: list[str]) -> None:
        if self._line is not None and s[1] == "HE" and s[2]:
            self._line.rarc.append(s[2])

    def _moa(self, s: list[str]) -> None:
        if self._claim is not None:
            self._claim.rarc += [one for one in s[3:8] if one]

    def _plb(self, s: list[str]) -> None:
        self._claim = self._line = None
        for place in range(3, 14, 2):
            if s[place] and s[place + 1]:
                parts = self._parts(s[place])
                reference = parts[1] if len(parts) > 1 else None
                self._payment.provider_adjustments.append(
                    ProviderAdjustment(parts[0], reference, _amount(s[place + 1]))
                )


def _imbalances(payment: Payment) -> list[str]:
    """1.10.2.1: lines, claims and the payment each balance."""
    said = []
    for claim in payment.claims:
        name = claim.payer_claim_number or claim.patient_control_number
        for number, line in enumerate(claim.lines, 1):
            if line.charge - sum(one.amount for one in line.adjustments) != line.paid:
                said.append(f"claim {name}, line {number}: charge less adjustments is not what was paid")
        taken = sum(one.amount for one in claim.adjustments) + sum(
            one.amount for line in claim.lines for one in line.adjustments
        )
        if claim.charge - taken != claim.paid:
            said.append(f"claim {name}: charge less adjustments is not what was paid")
    moved = sum(one.amount for one in payment.provider_adjustments)
    if sum(claim.paid for claim in payment.claims) - moved != payment.amount:
        said.append("the payment is not the sum of its claims less the provider's adjustments")
    return said


def _amount(text: str) -> Decimal:
    amount = Decimal(text or "0")
    if not amount.is_finite():
        raise ValueError("no amount")
    return amount


def _day(text: str) -> date | None:
    return datetime.strptime(text[:8], "%Y%m%d").date() if text else None


def _bare(number: str) -> str:
    return "".join(letter for letter in number if letter.isalnum()).upper()
