"""Papers a carrier hands out: explanation of benefits as PDF, claims as CSV, a remittance in 835 form."""

import csv
import io
import zipfile
from collections.abc import Iterable
from datetime import date

from carrier_scripts.lab.facts import Carrier, Location
from carrier_scripts.lab.people import Claim


def eob_pdf(carrier: Carrier, place: Location, claim: Claim, *, break_after: int | None = None) -> bytes:
    """One claim's explanation of benefits; its table of lines may go on on a second page after so many lines."""
    from fpdf import FPDF  # more than half of the lab's start

    pdf = FPDF(format="letter")
    pdf.set_title(f"Explanation of benefits {claim.number}")
    pdf.add_page()
    pdf.set_font("Helvetica", "B", 16)
    pdf.cell(0, 10, carrier.name, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Helvetica", "", 10)
    for words in (
        f"Explanation of benefits for claim {claim.number}",
        f"Paid to: {place.legal_name}, TIN ending {place.tin_ending}, NPI {place.npi}",
        f"Member: {claim.member.name}, {claim.member.id}, born {claim.member.born:%m/%d/%Y}",
        f"Date of service: {claim.served:%m/%d/%Y}    Treating: {claim.provider}    Status: {claim.status}",
        f"Check or EFT: {claim.check or 'none'}    Paid on: {claim.paid_on.strftime('%m/%d/%Y') if claim.paid_on else '-'}",
    ):
        pdf.cell(0, 6, words, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(4)
    with pdf.table(col_widths=(14, 44, 10, 14, 14, 14, 44), line_height=6) as table:
        table.row(["Code", "Service", "Tooth", "Fee", "Allowed", "Paid", "Remark"])
        for number, line in enumerate(claim.lines):
            if break_after and number == break_after:
                pdf.set_y(pdf.h - pdf.b_margin)  # what comes now no longer fits on this page
            table.row(
                [
                    line.code,
                    line.words,
                    line.tooth,
                    *(f"{n}.00" for n in (line.fee, line.allowed, line.paid)),
                    line.remark,
                ]
            )
    pdf.ln(4)
    pdf.set_font("Helvetica", "B", 11)
    pdf.cell(0, 8, f"Total paid: ${claim.paid}.00", new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def remittance_zip(carrier: Carrier, place: Location, claims: Iterable[Claim]) -> bytes:
    """The explanations of one payment, a PDF each."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as kept:
        for claim in claims:
            kept.writestr(f"EOB_{claim.number}.pdf", eob_pdf(carrier, place, claim))
    return out.getvalue()


def remittance_text(carrier: Carrier, place: Location, claims: Iterable[Claim]) -> str:
    """A remittance advice in columns of fixed width."""
    lines = [
        f"{carrier.name.upper():<60}REMITTANCE ADVICE",
        f"{place.legal_name.upper():<60}NPI {place.npi}",
        "",
        f"{'CLAIM':<16}{'RECIPIENT':<14}{'NAME':<26}{'SERVED':<12}{'BILLED':>11}{'PAID':>11}",
    ]
    for c in claims:
        lines.append(
            f"{c.number:<16}{c.member.id:<14}{c.member.name.upper():<26}{c.served:%m/%d/%Y}  {c.billed:>11.2f}{c.paid:>11.2f}"
        )
        lines += [f"    {line.code:<8}{line.words.upper():<40}{line.fee:>11.2f}{line.paid:>11.2f}" for line in c.lines]
    return "\n".join(lines) + "\n"


def claims_csv(claims: Iterable[Claim]) -> str:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["claim", "member_id", "member", "service_date", "provider", "status", "billed", "paid", "check"])
    for c in claims:
        rows.writerow(
            [c.number, c.member.id, c.member.name, c.served, c.provider, c.status, c.billed, c.paid, c.check or ""]
        )
    return out.getvalue()


def remittance_835(carrier: Carrier, place: Location, claim: Claim, today: date) -> str:
    """A payment of one claim, as an X12 835 has it: envelope, payer, payee, claim, service lines."""
    paid_on = claim.paid_on or today
    segments = [
        f"ISA*00*          *00*          *ZZ*{carrier.key.upper()[:15]:<15}*ZZ*{'SAGUARO':<15}*{paid_on:%y%m%d}*0900*^*00501*000000001*0*P*:",
        f"GS*HP*{carrier.key.upper()[:15]}*SAGUARO*{paid_on:%Y%m%d}*0900*1*X*005010X221A1",
        "ST*835*0001",
        f"BPR*I*{claim.paid}*C*ACH*CCP*01*999999992*DA*123456*1999999999**01*999988880*DA*98765*{paid_on:%Y%m%d}",
        f"TRN*1*{claim.check}*1999999999",
        f"N1*PR*{carrier.name.upper()}",
        f"N1*PE*{place.legal_name.upper()}*XX*{place.npi}",
        "LX*1",
        f"CLP*{claim.number}*1*{claim.billed}*{claim.paid}*0*12*{claim.number}",
        f"NM1*QC*1*{claim.member.last.upper()}*{claim.member.first.upper()}****MI*{claim.member.id}",
        f"DTM*232*{claim.served:%Y%m%d}",
    ]
    for line in claim.lines:
        segments += [f"SVC*AD:{line.code}*{line.fee}*{line.paid}", f"CAS*CO*45*{line.fee - line.allowed}"]
    segments += [f"SE*{len(segments) - 1}*0001", "GE*1*1", "IEA*1*000000001"]
    return "~\n".join(segments) + "~\n"
