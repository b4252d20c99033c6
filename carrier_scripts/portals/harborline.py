"""Harborline Dental PPO. Codes come by e-mail, once per remembered device; a login serves several practices (TINs)."""

import datetime as dt
from typing import Any

from carrier_scripts.kit import (
    Answer,
    Asked,
    Choice,
    CodeStep,
    LoginForm,
    NoAnswer,
    Outcome,
    Overlay,
    Page,
    PageChanged,
    Portal,
    Row,
    ServiceLines,
    amounts,
    any_of,
    at,
    day,
    every_row,
    explanation,
    meaning,
    money,
    need,
    part,
    said,
    same_id,
    says,
    sees,
    shares,
    status,
    words,
)

SITE = "https://harborline.sim.test"
ACTIVE = {"Active coverage": "active", "Coverage ended": "inactive"}
STATUS = {"Received": "received", "In review": "in_process", "Pended": "pended", "Paid": "paid", "Denied": "denied"}
LINES = ServiceLines(
    code="Code", label="Service", tooth="Tooth", charge="Fee", allowed="Allowed", paid="Paid", remark="Remark"
)
LIMITED = {  # a service of the frequency tab: its category
    "Recall visit": "diagnostic",
    "Full set of images": "diagnostic",
    "Bitewing images": "diagnostic",
    "Cleaning": "preventive",
    "Crown, same tooth": "restorative_major",
    "Fluoride, under age 19": "preventive",
}
NOBODY = (
    ("#no-member", "patient_not_found"),
    ("#bad-member", "bad_member_id"),
    ("#several-members", "patient_ambiguous"),
)
MAXIMUMS = {  # label: kind, level, period
    "Deductible, individual": ("deductible", "individual", "unknown"),
    "Deductible, family": ("deductible", "family", "unknown"),
    "Calendar-year maximum": ("annual_maximum", "individual", "calendar_year"),
    "Orthodontics, lifetime": ("lifetime_maximum", "individual", "lifetime"),
}


class Harborline(Portal):
    name = "Harborline Dental PPO"
    hosts = frozenset({"harborline.sim.test"})
    start = "https://harborline.sim.test/signin"
    home = "https://harborline.sim.test/home"
    automation = "automated"

    login = LoginForm(username="#username", password="#password", submit="#signin-button")
    code = CodeStep(field="#code", submit="#verify-button", remember="#remember-device")
    between = (Choice("practice", options="#practice-list label.practice-option", submit="#practice-continue"),)
    practice = ("#who-practice", "#who-tin")
    overlays = (Overlay("#announcement", button="#announcement-close"),)
    sign_out = "#signout-button"

    pages = {
        "/home": "Home",
        "/eligibility*": "Eligibility and benefits",
        "/claims*": "Claims",
        "/eobs*": "Explanations of benefits",
    }
    reads = ("/home", "/eligibility*", "/claims*", "/eobs*")
    searches = ("/eligibility",)

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: sees("#signin-locked"),
        Outcome.WRONG_PASSWORD: sees("#signin-error"),
        Outcome.PASSWORD_EXPIRED: at("/password/expired"),
        Outcome.SIGNED_OUT: any_of(says("signed out because of inactivity"), at("/signed-out")),
        Outcome.CODE_LATE: any_of(sees("#code-expired"), sees("#code-void")),
        Outcome.WRONG_CODE: sees("#code-error"),
        Outcome.ASKS_CODE: sees("#code"),
        Outcome.TERMS_CHANGED: at("/terms"),
        Outcome.SIGNED_IN: sees("#signed-in-as"),
    }

    async def eligibility(self, page: Page, asked: Asked) -> Answer:
        """Four tabs: plan, maximums, coverage, frequency."""
        await page.goto(f"{SITE}/eligibility")
        await page.locator("#member-id").fill(asked.member_id or "")
        await page.locator("#date-of-birth").fill(asked.birth_date.isoformat() if asked.birth_date else "")
        if asked.day:
            await page.locator("#service-date").fill(asked.day.isoformat())
        await page.locator("#search-button").click()
        await page.locator("#no-member, #bad-member, #several-members, #member-name").first.wait_for()
        for shown, why in NOBODY:
            if await page.locator(shown).is_visible():
                await page.named("eligibility search")
                raise NoAnswer(why, await page.locator(shown).read())
        answer = Answer()
        await _plan(page, answer, asked)
        await page.locator("#tab-maximums").click()
        await _maximums(page, answer)
        await page.locator("#tab-coverage").click()
        await _coverage(page, answer)
        await page.locator("#tab-frequency").click()
        await _frequency(page, answer)
        return answer

    async def claim_status(self, page: Page, asked: Asked) -> Answer:
        """One claim by its number, or all of a member's between two service dates: the list, then each claim."""
        answer = Answer()
        if asked.claim_number:
            await page.goto(f"{SITE}/claims/{asked.claim_number}")
            if not await page.locator("#claim-number").is_visible():
                raise NoAnswer("claim_not_found", await page.locator("h1").filter(has_text="Not found").read())
            claims, count = [await _claim(page, answer, asked)], await page.locator("#claim-number").read()
            answer.claims(claims, count)
            return answer

        async def search() -> None:
            await page.goto(f"{SITE}/claims")
            await page.locator("#claims-from").fill(asked.service_from.isoformat() if asked.service_from else "")
            await page.locator("#claims-to").fill(asked.service_to.isoformat() if asked.service_to else "")
            await page.locator("#filter-button").click()
            await page.named("claims list")

        rows, total = await every_row(
            page,
            search,
            page.locator("#claims-table").read_table,
            key="Claim",
            following=page.locator("#next-page"),
            total=page.locator("#claims-total").read,
            wanted=lambda row: asked.is_member(row["Member ID"]) and asked.spans(_served(row)),
        )
        if not rows:
            raise NoAnswer("claim_not_found", *([total] if total else []))
        claims = []
        for row in rows:
            await page.goto(f"{SITE}/claims/{row['Claim'].text.strip()}")
            claim = await _claim(page, answer, asked)
            _same(row, claim, answer)
            claims.append(claim)
        answer.claims(claims, *(row["Claim"] for row in rows))
        return answer


