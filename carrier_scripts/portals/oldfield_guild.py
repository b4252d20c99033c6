"""Oldfield Guild Life & Dental. No second factor; everything stands in frames; five failures lock until the Guild's administrator helps."""

from typing import Any

from carrier_scripts.families.plain_tables import PlainTables, Search
from carrier_scripts.kit import (
    Answer,
    Desk,
    Locator,
    LoginForm,
    Outcome,
    Page,
    PageChanged,
    amounts,
    any_of,
    at,
    day,
    inside,
    part,
    remittance,
    said,
    says,
    sees,
    shares,
    status,
    words,
)  # fmt: skip


class OldfieldGuild(PlainTables):
    name = "Oldfield Guild Life & Dental"
    hosts = frozenset({"oldfieldguild.sim.test"})
    start = "https://oldfieldguild.sim.test/guild/default.asp"
    home = "https://oldfieldguild.sim.test/guild/inside.asp"

    login = LoginForm(frame="[name=main]", username="[name=uid]", password="[name=pwd]", submit="[name=go]")

    reads = ("/guild/inside.asp", "/guild/elig*", "/guild/claim*", "/guild/eob*", "/guild/checks.asp", "/guild/835/*")
    searches = ("/guild/elig.asp",)
    search = Search("/guild/elig.asp", member="#cert", born="#dob", found="#elig_facts", written="%m/%d/%Y")
    claims, claim = "/guild/claims.asp", "/guild/claim"
    statuses = {"On file": "received", "In review": "in_process", "Settled": "paid", "Declined": "denied"}

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/guild/locked.asp"),
        Outcome.PASSWORD_EXPIRED: at("/guild/oldpwd.asp"),
        Outcome.SIGNED_OUT: at("/guild/bye.asp"),
        Outcome.WRONG_PASSWORD: inside("[name=main]", says("are not on file together")),
        Outcome.SIGNED_IN: inside("[name=top]", sees("#hdr_office")),
    }

    def practice_places(self, page: Page) -> list[Locator]:
        """The office stands in the frame at the top."""
        top = page.frame_locator("[name=top]")
        return [top.locator(place) for place in ("#hdr_office", "#hdr_tin")]

    async def log_out(self, page: Page, desk: Desk) -> Outcome:
        """The menu is a frame of its own."""
        del desk
        await page.frame_locator("[name=menu]").locator("#lnkExit").click()
        seen = await self.recognise(page, but_not=(Outcome.SIGNED_IN,))
        return seen if isinstance(seen, Outcome) else Outcome.UNRECOGNISED

    async def download_remittance(self, page: Page, claim: dict[str, Any], answer: Answer) -> None:
        """The check register has a row for each claim that a check pays, and links the 835 of its newest checks only."""
        if "payment" not in claim:
            return
        await page.goto(self.address("/guild/checks.asp"))
        await page.named("check register")
        row = page.locator("#listing tr").filter(has_text=claim["payer_claim_number"].value)
        link = row.locator(f'a:text-is("{claim["payment"]["trace_number"].value}")')
        if await link.count() == 1:
            await remittance(link, claim, answer)

    async def read_benefits(self, here: Locator, answer: Answer) -> None:
        """Amounts are the family's, of three plan years: the newest is this one, the others are kept as they stand."""
        told = await here.locator("#elig_facts").read_pairs()
        name, lodge = await here.locator("h1").read(), told.take("Lodge")
        who, company, number = part(name, r"^Benefits of (.+)$"), part(lodge, r"^(.+) \S+$"), part(lodge, r" (\d\S*)$")
        if who is None or company is None or number is None:
            raise PageChanged("the page does not say whose benefits it shows")
        answer.result["patient"] = {
            "full_name": words(who),
            "member_id": words(told.take("Certificate")),
            "birth_date": day(told.take("Born")),
        }
        answer.result["coverage"] = {
            "status": answer.known("Standing", told.take("Standing"), {"In force": "active", "Lapsed": "inactive"}),
            "group_name": words(company),
            "group_number": words(number),
        }
        for label, value in told.rest():
            answer.unplaced(label, value)
        years = (await here.locator("#elig_years").read_table()).expect(
            "Plan year", "Family maximum", "Family used", "Family left"
        )
        newest, *before = sorted(years, key=lambda row: row["Plan year"].text, reverse=True)
        answer.result["accumulators"] = [
            {
                "kind": said("annual_maximum", years.columns[1]),
                "level": said("family", years.columns[1]),
                "period": said("contract", newest["Plan year"]),
                **amounts(
                    newest["Family maximum"], newest["Family used"], newest["Family left"], newest["Plan year"], answer
                ),
            }
        ]
        for row in before:
            answer.unplaced(f"Plan year {row['Plan year'].text}", *row.cells[1:])
        cover = (await here.locator("#elig_cover").read_table()).expect("Work", "Guild pays", "Deductible")
        answer.result["benefits"] = shares(cover, answer, {"Guild pays": None}, deductible="Deductible")
