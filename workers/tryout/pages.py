"""`portunus script test`: every saved page, at its own address, in a real browser, through the real facade.

The file's name is what the script must take the page for. A declared sign without a saved page fails. The script runs in its
confined process here too: nobody may have read it yet.
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

from playwright.async_api import BrowserContext, Route, async_playwright

from broker.adapters.script_process import with_facts
from broker.base.errors import BrokerError
from broker.base.settings import settings
from carrier_scripts import place, registry
from carrier_scripts.check import check, expected
from carrier_scripts.kit.portal import LOGIN_FORM, PASSWORD_FORM
from carrier_scripts.registry import Script
from workers.browser.facade import Facade, watch_status
from workers.browser.find import find
from workers.browser.limit import Limit
from workers.browser.scriptrun import ScriptProcesses

STATUS = re.compile(r'<meta name="saved-status" content="(\d+)">')
ADDRESS = re.compile(r'<link rel="canonical" href="([^"]+)">')
LIMIT_S = 30.0
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


async def show_all(keys: list[str], folder: Path | None = None) -> list[Shown]:
    """Every saved page of these scripts. Raises `Unavailable` without a browser, `Incomplete` for a script that does not load."""
    shown = []
    chosen = settings()
    processes = ScriptProcesses(chosen.browser_user, unconfined=chosen.allow_unconfined_scripts)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(chosen).path)
        for key in keys:
            scripts = place.holding(key)
            script, saved = registry.script(key, scripts), folder or place.pages(scripts)
            sources = [{"module": one["module"], "text": one["text"]} for one in script.sources]
            declared = await asyncio.to_thread(with_facts, key, script.digest, sources)
            hosts = frozenset(declared.facts["hosts"])
            for file in sorted((saved / key).glob("*.html")):
                html = await asyncio.to_thread(file.read_text, encoding="utf-8")
                context = await browser.new_context(java_script_enabled=False)
                seen = await show(context, processes, script, hosts, html)
                await context.close()
                shown.append(Shown(key, file.stem, expected(file), seen))
        await browser.close()
    await processes.stop()
    return shown


async def show(
    context: BrowserContext, processes: ScriptProcesses, script: Script, hosts: frozenset[str], html: str
) -> str:
    """What the script takes this page for, in a fresh context without JavaScript; a page without an address is `no_address`."""
    found, status = ADDRESS.search(html), STATUS.search(html)
    if found is None:
        return "no_address"
    address = found[1]

    async def serve(route: Route) -> None:
        if route.request.url == address:
            code = int(status[1]) if status else 200
            await route.fulfill(status=code, content_type="text/html; charset=utf-8", body=html)
        else:
            await route.abort()

    await context.route("**/*", serve)
    page = await context.new_page()
    watch_status(page)
    live: Any = SimpleNamespace(tabs=[], door=SimpleNamespace(allows=hosts.__contains__, denied=[]))
    await page.goto(address)
    facade, told = Facade(live, page), [""]

    async def answer(name: str, args: dict[str, Any]) -> Any:
        at_once = args | ({"timeout_ms": AT_ONCE_MS} if name == "recognise" else {})
        said = await facade.call(name, at_once)
        told.append(str(said) if name == "recognise" else told[-1])
        return said

    done = await processes.run(script, "recognise", answer, limit=Limit(LIMIT_S))
    no_outcome = told[-1] in (LOGIN_FORM, PASSWORD_FORM) or told[-1].startswith("between:")
    return told[-1] if no_outcome else done.outcome.value


def main() -> int:
    """Exit code 1 when a page is taken for something else, or one is missing."""
    parser = argparse.ArgumentParser(prog="portunus script test", description=__doc__)
    parser.add_argument("keys", nargs="*")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    keys = asked.keys or registry.keys(place.folder())
    unknown = [key for key in keys if key not in registry.keys(place.holding(key))]
    if unknown:
        parser.error(f"there is no script {unknown[0]}")
    homes = {key: place.holding(key) for key in keys}
    missing = [no for key, home in homes.items() for no in check(key, scripts=home, pages=place.pages(home))]
    try:
        shown = asyncio.run(show_all(keys))
    except BrokerError as none:
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
