"""Northgate Exchange, a hub of several payers. Codes from an authenticator; an organization is chosen after signing in."""

from typing import Any

from carrier_scripts.kit import (
    Answer,
    Asked,
    Choice,
    CodeStep,
    Later,
    LoginForm,
    NoAnswer,
    Outcome,
    Page,
    PageChanged,
    Portal,
    Recovery,
    Row,
    Seen,
    ServiceLines,
    Value,
    any_of,
    at,
    day,
    every_row,
    money,
    need,
    part,
    said,
    same_id,
    says,
    sees,
    status,
    totals,
    words,
)

SITE = "https://northgate.sim.test"
ACTIVE = {"Active": "active", "Inactive": "inactive"}
RELATIONSHIP = {"Self": "self", "Spouse": "spouse", "Child": "child"}
STATUS = {"Accepted": "accepted", "In process": "in_process", "Finalized": "paid", "Rejected": "rejected"}
LINES = ServiceLines(
    code="Code", label="Service", tooth="Tooth", charge="Charged", allowed="Allowed", paid="Paid", remark="Note"
)


class Northgate(Portal):
    name = "Northgate Exchange"
    hosts = frozenset({"northgate.sim.test", "payerspaces.sim.test"})
    start = "https://northgate.sim.test/login"
    home = "https://northgate.sim.test/home"
    automation = "automated"
    carriers = (
        "Bellwether Mutual", "Cholla Health Plan", "Cinder Cone Dental", "Ironwood Dental", "Mesquite Mutual", "Palo Verde Benefits",
    )  # fmt: skip

    login = LoginForm(username="input[name=userId]", password="input[name=password]", submit="[data-testid=login]")
    code = CodeStep(
        field="input[name=otp]",
        submit="[data-testid=verify]",
        recovery=Recovery(link="a[href='/login/backup']", field="input[name=backup]", submit="[data-testid=verify]"),
    )
    between = (
        Later(at("/password/reminder"), button="[data-testid=later]"),
        Choice("organization", options="#organization option", select="#organization", submit="[data-testid=continue]"),
    )
    practice = ("[data-testid=organization]", "[data-testid=tin]")
    sign_out = "[data-testid=logout]"

    pages = {"/home": "Home", "/eligibility*": "Eligibility", "/claims*": "Claims"}
    reads = ("/home", "/eligibility*", "/claims*")
    searches = ("/eligibility",)
    payer_choice = True

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/login/locked"),
        Outcome.WRONG_PASSWORD: says("User ID or password is incorrect"),
        Outcome.PASSWORD_EXPIRED: at("/password/expired"),
        Outcome.SIGNED_OUT: any_of(says("ended because of inactivity"), says("You have logged out")),
        Outcome.WRONG_CODE: any_of(says("The code is not valid"), says("already been used")),
        Outcome.ASKS_CODE: sees("input[name=otp]"),
        Outcome.SIGNED_IN: sees("[data-testid=signed-in]"),
    }

    async def eligibility(self, page: Page, asked: Asked) -> Answer:
        """The result is a small table in a frame."""
        await page.goto(f"{SITE}/eligibility")
        payers = await page.locator("#payer option").all_inner_texts()
        if asked.payer is None or asked.payer not in payers:
            raise NoAnswer("payer_unavailable")
        await page.locator("#payer").select_option(label=asked.payer)
        await page.locator("#member-id").fill(asked.member_id or "")
        await page.locator("#dob").fill(asked.birth_date.isoformat() if asked.birth_date else "")
        if asked.day:
            await page.locator("#as-of").fill(asked.day.isoformat())
        await page.locator("#search").click()
        await page.named("eligibility result")
        frame = page.frame_locator("#eligibility-result")
        await frame.locator("#result-none, #several-members, #result-name").first.wait_for()
        for shown, why in (("#result-none", "patient_not_found"), ("#several-members", "patient_ambiguous")):
            if await frame.locator(shown).is_visible():
                raise NoAnswer(why, await frame.locator(shown).read())
        answer = Answer()
        told = await frame.locator("#result-table").read_pairs()
        group = told.take("Group")
        company, number = part(group, r"^(.+) \S+$"), part(group, r" (\d\S*)$")
        if company is None or number is None:
            raise PageChanged("the group is written in another way")
        payer, office, as_of = told.take("Payer"), told.take("This office"), told.take("As of")
        if payer.text.strip() != asked.payer or (asked.day and need(day(as_of), "as of when").value != asked.day):
            raise PageChanged("the portal answered for another payer or day")
        network = part(office, r"^In network, (.+)$")
        answer.result = {
            "payer": {"name": words(payer), "payer_id": words(told.take("Payer ID"))},
            "patient": {
                "full_name": words(await frame.locator("#result-name").read()),
                "member_id": words(told.take("Member ID")),
                "birth_date": day(told.take("Born")),
                "relationship": answer.known(
                    "Relationship", told.take("Relationship"), RELATIONSHIP, otherwise="other"
                ),
            },
            "subscriber": {"full_name": words(told.take("Subscriber"))},
            "coverage": {
                "status": answer.known("Status", await frame.locator("#result-status").read(), ACTIVE),
                "group_name": words(company),
                "group_number": words(number),
                "plan_name": words(told.take("Plan")),
                "network_status": said("in", office)
                if network
                else answer.known("This office", office, {"Out of network": "out"}),
                "network_name": words(network) if network else None,
            },
            "accumulators": [
                {
                    "kind": said("annual_maximum", told.take("Annual maximum")),
                    "limit": money(told.take("Annual maximum")),
                    "remaining": money(told.take("Remaining")),
                },
                {
                    "kind": said("deductible", told.take("Deductible left")),
                    "remaining": money(told.take("Deductible left")),
                },
            ],
        }
        for label, value in told.rest():
            answer.unplaced(label, value)
        return answer

    async def claim_status(self, page: Page, asked: Asked) -> Answer:
        """One claim by its number; else every page of the list is read for the member's."""
        answer = Answer()
        if asked.claim_number:
            await page.goto(f"{SITE}/claims/{asked.claim_number}")
            if not await page.locator("[data-testid=claim-number]").is_visible():
                raise NoAnswer("claim_not_found", await page.locator("h1").filter(has_text="Not found").read())
            claim = await _claim(page, answer)
            totals(claim)
            number = await page.locator("[data-testid=claim-number]").read()
            answer.claims([claim], number)
            return answer

        async def first() -> None:
            await page.goto(f"{SITE}/claims")
            await page.named("claims list")

        async def total() -> Seen | None:
            return part(await page.locator("section.card > p").first.read(), r"^(\d+) claims")

        rows, count = await every_row(
            page,
            first,
            page.locator("#claims").read_table,
            key="Claim",
            following=page.locator("a[rel=next]"),
            total=total,
            wanted=lambda row: _wanted(row, asked),
        )
        if not rows:
            raise NoAnswer("claim_not_found", *([count] if count else []))
        claims = []
        for row in rows:
            await page.goto(f"{SITE}/claims/{row['Claim'].text.strip()}")
            claim = await _claim(page, answer)
            if not same_id(claim["patient"]["member_id"].value, row["Member ID"].text):
                raise PageChanged("a claim opens that is not the one of the list")
            claim |= {"charge": money(row["Charged"]), "paid": money(row["Paid"])}
            claim["status"] = _finalized(claim["status"], claim["paid"], row["Status"])
            answer.check_sum("Charged", [line["charge"] for line in claim["lines"]], claim["charge"], row["Charged"])
            answer.check_sum("Paid", [line["paid"] for line in claim["lines"]], claim["paid"], row["Paid"])
            totals(claim)
            claims.append(claim)
        answer.claims(claims, *(row["Claim"] for row in rows))
        return answer


