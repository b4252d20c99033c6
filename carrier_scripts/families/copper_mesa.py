"""Copper Mesa Dental's office portal, which its member companies share in looks; how it behaves differs from state to state."""

from typing import Any, ClassVar

from carrier_scripts.kit import (
    Answer,
    Asked,
    Choice,
    CodeStep,
    LoginForm,
    NoAnswer,
    Outcome,
    Page,
    PageChanged,
    Portal,
    Row,
    Seen,
    ServiceLines,
    Sign,
    accumulators,
    any_of,
    at,
    day,
    every_row,
    explanation,
    meaning,
    money,
    need,
    part,
    percent,
    said,
    same_id,
    says,
    sees,
    status,
    totals,
    words,
)  # fmt: skip

ACTIVE = {"Eligible": "active", "Not eligible": "inactive"}
STATUS = {
    "Routed": "pended",
    "Estimated": "predetermination",
    "Paid": "paid",
    "No-pay": "processed_no_payment",
    "Denied": "denied",
}
LINES = ServiceLines(
    code="Procedure",
    label="Description",
    tooth="Tooth",
    charge="Submitted",
    allowed="Approved",
    paid="Plan pays",
    remark="Message",
)
CLASSES = {"I": "diagnostic_preventive", "II": "restorative_basic", "III": "restorative_major", "IV": "orthodontics"}
AMOUNTS = {"Annual maximum": "annual_maximum", "Deductible": "deductible"}
LIMITED = {  # the service a limitation begins with: its category
    "Cleanings": "preventive",
    "Full set of images or panoramic": "diagnostic",
    "Bitewing images": "diagnostic",
    "Fluoride": "preventive",
    "Sealants": "preventive",
    "Crowns": "restorative_major",
}


