"""`portunus script test`: every saved page, at its own address, in a real browser, through the real facade.

The file's name is what the script must take the page for. A declared sign without a saved page fails.
"""

import argparse
import asyncio
import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Browser, Route, async_playwright

from broker.base.errors import Unavailable
from broker.base.settings import settings
from carrier_scripts import registry
from carrier_scripts.check import PAGES, check, expected
from carrier_scripts.kit.page import Page
from workers.browser.facade import Facade, watch_status
from workers.browser.find import find

STATUS = re.compile(r'<meta name="saved-status" content="(\d+)">')
ADDRESS = re.compile(r'<link rel="canonical" href="([^"]+)">')
AT_ONCE_MS = 300
"""Nothing moves on a saved page: what does not show at once never shows."""


@dataclass(frozen=True)
class Shown:
    """One page and what the script took it for."""

    key: str
    page: str
    expected: str
    seen: str

    @property
    def right(self) -> bool:
        return self.expected == self.seen


async def show_all(keys: list[str], folder: Path = PAGES) -> list[Shown]:
    """Every saved page of these scripts. Raises `Unavailable` without a browser."""
    shown = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(settings()).path)
        for key in keys:
            for file in sorted((folder / key).glob("*.html")):
                html = await asyncio.to_thread(file.read_text, encoding="utf-8")
                shown.append(Shown(key, file.stem, expected(file), await show(browser, key, html)))
        await browser.close()
    return shown


async def show(browser: Browser, key: str, html: str) -> str:
    """What the script takes this page for; a page without an address is `no_address`."""
    found, status = ADDRESS.search(html), STATUS.search(html)
    if found is None:
        return "no_address"
    address = found[1]
    context = await browser.new_context(java_script_enabled=False)

    async def serve(route: Route) -> None:
        if route.request.url == address:
            code = int(status[1]) if status else 200
            await route.fulfill(status=code, content_type="text/html; charset=utf-8", body=html)
        else:
            await route.abort()

    try:
        await context.route("**/*", serve)
        page = await context.new_page()
        watch_status(page)
        portal = registry.portal(key)()
        live: Any = SimpleNamespace(tabs=[], door=SimpleNamespace(allows=portal.hosts.__contains__, denied=[]))
        await page.goto(address)
        return str(await portal.recognise(Page(Facade(live, page).call), timeout_ms=AT_ONCE_MS))
    finally:
        await context.close()


def main() -> int:
    """Exit code 1 when a page is taken for something else, or one is missing."""
    parser = argparse.ArgumentParser(prog="portunus script test", description=__doc__)
    parser.add_argument("keys", nargs="*")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    keys = asked.keys or registry.keys()
    unknown = [key for key in keys if key not in registry.keys()]  # noqa: SIM118 - a function, not a dictionary
    if unknown:
        parser.error(f"there is no script {unknown[0]}")
    missing = [sentence for key in keys for sentence in check(key)]
    try:
        shown = asyncio.run(show_all(keys))
    except Unavailable as none:
        print(none.message, file=sys.stderr)
        return 1
    wrong = [one for one in shown if not one.right]
    if asked.json:
        print(json.dumps({"shown": [asdict(one) for one in shown], "missing": missing}, indent=2))
    else:
        for one in wrong:
            print(f"{one.key}/{one.page}.html: taken for {one.seen}, is {one.expected}")
        for sentence in missing:
            print(sentence)
        print(f"{len(shown) - len(wrong)} of {len(shown)} saved pages are what they should be")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