def _finalized(status: Value, paid: Value | None, seen: Seen) -> Value:
    """ "Finalized" says nothing of money; nothing paid is another thing than paid."""
    if status.value == "paid" and paid is not None and paid.value == 0:
        return said("processed_no_payment", seen, computed=True)
    return status


def _wanted(row: Row, asked: Asked) -> bool:
    served = need(day(row["Service"]), "the date of service").value
    return asked.spans(served) and asked.is_member(row["Member ID"])


async def _claim(page: Page, answer: Answer) -> dict[str, Any]:
    await page.named("claim")
    shown = await page.locator("[data-testid=claim-number]").read()
    state = await page.locator("[data-testid=claim-status]").read()
    head = await page.locator("section.card > p").first.read()
    name, member = part(head, r"· (.+) \([^()]+\) ·"), part(head, r"\(([^()]+)\) ·")
    dentist, served = part(head, r"\) · (.+) · \d"), part(head, r"(\d\d/\d\d/\d{4})$")
    if name is None or member is None or served is None:
        raise PageChanged("the claim does not say whose it is")
    table = await page.locator("section.card table").read_table()
    lines = LINES.read(table)
    paid = [line["paid"] for line in lines]
    claim: dict[str, Any] = {
        "payer_claim_number": words(shown),
        "status": answer.known("Status", state, STATUS),
        "carrier_status": words(state),
        "patient": {"full_name": words(name), "member_id": words(member)},
        "rendering_provider": words(dentist) if dentist else None,
        "service_from": day(served),
        "lines": lines,
    }
    if all(paid) and sum(one.value for one in paid) == 0:
        claim["status"] = _finalized(claim["status"], said(0, state), state)
    if await page.locator("[data-testid=claim-code]").is_visible():
        code = await page.locator("[data-testid=claim-code]").read()
        category, number = part(code, r"^([A-Z]\d{1,2}[A-Z]?):\d+$"), part(code, r":(\d{1,4})$")
        if category is None or number is None:
            answer.unplaced("Status code", code)
        else:
            claim["codes"] = [{"category": words(category), "code": words(number)}]
    if await page.locator("[data-testid=claim-check]").is_visible():
        check = await page.locator("[data-testid=claim-check]").read()
        beside = await page.locator("section.card > p").filter(has_text="Check").read()
        issued = part(beside, r", (\d\d/\d\d/\d{4})")
        claim["payment"] = {"trace_number": words(check), "issue_date": day(issued) if issued else None}
    return claim
