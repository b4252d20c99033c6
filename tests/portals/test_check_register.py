"""Oldfield Guild's check register: a check that pays two claims has a row, and a link to the same 835, for each."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Locator, async_playwright

from broker.base.settings import Settings
from carrier_scripts.kit import Answer
from carrier_scripts.kit.reading import Value
from carrier_scripts.portals import oldfield_guild
from workers.browser.find import find

pytestmark = pytest.mark.browser
REGISTER = """<table id=listing><tr><th>Check<th>Date<th>Claim<th>Amount</tr>
<tr><td><a href=/guild/835/7001>7001</a><td>11/02/2026<td>OG81001<td>$98.00</tr>
<tr><td><a href=/guild/835/7001>7001</a><td>11/02/2026<td>OG81002<td>$12.00</tr></table>"""


def test_both_claims_of_one_check_get_its_835(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []

    async def fetch(link: Locator, claim: dict[str, Any], answer: Answer) -> None:
        beside = await link.locator("xpath=ancestor::tr").inner_text()
        fetched.append((claim["payer_claim_number"].value, claim["payer_claim_number"].value in beside))

    async def test() -> None:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
            page: Any = await browser.new_page()
            await page.set_content(REGISTER)

            async def nothing(_: str) -> None: ...

            page.goto = page.named = nothing
            found = [
                {"payer_claim_number": Value(number, (0,)), "payment": {"trace_number": Value("7001", (1,))}}
                for number in ("OG81001", "OG81002")
            ]
            for claim in found:
                await oldfield_guild.OldfieldGuild().download_remittance(page, claim, Answer())
            await browser.close()

    monkeypatch.setattr(oldfield_guild, "remittance", fetch)
    asyncio.run(test())
    assert fetched == [("OG81001", True), ("OG81002", True)]
