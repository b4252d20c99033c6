"""Secrets are dots in every picture: whatever the field is called, wherever it stands, also after "show password"."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from playwright.async_api import Page

from tests.workers.browser.test_stream import a_page
from workers.browser import masks, tiles
from workers.browser.live import LiveSession
from workers.browser.screen import Picture

pytestmark = pytest.mark.browser
Steps = Callable[[LiveSession, Page, str], Awaitable[None]]
ADDRESS = "https://portal.test/"


async def _shown(steps: Steps, secret: str) -> Picture:
    async with a_page() as (live, page):
        await live.context.route("**/*", lambda route: route.fulfill(body="<body>", content_type="text/html"))
        await page.goto(ADDRESS)
        await steps(live, page, secret)
        await page.evaluate("document.activeElement.blur()")  # a blinking caret would be a difference
        return tiles.decode(await page.screenshot(), 0, 0)


def _same(steps: Steps) -> bool:
    return np.array_equal(asyncio.run(_shown(steps, "483920")), asyncio.run(_shown(steps, "175604")))


async def _put(page: Page, html: str) -> None:
    await page.evaluate("html => { document.body.innerHTML = html }", html)


async def _plain_field(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input name="answer">')
    await page.fill("input", secret)


async def _desks_field(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input name="answer">')
    field = await page.query_selector("input")
    assert field is not None
    await masks.keep_secret(live, field)
    await field.fill(secret)


async def _desks_field_on_the_next_page(live: LiveSession, page: Page, secret: str) -> None:
    await _desks_field(live, page, secret)
    await page.goto(ADDRESS + "wrong-code")
    await _put(page, f'<input name="answer" value="{secret}">')


async def _password_that_is_shown(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input type="password">')
    await page.fill("input", secret)
    await page.evaluate("document.querySelector('input').type = 'text'")


async def _code_in_a_shadow_root(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, "<div>")
    await page.evaluate(
        "document.querySelector('div').attachShadow({mode: 'open'}).innerHTML = '<input autocomplete=one-time-code>'"
    )
    await page.locator("input").press_sequentially(secret)


async def _code_after_the_page_replaced_its_sheets(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input id="otp-1">')
    await page.evaluate("document.adoptedStyleSheets = []")
    await page.locator("input").press_sequentially(secret)


@pytest.mark.parametrize(
    "steps",
    [
        _desks_field,
        _desks_field_on_the_next_page,
        _password_that_is_shown,
        _code_in_a_shadow_root,
        _code_after_the_page_replaced_its_sheets,
    ],
)
def test_a_secret_does_not_change_the_picture(steps: Steps) -> None:
    assert _same(steps)


def test_what_is_no_secret_does() -> None:
    assert not _same(_plain_field)