async def _plan(page: Page, answer: Answer, asked: Asked) -> None:
    await page.named("benefits: plan")
    head = await page.locator("#member-name + p").read()
    told = await page.locator("#benefit-table").read_pairs()
    state = await page.locator("#coverage-status").read()
    member, born = part(head, r"^(\S+) ·"), part(head, r"born (\d\d/\d\d/\d{4})")
    group = part(head, r"· ([^·]+) \([^()]+\)$")
    number = part(head, r"\(([^()]+)\)$")
    if member is None or born is None:
        raise PageChanged("the page does not say whose benefits it shows")
    year, rule, covered = told.take("Benefit year"), told.take("Coordination"), told.take("Coverage")
    tooth = told.take("Missing tooth rule")
    if asked.day and need(day(told.take("Date of service")), "for which day").value != asked.day:
        raise PageChanged("the portal answered for another day")
    begin = part(covered, r"began (\d\d/\d\d/\d{4})")
    other = part(rule, r"; (no other coverage on file)$")
    answer.result["patient"] = {
        "full_name": words(await page.locator("#member-name").read()),
        "member_id": words(member),
        "birth_date": day(born),
    }
    answer.result["coverage"] = {
        "status": answer.known("Coverage", state, ACTIVE),
        "plan_name": words(told.take("Plan")),
        "group_name": words(told.take("Group")),
        "group_number": words(number) if number else None,
        "eligibility_begin": day(begin) if begin else None,
        "benefit_year": meaning(year, {"Calendar year": "calendar", "Plan year": "plan"}),
        "cob_rule": said("standard", rule) if rule.text.startswith("Standard") else None,
        "other_coverage": said(False, other) if other else None,
        "missing_tooth_clause": meaning(tooth, {"Applies": True, "Does not apply": False}),
        "claims_address": words(told.take("Claims address")),
    }
    if group and group.text != told.take("Group").text.strip():
        answer.conflict("Group", group, told.take("Group"))
    if begin is None:
        answer.unplaced("Coverage", covered)
    if not rule.text.startswith("Standard") or (";" in rule.text and other is None):
        answer.unplaced("Coordination", rule)
    for label, value in told.rest():
        answer.unplaced(label, value)


async def _maximums(page: Page, answer: Answer) -> None:
    """The page prints one "used" and one "left" beside two limits: "left" fits the in-network one."""
    await page.named("benefits: deductibles and maximums")
    table = (await page.locator("#benefit-table").read_table()).expect(
        "", "In network", "Out of network", "Used", "Left"
    )
    rows: list[dict[str, Any]] = []
    for row in table:
        label = row[""]
        if label.text.strip() not in MAXIMUMS:
            answer.unplaced(label.text, *row.cells)
            continue
        kind, level, period = MAXIMUMS[label.text.strip()]
        common = {"kind": said(kind, label), "level": said(level, label), "period": said(period, label)}
        if period == "unknown":
            common.pop("period")
        inside: dict[str, Any] = common | {
            "network": said("in", table.columns[1]),
            **amounts(row["In network"], row["Used"], row["Left"], label, answer),
        }
        rows += [inside, common | {"network": said("out", table.columns[2]), "limit": money(row["Out of network"])}]
    answer.result["accumulators"] = rows


async def _coverage(page: Page, answer: Answer) -> None:
    await page.named("benefits: coverage by category")
    table = (await page.locator("#benefit-table").read_table()).expect(
        "Category", "In network", "Out of network", "Deductible applies", "Waiting period"
    )
    answer.result["benefits"] = shares(
        table,
        answer,
        {"In network": "in", "Out of network": "out"},
        deductible="Deductible applies",
        waiting="Waiting period",
    )


