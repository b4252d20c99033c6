"""What shows to a script's signs is what shows to Playwright, however the page is made."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.workers.browser.test_facade import on_the_page
from workers.browser.facade import CallRefused, Facade
from workers.browser.recognising import first_shown

pytestmark = pytest.mark.browser
BENT = """() => {
  const first = document.body;
  Document.prototype.querySelectorAll = () => [first];
  Element.prototype.checkVisibility = () => true;
  Array.prototype.some = Array.prototype.includes = () => true;
}"""
MADE = {
    "plain": "<p id=it>yes</p>",
    "absent": "<p>no</p>",
    "empty": "<p id=it></p>",
    "not displayed": "<p id=it style='display:none'>no</p>",
    "within what is not displayed": "<div hidden><p id=it>no</p></div>",
    "hidden": "<p id=it style='visibility:hidden'>no</p>",
    "shown within what is hidden": "<div style='visibility:hidden'><p id=it style='visibility:visible'>yes</p></div>",
    "folded away": "<details><summary>More</summary><p id=it>no</p></details>",
    "not rendered": "<div style='content-visibility:hidden'><p id=it>no</p></div>",
    "transparent": "<p id=it style='opacity:0'>yes, to Playwright</p>",
    "without a box of its own": "<div id=it style='display:contents'><b>yes</b></div>",
    "the second of two": "<p id=it hidden>no</p><p id=it>yes</p>",
    "in a shadow root": "<div><template shadowrootmode=open><p id=it>yes</p></template></div>",
    "hidden in a shadow root": "<div><template shadowrootmode=open><p id=it hidden>no</p></template></div>",
}

SAID = {
    "plain": "<p>Your account is locked</p>",
    "in other case and over lines": "<p>your ACCOUNT\n  is&#8203; locked</p>",
    "in several elements of one": "<p>Your <b>account</b> is <i>locked</i></p>",
    "on a button": "<input type=submit value='Your account is locked'>",
    "around a script": "<p>Your account <script>void 0</script>is locked</p>",
    "in a shadow root": "<div><template shadowrootmode=open><p>Your account is locked</p></template></div>",
    "only hidden": "<p hidden>Your account is locked (no)</p>",
    "behind a hidden one": "<p hidden>Your account is locked</p><p>Your account is locked</p>",
    "only in a script": "<script>'Your account is locked (no)'</script>",
    "in a field": "<input value='Your account is locked (no)'>",
    "in parts that are not one": "<p>Your account (no)</p><p>is locked</p>",
}


@pytest.mark.parametrize("how", SAID)
def test_words_show_where_playwright_says_that_they_do(how: str) -> None:
    async def test(facade: Facade, page: Page) -> None:
        del facade
        await page.set_content(SAID[how])
        wanted = await page.get_by_text("your account is Locked").filter(visible=True).count() > 0
        assert (await first_shown(page, [["says", "your account is Locked"], ["sees", "#nothing"]]) == 0) == wanted
        assert wanted == ("(no)" not in SAID[how])

    on_the_page(test)


def test_no_script_of_the_page_can_bend_what_is_seen() -> None:
    async def test(facade: Facade, page: Page) -> None:
        await page.evaluate(BENT)
        assert await facade.recognise(0, [["no", ["sees", "#nothing"]], ["go", ["sees", "#go"]]], [], 0) == "go"

    on_the_page(test)


def test_a_tab_that_is_closed_is_not_waited_for() -> None:
    async def test(facade: Facade, page: Page) -> None:
        looking = asyncio.ensure_future(facade.recognise(0, [["no", ["sees", "#nothing"]]], [], 20_000))
        await asyncio.sleep(0)
        await page.close()
        with pytest.raises(CallRefused, match="closed in mid run"):
            await looking
        assert facade.broken

    on_the_page(test)


@pytest.mark.parametrize("how", MADE)
def test_a_sign_shows_where_playwright_says_that_it_does(how: str) -> None:
    async def test(facade: Facade, page: Page) -> None:
        del facade
        await page.set_content(MADE[how])
        wanted = await page.locator("#it").filter(visible=True).count() > 0
        assert (await first_shown(page, [["sees", "#it"], ["sees", "#nothing"]]) == 0) == wanted
        assert wanted == ("yes" in MADE[how])

    on_the_page(test)
