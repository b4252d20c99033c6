"""What shows to a script's signs is what shows to Playwright, however the page is made."""

import pytest
from playwright.async_api import Page

from tests.workers.browser.test_facade import on_the_page
from workers.browser.facade import Facade
from workers.browser.recognising import first_shown

pytestmark = pytest.mark.browser
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


@pytest.mark.parametrize("how", MADE)
def test_a_sign_shows_where_playwright_says_that_it_does(how: str) -> None:
    async def test(facade: Facade, page: Page) -> None:
        del facade
        await page.set_content(MADE[how])
        wanted = await page.locator("#it").filter(visible=True).count() > 0
        assert (await first_shown(page, [["sees", "#it"], ["sees", "#nothing"]]) == 0) == wanted
        assert wanted == ("yes" in MADE[how])

    on_the_page(test)
