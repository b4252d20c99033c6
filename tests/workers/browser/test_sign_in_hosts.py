"""A host that the browser may reach is no place for a secret: it is typed on the script's `sign_in_hosts`, and nowhere else."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Page, Route, async_playwright

from broker.base.settings import Settings
from broker.tabs.service import Claim, Practice
from tests.fakes.clock import ManualClock
from tests.fakes.signals import MemorySignals
from workers.browser import desk as desks
from workers.browser import fields
from workers.browser.calls import CallRefused
from workers.browser.desk import Desk
from workers.browser.egress import Door
from workers.browser.facade import Facade
from workers.browser.find import find
from workers.browser.limit import Limit
from workers.browser.live import LiveSession

pytestmark = pytest.mark.browser
PORTAL, CDN = "portal.example", "cdn.example"
FORM = """<input id=user><input id=password type=password><input id=code><p id=question>Your school?</p>
<p id=seed>JBSWY3DPEHPK3PXP</p><button id=go type=button>Go</button>"""
PAGES = {
    f"https://{PORTAL}/": FORM,
    f"https://{CDN}/": FORM,
    f"https://{PORTAL}/around": f"<iframe src=https://{CDN}/></iframe>",
    f"https://{CDN}/around": f"<iframe src=https://{PORTAL}/></iframe>",
}
NOBODY = Practice("loc", "Phoenix", (), (), "", "")
Tried = tuple[tuple[str, bool] | None, list[str]]


def call(name: str, in_frame: bool) -> dict[str, Any]:
    def at(selector: str) -> list[Any]:
        frame = [["frame_locator", ["iframe"], {}]] if in_frame else []
        return [*frame, ["locator", [selector], {}]]

    return {
        "type_username": {"page": 0, "chain": at("#user")},
        "type_secret": {"page": 0, "chain": at("#password"), "field": "password"},
        "type_answer": {"page": 0, "question": at("#question"), "chain": at("#code")},
        "type_code": {"page": 0, "chain": at("#code")},
        "enrol": {"page": 0, "chain": at("#seed"), "field": at("#code")},
        "keep_recovery_codes": {"page": 0, "chain": at("#seed")},
    }[name]


CALLS = ("type_username", "type_secret", "type_answer", "type_code", "enrol", "keep_recovery_codes")


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A broker that gives out every secret at once; what it was given to keep."""
    now, kept = ManualClock().now(), []
    name, answer, code = "mira", "Hilltop", "482913"
    tabs = SimpleNamespace(
        username=lambda *_: name, submit=lambda *_: "req", release_answer=lambda *_: answer, progress=lambda *_: None,
        may_enrol=lambda *_: None, capture_seed=lambda *_: kept.append("seed") or code,
        keep_recovery_codes=lambda *_: kept.append("codes"),
    )  # fmt: skip
    codes = SimpleNamespace(
        waiting=lambda *_: None, not_needed=lambda *_: None, typed=lambda *_: None, deadline=lambda *_: now + timedelta(minutes=3),
        take=lambda *_: SimpleNamespace(code=code, wait_s=0),
    )  # fmt: skip
    monkeypatch.setattr(desks, "tabs", tabs)
    monkeypatch.setattr(desks, "codes", codes)
    monkeypatch.setattr(fields, "FIELD_MS", 5_000)
    return kept


async def tried(url: str, sign_in_hosts: tuple[str, ...]) -> dict[str, Tried]:
    """Each call on a fresh page of this address: how it was refused, and what stands in the page's fields after it."""

    async def serve(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=PAGES[route.request.url])

    @contextmanager
    def unit(actor: Any) -> Iterator[None]:
        yield None

    hosts, told = (PORTAL, CDN), {}
    claim = Claim(
        "att", "ses", "org", "acc", "loc", "login", 1, "planted", f"https://{PORTAL}/", hosts, {}, "UTC",
        wanted=NOBODY, sign_in_hosts=sign_in_hosts,
    )  # fmt: skip
    portunus: Any = SimpleNamespace(unit=unit, vault=None, clock=ManualClock(), signals=MemorySignals())
    shard: Any = SimpleNamespace(died=asyncio.Event(), dead=False)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
        context = await browser.new_context()
        await context.route("**/*", serve)
        page = await context.new_page()
        for name in CALLS:
            await page.goto(url)
            live = LiveSession(claim, context, Door("ses", "acc", 1, hosts, lambda host: None), shard)
            desk = Desk(portunus, live, Facade(live, page), Limit(20))
            desk._request_id = "req"
            why = None
            try:
                await desk.call(name, call(name, in_frame=url.endswith("/around")))
            except CallRefused as refused:
                why = (refused.code, "sign_in_hosts" in refused.message)
            told[name] = (why, await fields_of(page))
        await browser.close()
    return told


async def fields_of(page: Page) -> list[str]:
    stands = []
    for frame in page.frames:
        stands += await frame.evaluate("[...document.querySelectorAll('input')].map((one) => one.value)")
    assert stands
    return [one for one in stands if one]


@pytest.mark.parametrize("url", [f"https://{CDN}/", f"https://{PORTAL}/around", f"https://{CDN}/around"])
def test_nothing_is_typed_or_read_where_the_browser_may_only_go(url: str, broker: list[str]) -> None:
    """The page is the other host's, the frame in it is, or the page around the portal's frame is."""
    told = asyncio.run(tried(url, (PORTAL,)))
    assert told == {name: (("led_away", True), []) for name in CALLS}
    assert broker == []


def test_on_a_host_that_the_script_signs_in_on_it_is_typed(broker: list[str]) -> None:
    told = asyncio.run(tried(f"https://{PORTAL}/around", (PORTAL, CDN)))
    assert {name: stands for name, (why, stands) in told.items() if why is None} == {
        "type_username": ["mira"], "type_secret": [],  # a password waits for submit_login
        "type_answer": ["Hilltop"], "type_code": ["482913"], "enrol": ["482913"], "keep_recovery_codes": [],
    }  # fmt: skip
    assert broker == ["seed", "codes"]
