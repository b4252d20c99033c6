"""Portal software of several carriers: one search form, plain tables for benefits, a list of claims with a page for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from carrier_scripts.kit import (
    Answer,
    Asked,
    Locator,
    NoAnswer,
    Page,
    PageChanged,
    Portal,
    Row,
    Seen,
    ServiceLines,
    accumulators,
    day,
    every_row,
    explanation,
    money,
    need,
    part,
    same_id,
    shares,
    totals,
    words,
)

SEVERAL = "#several-members"
ACTIVE = {"Active": "active", "Inactive": "inactive"}
AMOUNTS = {"Yearly maximum": "annual_maximum", "Deductible": "deductible"}
NETWORKS = {"In network": "in", "Out of network": "out"}
CLAIMS = ("Claim", "Member", "Member ID", "Service date", "Treating", "Status", "Billed", "Paid", "Check/EFT")
LINES = ServiceLines(
    code="Procedure",
    label="Description",
    tooth="Tooth",
    charge="Billed",
    allowed="Allowed",
    paid="Paid",
    remark="Remark",
)


@dataclass(frozen=True)
class Search:
    """Where one searches for a member: the page, its fields, the words for nobody found, what a found one shows."""

    path: str
    member: str
    born: str
    find: str = "#member-find"
    nobody: str = "#no-member"
    found: str = "#member-facts"
    written: str = "%Y-%m-%d"
    """How the form wants a date."""
    frames: tuple[str, ...] = ()
    """Frames in which all this stands, the outermost first."""


class PlainTables(Portal):
    automation = "automated"

    search: ClassVar[Search]
    claims: ClassVar[str]
    claim: ClassVar[str]
    """Paths: the list of claims, and one claim's page without its number."""
    statuses: ClassVar[Mapping[str, str]]
    """The carrier's words for how a claim stands."""

    async def eligibility(self, page: Page, asked: Asked) -> Answer:
        """Search, then the tables. The form asks for no day: they are today's."""
        asked.only_today()
        form = self.search
        await page.goto(self.address(form.path))
        await page.named("eligibility search")
        here: Any = page
        for frame in form.frames:
            here = here.frame_locator(frame)
        await self.choose_payer(page, asked)
        await here.locator(form.member).fill(asked.member_id or "")
        await here.locator(form.born).fill(asked.birth_date.strftime(form.written) if asked.birth_date else "")
        await here.locator(form.find).click()
        await here.locator(f"{form.found}, {form.nobody}, {SEVERAL}").first.wait_for()
        for shown, code in ((form.nobody, "patient_not_found"), (SEVERAL, "patient_ambiguous")):
            if await here.locator(shown).is_visible():
                raise NoAnswer(code, await here.locator(shown).read())
        answer = Answer(today_only=True)
        await page.named("benefits")
        await self.read_benefits(here, answer)
        return answer

    async def choose_payer(self, page: Page, asked: Asked) -> None:
        """At a hub: whose members are searched."""

    async def read_benefits(self, here: Locator, answer: Answer) -> None:
        """Who, how much, and what share of what."""
        told = await here.locator("#member-facts").read_pairs()
        group = told.take("Group")
        company, number = part(group, r"^(.+) \([^()]+\)$"), part(group, r"\(([^()]+)\)$")
        if company is None or number is None:
            raise PageChanged("the group is written in another way")
        answer.result["patient"] = {
            "full_name": words(told.take("Member")),
            "member_id": words(told.take("Member ID")),
            "birth_date": day(told.take("Date of birth")),
        }
        answer.result["coverage"] = {
            "status": answer.known("Status", told.take("Status"), ACTIVE),
            "plan_name": words(told.take("Plan")),
            "group_name": words(company),
            "group_number": words(number),
        }
        for label, value in told.rest():
            answer.unplaced(label, value)
        table = (await here.locator("#amounts").read_table()).expect("", "Amount", "Used", "Left")
        answer.result["accumulators"] = accumulators(table, AMOUNTS, answer)
        cover = (await here.locator("#coverage").read_table()).expect(
            "Category", *NETWORKS, "Deductible", "Waiting period"
        )
        answer.result["benefits"] = shares(cover, answer, NETWORKS, deductible="Deductible", waiting="Waiting period")

    async def claim_status(self, page: Page, asked: Asked) -> Answer:
        """One claim by its number; else the member's between two dates of service: the list, then each claim."""
        answer = Answer()
        if asked.claim_number:
            made = await self.one_claim(page, asked.claim_number, answer, asked)
            totals(made)
            answer.claims([made], await page.locator("#claim-number").read())
            return answer
        rows, seen = await self.listed(page, asked, answer)
        if not rows:
            raise NoAnswer("claim_not_found", *([seen] if seen else []))
        found = []
        for row in rows:
            made = await self.one_claim(page, row["Claim"].text.strip(), answer, asked)
            if not same_id(made["patient"]["member_id"].value, row["Member ID"].text):
                raise PageChanged("a claim opens that is not the one of the list")
            if made["carrier_status"].value != row["Status"].text.strip():
                answer.conflict("Status", row["Status"])
            made |= {"charge": money(row["Billed"]), "paid": money(row["Paid"])}
            for name, column in (("charge", "Billed"), ("paid", "Paid")):
                answer.check_sum(column, [line[name] for line in made["lines"]], made[name], row[column])
            totals(made)
            found.append(made)
        answer.claims(found, *(row["Claim"] for row in rows))
        return answer

    async def listed(self, page: Page, asked: Asked, answer: Answer) -> tuple[list[Row], Seen | None]:
        """The rows of the list that are wanted, read to its end, and what the list says of its length."""
        del answer

        async def search() -> None:
            await page.goto(self.address(self.claims))
            await page.locator("#claim-member").fill(asked.member_id or "")
            await page.locator("#claim-search").click()
            await page.named("claims list")

        async def table() -> Any:
            return (await page.locator("#claim-rows").read_table()).expect(*CLAIMS)

        return await every_row(
            page,
            search,
            table,
            key="Claim",
            following=page.locator("a[rel=next]"),
            total=page.locator("#claim-total").read,
            wanted=lambda row: self.wanted(row, asked, "Service date"),
        )

    def wanted(self, row: Row, asked: Asked, served: str) -> bool:
        """Whether a row is the member's and of these days. Raises `PageChanged` when it has no date of service."""
        on = need(day(row[served]), "the date of service").value
        return asked.spans(on) and asked.is_member(row["Member ID"])

    async def one_claim(self, page: Page, number: str, answer: Answer, asked: Asked) -> dict[str, Any]:
        """The claim's own page; `NoAnswer` when the portal says that there is none."""
        await page.goto(self.address(f"{self.claim}/{number}"))
        await page.named("claim")
        if not await page.locator("#claim-number").is_visible():
            raise NoAnswer("claim_not_found", await page.locator("h1, h2").filter(has_text="Not found").read())
        told = await page.locator("#claim-facts").read_pairs()
        state, check, issued = told.take("Status"), told.take("Check/EFT"), told.take("Paid on")
        made: dict[str, Any] = {
            "payer_claim_number": words(await page.locator("#claim-number").read()),
            "status": answer.known("Status", state, self.statuses),
            "carrier_status": words(state),
            "patient": {"full_name": words(told.take("Member")), "member_id": words(told.take("Member ID"))},
            "rendering_provider": words(told.take("Treating")),
            "service_from": day(told.take("Date of service")),
            "received_date": day(told.take("Received")),
            "lines": LINES.read(await page.locator("#claim-lines").read_table()),
        }
        if (over := told.get("Overpaid")) is not None:
            made["overpayment"] = [_recovery(over)]
        if not check.blank:
            made["payment"] = {"trace_number": words(check), "issue_date": day(issued)}
        for label, value in told.rest():
            answer.unplaced(label, value)
        if asked.with_eob and await page.locator("#claim-eob").is_visible():
            await explanation(page.locator("#claim-eob"), made, answer)
        return made

    def address(self, path: str) -> str:
        """On the host where one signs in."""
        return "/".join(self.start.split("/")[:3]) + path


def _recovery(over: Seen) -> dict[str, Any]:
    """ "$12.00, taken from a later check"."""
    amount, how = part(over, r"^(\S+),"), part(over, r", (.+)$")
    if amount is None:
        raise PageChanged("an overpayment is written in another way")
    return {"amount": need(money(amount), "how much was overpaid"), "reason": words(how) if how else None}
