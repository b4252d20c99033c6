"""Meridian Shared Services, nine payers. Asks on the owner's telephone for the number it shows; can mail a code instead."""

from typing import Any

from carrier_scripts.families.plain_tables import PlainTables, Search
from carrier_scripts.kit import (
    Answer,
    Approval,
    Asked,
    Choice,
    CodeStep,
    Locator,
    LoginForm,
    NoAnswer,
    Outcome,
    Page,
    PageChanged,
    Row,
    Seen,
    any_of,
    at,
    day,
    need,
    percent,
    said,
    sees,
    settled_rows,
    status,
    whole,
    words,
)  # fmt: skip


class MeridianShared(PlainTables):
    name = "Meridian Shared Services"
    hosts = frozenset({"meridian.sim.test"})
    start = "https://meridian.sim.test/mss/login"
    home = "https://meridian.sim.test/mss/home"
    carriers = (
        "Alder Creek Dental", "Basin Mutual", "Cordillera Health", "Dry Fork Benefits", "Elkhorn Dental Plan",
        "Foxglove Trust", "Gila Bend Dental", "Hopewell Union", "Indigo Mesa Health",
    )  # fmt: skip

    login = LoginForm(username="#mss-email", password="#mss-pass", submit="#mss-go")
    code = CodeStep(field="#mss-code", submit="#mss-code-go", remember="#mss-trust")
    between = (
        Approval("#mss-number", instead={"email": "#mss-use-email"}),
        Choice("office", options="#mss-office-list option", select="#mss-office-list", submit="#mss-office-go"),
    )
    practice = ("#mss-office",)
    sign_out = "#mss-logout"

    reads = ("/mss/home", "/mss/benefits", "/mss/member/*", "/mss/claim*", "/mss/eob/*", "/mss/api/*")
    searches = ("/mss/benefits",)
    payer_choice = True
    search = Search("/mss/benefits", member="#mss-member", born="#mss-born", find="#mss-find", nobody="#mss-none")
    claims, claim = "/mss/claims", "/mss/claim"
    statuses = {"Sent": "received", "With payer": "in_process", "Paid": "paid", "Rejected": "denied"}

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/mss/locked"),
        Outcome.WRONG_PASSWORD: sees("#mss-bad"),
        Outcome.PASSWORD_EXPIRED: at("/mss/password"),
        Outcome.SIGNED_OUT: at("/mss/ended"),
        Outcome.CODE_LATE: sees("#mss-code-old"),
        Outcome.WRONG_CODE: any_of(sees("#mss-code-bad"), at("/mss/denied")),
        Outcome.ASKS_CODE: sees("#mss-code"),
        Outcome.SIGNED_IN: sees("#mss-office"),
    }

    async def choose_payer(self, page: Page, asked: Asked) -> None:
        if asked.payer not in await page.locator("#mss-payer option").all_inner_texts():
            raise NoAnswer("payer_unavailable")
        await page.locator("#mss-payer").select_option(label=asked.payer)

    async def read_benefits(self, here: Locator, answer: Answer) -> None:
        """The usual tables, then a grid of many procedures of which only those in view are in the page."""
        await super().read_benefits(here, answer)
        total = need(whole(await here.locator("#mss-count").read()), "how many procedures there are").value
        found: dict[str, list[Seen]] = {}
        await here.locator("#mss-grid [role=row]").first.wait_for()  # they come after the page
        while True:
            rows = (await here.locator("#mss-grid").read_table()).rows
            if not rows or any(len(row.cells) != 4 for row in rows):
                raise PageChanged("the grid of procedures has other columns")
            known = len(found)
            found |= {row.cells[0].text: row.cells for row in rows}
            if len(found) >= total:
                break
            if len(found) == known:
                raise PageChanged("the grid of procedures ends before its count")
            await here.locator("#mss-grid").get_by_text(rows[-1].cells[0].text, exact=True).scroll()
            await here.locator("#mss-grid").get_by_text(rows[0].cells[0].text, exact=True).wait_for(state="hidden")
        if len(found) != total:
            raise PageChanged("the grid has more procedures than its count")
        answer.result["benefits"] += [_procedure(*cells) for cells in found.values()]

    async def listed(self, page: Page, asked: Asked, answer: Answer) -> tuple[list[Row], Seen | None]:
        """Rows load as one scrolls, 200 at most; what was cut off is said in small print only."""
        more = page.locator("#mss-more")

        async def read() -> tuple[list[Row], int]:
            await page.goto(self.address(self.claims))
            await page.named("claims list")
            parts = 0
            for loaded in range(0, 1000, 40):
                new = f"#mss-more.tiny, #mss-claims tbody tr:nth-child({loaded + 1})"
                await page.locator(new).first.wait_for(state="attached")
                parts += 1
                if await page.locator("#mss-more.tiny").count():
                    break
                await more.scroll()
            table = await page.locator("#mss-claims").read_table()
            return list(table.expect("Claim", "Member", "Member ID", "Served", "Status", "Billed", "Paid")), parts

        every = await settled_rows(read, key="Claim")
        cut = await more.read() if await more.is_visible() else None
        rows = [row for row in every if self.wanted(row, asked, "Served")]
        oldest = need(day(every[-1]["Served"]), "the date of service").value if every else None
        if cut and oldest and (asked.service_from is None or asked.service_from <= oldest):
            if not rows:
                raise NoAnswer("results_too_many", cut)
            answer.result["truncated"] = said(True, cut)
            answer.unplaced("Claims list", cut)
        return rows, cut


def _procedure(code: Seen, label: Seen, pays: Seen, limit: Seen) -> dict[str, Any]:
    share = need(percent(pays), "what the plan pays")
    return {
        "category": said("other", label),
        "label": words(label),
        "codes": [words(code)],
        "plan_pays_percent": share,
        "patient_pays_percent": said(100 - share.value, pays, computed=True),
        "frequency": [] if limit.blank else [{"raw_text": words(limit)}],
    }