class CopperMesaPortal(Portal):
    automation = "automated"

    login = LoginForm(username="#UserName", password="#Password", submit="#LoginButton")
    code = CodeStep(field="#VerificationCode", submit="#SubmitCode")
    office = Choice("office", options="#ServiceLocation option", select="#ServiceLocation")
    practice = ("#lblOffice", "#lblTaxId")
    sign_out = "#LogOff"

    reads: ClassVar[tuple[str, ...]] = (
        "/Office/Home",
        "/Office/Eligibility",
        "/Office/Benefits",
        "/Office/Claims",
        "/Office/Claim",
        "/Office/Eob",
    )
    searches = ("/Office/Eligibility",)

    signs: ClassVar[dict[Outcome, Sign]] = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/Account/Locked"),
        Outcome.WRONG_PASSWORD: sees(".validation-summary-errors"),
        Outcome.PASSWORD_EXPIRED: at("/Account/ChangePassword"),
        Outcome.SIGNED_OUT: at("/Account/Ended"),
        Outcome.CODE_LATE: says("The code has expired"),
        Outcome.WRONG_CODE: says("The code is incorrect"),
        Outcome.ASKS_CODE: sees("#VerificationCode"),
        Outcome.NEEDS_PERSON: at("/Account/Profile"),
        Outcome.SIGNED_IN: sees(".office-banner"),
    }

    async def eligibility(self, page: Page, asked: Asked) -> Answer:
        """One long page. The form asks for no day: it is today's."""
        asked.only_today()
        await page.goto(self._address("/Office/Eligibility"))
        await page.locator("#MemberId").fill(asked.member_id or "")
        await page.locator("#BirthDate").fill(asked.birth_date.isoformat() if asked.birth_date else "")
        await page.locator("#SearchButton").click()
        await page.locator(".no-match, #several-members, #lblPatient").first.wait_for()
        await page.named("benefits")
        for shown, why in ((".no-match", "patient_not_found"), ("#several-members", "patient_ambiguous")):
            if await page.locator(shown).is_visible():
                raise NoAnswer(why, await page.locator(shown).read())
        answer = Answer(today_only=True)
        await self.read_benefits(page, answer)
        return answer

    async def read_benefits(self, page: Page, answer: Answer) -> None:
        """What the benefits page says, once it is there."""
        await _who(page, answer)
        await _classes(page, answer)
        await _amounts(page, answer)
        await _limits(page, answer)

    async def claim_status(self, page: Page, asked: Asked) -> Answer:
        """One claim by its number; else the whole list is read for the subscriber's, since it cannot be searched."""
        answer = Answer()
        if asked.claim_number:
            await page.goto(self._address(f"/Office/Claim?number={asked.claim_number}"))
            if not await page.locator("#lblNumber").is_visible():
                raise NoAnswer("claim_not_found", await page.locator("h1").filter(has_text="Not found").read())
            claim = await _claim(page, answer)
            totals(claim)
            await _explained(page, claim, answer, asked)
            number = await page.locator("#lblNumber").read()
            answer.claims([claim], number)
            return answer

        async def first() -> None:
            await page.goto(self._address("/Office/Claims"))
            await page.named("claims and predeterminations")

        rows, total = await every_row(
            page,
            first,
            page.locator("#ClaimsGrid").read_table,
            key="Number",
            following=page.locator("#lnkNext"),
            total=page.locator("#lblTotal").read,
            wanted=lambda row: _wanted(row, asked),
        )
        if not rows:
            raise NoAnswer("claim_not_found", *([total] if total else []))
        claims = []
        for row in rows:
            await page.goto(self._address(f"/Office/Claim?number={row['Number'].text.strip()}"))
            claim = await _claim(page, answer)
            if not same_id(claim["patient"]["member_id"].value, row["Subscriber ID"].text):
                raise PageChanged("a claim opens that is not the one of the list")
            claim |= {
                "kind": meaning(row["Type"], {"Claim": "claim", "Predetermination": "predetermination"}),
                "charge": money(row["Submitted"]),
                "paid": money(row["Plan pays"]),
            }
            answer.check_sum(
                "Submitted", [line["charge"] for line in claim["lines"]], claim["charge"], row["Submitted"]
            )
            answer.check_sum("Plan pays", [line["paid"] for line in claim["lines"]], claim["paid"], row["Plan pays"])
            totals(claim)
            await _explained(page, claim, answer, asked)
            claims.append(claim)
        answer.claims(claims, *(row["Number"] for row in rows))
        return answer

    def _address(self, path: str) -> str:
        return self.start.removesuffix("/Account/Login") + path


def _wanted(row: Row, asked: Asked) -> bool:
    served = need(day(row["Date of service"]), "the date of service").value
    return asked.spans(served) and asked.is_member(row["Subscriber ID"])


def member_and_group(name: Seen, group: Seen) -> tuple[dict[str, Any], dict[str, Any]]:
    """A member's names from "Last, First", and the group's name and number from "Company 4711". Raises `PageChanged`."""
    last, first = part(name, r"^([^,]+), "), part(name, r", (.+)$")
    company, number = part(group, r"^(.+) \S+$"), part(group, r" (\d\S*)$")
    if last is None or first is None or company is None or number is None:
        raise PageChanged("the page does not say whose benefits it shows")
    member = {"last_name": words(last), "first_name": words(first)}
    return member, {"group_name": words(company), "group_number": words(number)}


async def _who(page: Page, answer: Answer) -> None:
    told = await page.locator("table.form").read_pairs()
    member, coverage = member_and_group(await page.locator("#lblPatient").read(), told.take("Group"))
    answer.result["patient"] = member | {
        "member_id": words(told.take("Subscriber ID")),
        "birth_date": day(told.take("Date of birth")),
    }
    answer.result["coverage"] = coverage | {"status": answer.known("Status", told.take("Status"), ACTIVE)}
    for label, value in told.rest():
        answer.unplaced(label, value)


