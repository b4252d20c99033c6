"""Every saved page, at its own address, in a real Chromium, through the real facade: the file name is the expectation."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Playwright, Route, async_playwright

from broker.base.settings import Settings
from carrier_scripts import registry
from carrier_scripts.check import check, expected
from carrier_scripts.kit.page import Page
from workers.browser.facade import Facade, watch_status
from workers.browser.find import find

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
SAVED = sorted(HERE.glob("*/*.html"))
STATUS = re.compile(r'<meta name="saved-status" content="(\d+)">')
ADDRESS = re.compile(r'<link rel="canonical" href="([^"]+)">')
AT_ONCE_MS = 300
"""Nothing moves on a saved page: what does not show at once never shows."""


class Chromium:
    """One browser for all pages; a context each."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.runner.run(self._start())

    async def _start(self) -> None:
        self.playwright: Playwright = await async_playwright().start()
        self.browser: Browser = await self.playwright.chromium.launch(executable_path=find(Settings()).path)

    async def _stop(self) -> None:
        await self.browser.close()
        await self.playwright.stop()

    def stop(self) -> None:
        self.runner.run(self._stop())
        self.runner.close()

    def recognise(self, key: str, html: str) -> str:
        """What the script takes the page for."""
        return self.runner.run(self._recognise(key, html))

    async def _recognise(self, key: str, html: str) -> str:
        found, status = ADDRESS.search(html), STATUS.search(html)
        assert found, "a saved page says its address: <link rel=canonical href=…>"
        address = found.group(1)
        context = await self.browser.new_context(java_script_enabled=False)
        try:

            async def serve(route: Route) -> None:
                if route.request.url == address:
                    await route.fulfill(
                        status=int(status.group(1)) if status else 200,
                        content_type="text/html; charset=utf-8",
                        body=html,
                    )
                else:
                    await route.abort()

            await context.route("**/*", serve)
            page = await context.new_page()
            watch_status(page)
            portal = registry.portal(key)()
            live: Any = SimpleNamespace(tabs=[], door=SimpleNamespace(allows=portal.hosts.__contains__, denied=[]))
            facade = Facade(live, page)
            await page.goto(address)
            return str(await portal.recognise(Page(facade.call), timeout_ms=AT_ONCE_MS))
        finally:
            await context.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    running = Chromium()
    yield running
    running.stop()


@pytest.mark.parametrize("file", SAVED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_saved_page_is_what_its_name_says(chromium: Chromium, file: Path) -> None:
    assert chromium.recognise(file.parent.name, file.read_text(encoding="utf-8")) == expected(file)


def test_a_misnamed_page_is_found_out(chromium: Chromium) -> None:
    html = (HERE / "harborline" / "locked.html").read_text(encoding="utf-8")
    assert chromium.recognise("harborline", html) != "signed_in"


def test_the_same_words_at_another_address_are_not_believed(chromium: Chromium) -> None:
    """`at` looks at the address: terms served elsewhere are a page nobody knows."""
    html = (HERE / "harborline" / "terms_changed.html").read_text(encoding="utf-8")
    elsewhere = html.replace("https://harborline.sim.test/terms", "https://harborline.sim.test/offers")
    assert chromium.recognise("harborline", elsewhere) == "unrecognised"


@pytest.mark.parametrize("key", registry.keys())
def test_a_script_obeys_every_rule(key: str) -> None:
    assert check(key) == []


@pytest.mark.parametrize("file", SAVED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_saved_page_is_clean(file: Path) -> None:
    """No script, no stored field value, its address without a query and on one of the portal's hosts."""
    html = file.read_text(encoding="utf-8")
    assert not re.search(r"<script|\son\w+=|type=.password.[^>]*\svalue=", html, re.IGNORECASE)
    address = urlsplit(ADDRESS.search(html).group(1))
    assert (address.query, address.hostname in registry.portal(file.parent.name).hosts) == ("", True)