async def _frequency(page: Page, answer: Answer) -> None:
    await page.named("benefits: frequency")
    table = (await page.locator("#benefit-table").read_table()).expect("Service", "Limit", "Last paid", "Next eligible")
    for row in table:
        label, limit, following = row["Service"], row["Limit"], row["Next eligible"]
        how: dict[str, Any] = {"raw_text": words(limit), "last_service_date": day(row["Last paid"])}
        times = part(limit, r"^(\d+) in ")
        months, shared = part(limit, r"in (\d+) months"), part(limit, r"shared with (.+)$")
        if times:
            how["quantity"] = said(int(times.text), times)
        if months:
            how |= {"every": said(int(months.text), months), "unit": said("month", months)}
        elif part(limit, r"(calendar year)"):
            how["unit"] = said("calendar_year", limit)
        else:
            answer.unplaced(f"{label.text}: limit", limit)
        if shared:
            how["shared_with"] = [words(shared)]
        if "same tooth" in label.text:
            how["per"] = said("tooth", label)
        if following.text.strip() == "now":
            how["eligible_now"] = said(True, following)
        else:
            how["next_eligible_date"] = day(following)
        under = part(label, r"under age (\d+)")
        answer.result["benefits"].append(
            {
                "category": meaning(label, LIMITED) or said("other", label),
                "label": words(label),
                "age_max": said(int(under.text) - 1, under, computed=True) if under else None,
                "frequency": [how],
            }
        )
    before = (await page.locator("#history-table").read_table()).expect("Date", "Code", "Tooth")
    answer.result["history"] = [
        {
            "code": need(words(row["Code"]), "the procedure"),
            "service_date": need(day(row["Date"]), "the date of service"),
            "tooth": words(row["Tooth"]),
        }
        for row in before
    ]


async def _claim(page: Page, answer: Answer, asked: Asked) -> dict[str, Any]:
    await page.named("claim")
    number, state = await page.locator("#claim-number").read(), await page.locator("#claim-status").read()
    head = await page.locator("section.panel > p").first.read()
    told = part(head, r"· (.+) \([^()]+\) ·"), part(head, r"\(([^()]+)\) ·"), part(head, r"\) · (.+) · service")
    served, received = part(head, r"service (\d\d/\d\d/\d{4})"), part(head, r"received (\d\d/\d\d/\d{4})")
    name, member, dentist = told
    if name is None or member is None or dentist is None or served is None:
        raise PageChanged("the claim does not say whose it is")
    table = await page.locator("#claim-lines").read_table()
    lines = LINES.read(table)
    paid = await page.locator("#claim-paid").read()
    charged = await page.locator("#claim-lines tfoot td").nth(1).read()
    claim: dict[str, Any] = {
        "payer_claim_number": words(number),
        "status": answer.known("Status", state, STATUS),
        "carrier_status": words(state),
        "patient": {"full_name": words(name), "member_id": words(member)},
        "rendering_provider": words(dentist),
        "service_from": day(served),
        "received_date": day(received) if received else None,
        "charge": money(charged),
        "paid": money(paid),
        "lines": lines,
    }
    appeal = page.locator("#claim-appeal")
    if await appeal.is_visible():
        claim["appeal_deadline"] = day(await appeal.read())
    claim["documents_requested"] = [words(one) for one in await page.locator("#claim-wanted li").read_all()]
    answer.check_sum("Total charged", [line["charge"] for line in lines], claim["charge"], charged)
    answer.check_sum("Total paid", [line["paid"] for line in lines], claim["paid"], paid)
    if await page.locator("#claim-check").is_visible():
        check = await page.locator("#claim-check").read()
        told_check = (
            await page.locator(
                "section.panel > p",
            )
            .filter(has_text="Check/EFT")
            .read()
        )
        issued = part(told_check, r"of (\d\d/\d\d/\d{4})")
        claim["payment"] = {"trace_number": words(check), "issue_date": day(issued) if issued else None}
        if asked.with_eob and await page.locator("#eob-link").is_visible():
            await explanation(page.locator("#eob-link"), claim, answer)
    return claim


def _served(row: Row) -> dt.date:
    on: dt.date = need(day(row["Service date"]), "the date of service").value
    return on


def _same(row: Row, claim: dict[str, Any], answer: Answer) -> None:
    """What the list says and what the claim says should be the same."""
    if not same_id(row["Member ID"].text, claim["patient"]["member_id"].value):
        raise PageChanged("a claim opens that is not the one of the list")
    if row["Status"].text.strip() != claim["carrier_status"].value:
        answer.conflict("Status", row["Status"])
    listed = money(row["Paid"])
    if listed and claim["paid"] and listed.value != claim["paid"].value:
        answer.conflict("Paid", row["Paid"])
