"""What a lookup may send: the pages and searches its script declares, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
from playwright.async_api import Error, Frame, Page, Route, async_playwright

from broker.base.settings import Settings
from carrier_scripts.portals.harborline import Harborline
from workers.browser.find import find
from workers.browser.shortways import press
from workers.browser.writeguard import WriteGuard

HOST = "https://harborline.sim.test"


@pytest.mark.parametrize(
    ("method", "address", "kind", "allowed"),
    [
        ("GET", f"{HOST}/eligibility/HD1?tab=plan", "Document", True),
        ("POST", f"{HOST}/eligibility", "Document", True),
        ("POST", f"{HOST}/eligibility", "XHR", True),
        ("GET", f"{HOST}/claims/1", "Fetch", True),
        ("GET", f"{HOST}/favicon.ico", "Other", True),
        ("POST", f"{HOST}/claims/1", "Document", False),
        ("POST", f"{HOST}/eligibility", "Ping", False),
        ("POST", f"{HOST}/eligibility/HD1", "Document", False),
        ("GET", f"{HOST}/account/close", "Document", False),
        ("GET", f"{HOST}/payments/change-bank", "XHR", False),
        ("DELETE", f"{HOST}/claims/1", "Fetch", False),
        ("PUT", f"{HOST}/eligibility", "Fetch", False),
        ("GET", "https://elsewhere.sim.test/eligibility", "Document", False),
        ("GET", "http://harborline.sim.test/eligibility", "Document", False),
    ],
)
def test_only_declared_reads_and_searches_leave(method: str, address: str, kind: str, allowed: bool) -> None:
    assert WriteGuard(Harborline).allows(method, address, kind) is allowed


@pytest.mark.parametrize(
    ("method", "address", "kind", "writes"),
    [
        ("POST", f"{HOST}/claims/1", "XHR", True),
        ("POST", f"{HOST}/claims/1", "Ping", True),
        ("POST", "https://elsewhere.example/", "Document", True),
        ("POST", "https://counts.example/", "Ping", False),
        ("GET", "https://counts.example/", "Fetch", False),
        ("GET", f"{HOST}/account", "XHR", False),
    ],
)
def test_a_stranger_that_changes_nothing_at_the_portal_is_no_write(
    method: str, address: str, kind: str, writes: bool
) -> None:
    guard = WriteGuard(Harborline)
    assert not guard.allows(method, address, kind)
    assert guard.writes(method, address, kind) is writes


PORTAL, OTHER, THIRD = "https://portal.example", "https://other.example", "https://third.example"
PAGES = {
    f"{PORTAL}/": f"<h1>Claims</h1><a href=/undeclared>Undeclared</a><iframe src={OTHER}/frame></iframe>",
    f"{OTHER}/frame": f"<script>fetch('/early', {{ method: 'POST' }})</script><iframe src={THIRD}/frame></iframe>",
    f"{THIRD}/frame": "<p>Inside</p>",
}
DECLARED = SimpleNamespace(
    reads=("/", "/frame"),
    searches=("/search",),
    hosts=frozenset({"portal.example", "other.example", "third.example"}),
)
Tries = Callable[[Page, WriteGuard], Awaitable[None]]


def left(tries: Tries, *arguments: str) -> tuple[list[str], WriteGuard]:
    """What left a browser that shows the three sites, and the guard."""
    sent: list[str] = []

    async def answer(route: Route) -> None:
        sent.append(f"{route.request.method} {route.request.url}")
        await route.fulfill(body=PAGES.get(route.request.url, "answered"), content_type="text/html")

    async def test() -> WriteGuard:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find(Settings()).path, args=arguments)
            context = await browser.new_context()
            await context.route("**/*", answer)
            page = await context.new_page()
            guard = WriteGuard(DECLARED)
            await guard.stand(page)
            await page.goto(f"{PORTAL}/")
            await tries(page, guard)
            await browser.close()
            return guard

    return sent, asyncio.run(asyncio.wait_for(test(), 60))


async def frame_of(page: Page, address: str) -> Frame:
    while not (found := page.frame(url=f"{address}/frame")):
        await page.wait_for_event("framenavigated")
    await found.wait_for_load_state()
    return found


@pytest.mark.browser
@pytest.mark.parametrize("arguments", [(), ("--site-per-process",)])
@pytest.mark.parametrize("site", [OTHER, THIRD])
def test_a_frame_of_another_site_cannot_write_either(site: str, arguments: tuple[str, ...]) -> None:
    async def tries(page: Page, guard: WriteGuard) -> None:
        frame = await frame_of(page, site)
        with pytest.raises(Error, match="Failed to fetch"):
            await frame.evaluate("() => fetch('/bank', { method: 'POST' }).then(() => 1)")
        assert (
            await frame.evaluate("() => fetch('/search', { method: 'POST' }).then((told) => told.text())") == "answered"
        )

    sent, guard = left(tries, *arguments)
    assert sent == [f"GET {PORTAL}/", f"GET {OTHER}/frame", f"GET {THIRD}/frame", f"POST {site}/search"]
    assert guard.blocked == 2


@pytest.mark.browser
@pytest.mark.parametrize("arguments", [(), ("--site-per-process",)])
def test_a_worker_cannot_write_either(arguments: tuple[str, ...]) -> None:
    async def tries(page: Page, guard: WriteGuard) -> None:
        frame = await frame_of(page, OTHER)
        told = await frame.evaluate(
            """(to) => new Promise((done) => {
              const text = `fetch('${to}/bank', { method: 'POST' }).then(() => postMessage('sent'), () => postMessage('stopped'))`;
              const worker = new Worker(URL.createObjectURL(new Blob([text])));
              worker.onmessage = (said) => done(said.data); })""",
            OTHER,
        )
        assert told == "stopped"

    sent, guard = left(tries, *arguments)
    assert not [one for one in sent if "bank" in one]
    assert guard.blocked == 2


@pytest.mark.browser
def test_a_press_towards_a_page_that_is_not_declared_ends_and_is_no_write() -> None:
    async def tries(page: Page, guard: WriteGuard) -> None:
        await frame_of(page, THIRD)
        before = guard.blocked
        box = await page.locator("a").bounding_box()
        assert box is not None
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Page.enable")
        await press(cdp, guard, box["x"] + 4, box["y"] + 4, 20)
        assert guard.blocked == before

    sent, _ = left(tries)
    assert not [one for one in sent if "undeclared" in one]


@pytest.mark.browser
def test_a_count_of_visitors_elsewhere_is_stopped_and_ends_no_lookup() -> None:
    async def tries(page: Page, guard: WriteGuard) -> None:
        await frame_of(page, THIRD)
        before = guard.blocked
        await page.evaluate("() => navigator.sendBeacon('https://counts.example/seen', 'x')")
        with pytest.raises(Error, match="Failed to fetch"):
            await page.evaluate("() => fetch('https://counts.example/pixel')")
        assert guard.blocked == before

    sent, _ = left(tries)
    assert not [one for one in sent if "counts" in one]
