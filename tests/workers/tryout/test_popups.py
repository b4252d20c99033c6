"""A script in a try-out gets the page that its portal opens beside the first one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route

from broker.adapters.script_process import digest_of
from broker.base.settings import Settings
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.registry import Script
from workers.browser.calls import CallRefused
from workers.browser.facade import Facade
from workers.browser.pool import Pool, Shard
from workers.browser.scriptrun import Done
from workers.tryout.desk import OwnLogin
from workers.tryout.signing import sign_in

pytestmark = pytest.mark.browser
KEY, HOST = "opens_windows", "opens-windows.sim.test"
TEXT = f"""
from carrier_scripts.kit import LoginForm, Outcome, Portal, sees, status


class OpensWindows(Portal):
    name = "Opens windows"
    hosts = frozenset({{"{HOST}"}})
    start = "https://{HOST}/"
    home = "https://{HOST}/"
    login = LoginForm(username="#name", password="#password", submit="#go")
    signs = {{Outcome.DOWN: status(503), Outcome.SIGNED_IN: sees("#inside")}}

    async def sign_in(self, page, desk):
        await page.goto(self.start)
        await page.locator("a").click()
        window = await page.wait_for_page()
        await window.locator("button").click()
        return await self.recognise(window)
"""
FIRST = '<a href="/window" target=_blank>Sign in</a>'
WINDOW = "<button onclick=\"location = '/home'\">Go on</button>"
PAGES = {"/": (200, FIRST), "/window": (200, WINDOW), "/home": (200, "<p id=inside>Welcome</p>")}


class Onlooker:
    """Nobody watches."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def before(self, name: str, args: dict[str, Any]) -> None: ...
    async def after(
        self, name: str, args: dict[str, Any], said: Any, no: CallRefused | None, facade: Facade
    ) -> None: ...
    async def over(self, ended: Done, page: Page) -> None: ...

    def tell(self, words: str) -> None:
        self.told.append(words)


def tried(monkeypatch: pytest.MonkeyPatch, folder: Path, home: tuple[int, str]) -> Done:
    """One run at a portal that has these pages."""
    pages = PAGES | {"/home": home}
    real = Pool.context

    async def serve(route: Route) -> None:
        code, body = pages.get(route.request.url.removeprefix(f"https://{HOST}"), (404, ""))
        await route.fulfill(status=code, content_type="text/html", body=body)

    async def served(pool: Pool, organization_id: str, **options: Any) -> tuple[Shard, BrowserContext]:
        shard, context = await real(pool, organization_id, **options)
        await context.route("**/*", serve)
        return shard, context

    async def none() -> str:
        return ""

    monkeypatch.setattr(Pool, "context", served)
    sources = [{"module": f"carrier_scripts.portals.{KEY}", "text": TEXT}]
    script = Script(KEY, sources, digest_of(sources))  # type: ignore[arg-type]
    login = OwnLogin("mira", "secret", none, lambda: None)
    hosts = frozenset({HOST})
    return asyncio.run(sign_in(Settings(data_dir=folder), script, hosts, hosts, login, Onlooker()))


def test_a_page_that_opens_in_a_try_out_is_the_scripts_to_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = tried(monkeypatch, tmp_path, PAGES["/home"])
    assert (done.outcome, done.words) == (Outcome.SIGNED_IN, "")


def test_the_status_of_a_page_that_opened_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert tried(monkeypatch, tmp_path, (503, "Away")).outcome is Outcome.DOWN
