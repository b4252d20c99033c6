"""The picture of a page that is kept: how it looks, not what it says of anybody."""

import asyncio

import pytest
from playwright.async_api import Page, async_playwright

from broker.base.settings import Settings
from workers.browser.evidence import picture
from workers.browser.find import find

pytestmark = pytest.mark.browser
HTML = """<h1>{name}</h1><p>{name}</p><div>{name}<a href=#>{name}</a></div><ul><li>{name}</li></ul>
<label>Member <input value="{name}"></label><table><tr><td>{name}</td></tr></table><x-card></x-card>
<iframe srcdoc="<div>{name}</div>"></iframe><button>{button}</button>
<script>document.querySelector('x-card').attachShadow({{mode: 'open'}}).innerHTML = '<span>{name}</span>'</script>"""


async def pictures(*pages: tuple[str, str]) -> list[bytes]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
        page = await browser.new_page()
        taken = [await _taken(page, *one) for one in pages]
        await browser.close()
        return taken


async def _taken(page: Page, name: str, button: str) -> bytes:
    await page.set_content(HTML.format(name=name, button=button))
    await page.frame_locator("iframe").locator("div").wait_for()
    return await picture(page)


def test_two_patients_look_the_same_and_two_buttons_do_not() -> None:
    maria, petra, other = asyncio.run(
        pictures(("Maria Garcia", "Sign in"), ("Petra Wilson", "Sign in"), ("Maria Garcia", "Go away"))
    )
    assert maria == petra
    assert maria != other