async def _classes(page: Page, answer: Answer) -> None:
    table = (await page.locator("#ClassTable").read_table()).expect("Class", "Services", "Plan pays", "Deductible")
    answer.result["benefits"] = [
        {
            "category": meaning(row["Class"], CLASSES) or said("other", row["Class"]),
            "label": words(row["Services"]),
            "plan_pays_percent": need(percent(row["Plan pays"]), "what the plan pays"),
            "patient_pays_percent": said(
                100 - need(percent(row["Plan pays"]), "what the plan pays").value, row["Plan pays"], computed=True
            ),
            "deductible_applies": meaning(row["Deductible"], {"Yes": True, "No": False}),
        }
        for row in table
    ]


async def _amounts(page: Page, answer: Answer) -> None:
    table = (await page.locator("#Amounts").read_table()).expect("", "Amount", "Used", "Remaining")
    answer.result["accumulators"] = accumulators(table, AMOUNTS, answer)


async def _limits(page: Page, answer: Answer) -> None:
    """Sentences. Those that are understood become fields, the others are kept word for word."""
    text = await page.locator(".limits").read()
    for sentence in text.text.rstrip(".").split(". "):
        told = Seen(sentence.strip(), text.ref)
        service = part(told, r"^([^:]+): ")
        if told.text in ("Missing tooth rule does not apply", "Missing tooth rule applies"):
            answer.result["coverage"]["missing_tooth_clause"] = said(told.text.endswith("applies"), told)
        elif told.text == "Coordination: non-duplication":
            answer.result["coverage"]["cob_rule"] = said("non_duplication", told)
        elif service is not None and service.text in LIMITED and (how := _how_often(told)):
            answer.result["benefits"].append(
                {"category": meaning(service, LIMITED), "label": words(service), "frequency": [how]}
            )
        else:
            answer.unplaced("Limitations", told)


def _how_often(told: Seen) -> dict[str, Any] | None:
    """ "2 per calendar year, shared with D4910", "1 per 5 years", "once per tooth per 5 years"; None for anything more."""
    simple = part(
        told, r": ((?:\d+|once)(?: set)? per (?:tooth per )?(?:calendar year|\d+ years)(?:, shared with D\d{4})?)$"
    )
    times = part(told, r": (\d+|once)")
    if simple is None or times is None:
        return None
    made: dict[str, Any] = {
        "quantity": said(int(times.text), times) if times.text.isdigit() else said(1, times, computed=True),
        "raw_text": words(simple),
    }
    years, shared = part(simple, r"per (\d+) years"), part(simple, r"shared with (D\d{4})")
    if years:
        made |= {"every": said(int(years.text), years), "unit": said("year", years)}
    else:
        made["unit"] = said("calendar_year", simple)
    if shared:
        made["shared_with"] = [words(shared)]
    if "per tooth" in simple.text:
        made["per"] = said("tooth", simple)
    return made


async def _claim(page: Page, answer: Answer) -> dict[str, Any]:
    await page.named("claim")
    told = await page.locator("table.form").read_pairs()
    number, state = await page.locator("#lblNumber").read(), told.take("Status")
    patient, check = told.take("Patient"), told.take("Check")
    last, first, member = part(patient, r"^([^,]+), "), part(patient, r", (.+) \("), part(patient, r"\(([^()]+)\)$")
    if last is None or first is None or member is None:
        raise PageChanged("the claim does not say whose it is")
    table = await page.locator("#LineGrid").read_table()
    claim: dict[str, Any] = {
        "payer_claim_number": words(number),
        "status": answer.known("Status", state, STATUS),
        "carrier_status": words(state),
        "patient": {"last_name": words(last), "first_name": words(first), "member_id": words(member)},
        "rendering_provider": words(told.take("Dentist")),
        "service_from": day(told.take("Date of service")),
        "lines": LINES.read(table),
    }
    if not check.blank:
        claim["payment"] = {"trace_number": words(check)}
    for label, value in told.rest():
        answer.unplaced(label, value)
    return claim


async def _explained(page: Page, claim: dict[str, Any], answer: Answer, asked: Asked) -> None:
    if asked.with_eob and await page.locator("#lnkEob").is_visible():
        await explanation(page.locator("#lnkEob"), claim, answer)
