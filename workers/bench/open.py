"""`bench open`: how long a tile takes, warm and cold, and what a signed-in session costs awake and asleep."""

import asyncio
import time
from collections.abc import Awaitable
from statistics import median
from typing import TypeVar

from playwright.async_api import Page, Playwright

from broker.base.errors import Unavailable
from broker.codes import matching
from carrier_scripts.lab import founding
from workers.bench.demo import Demo, running_demo
from workers.bench.figures import Figures, p50, p95, said
from workers.bench.lab import Straight
from workers.bench.viewer import PERSON, Viewer, launch, until
from workers.browser.host import FRESH_S

T = TypeVar("T")
PORTAL, PLACE = "harborline", "phoenix"
STALE_SHARE, STALE_LEAST = 6, 5
"""One stale run (each waits 20 s) for so many fresh ones, and at least so many (unless fewer runs are asked for)."""
SETTLE_S = 3
PARK_S = 90
TILE = """SELECT portal_account.id, location.id, username FROM portal_account JOIN portal ON portal.id = portal_id,
  location WHERE portal.key = ? AND location.key = ? ORDER BY username"""


def tile(demo: Demo, portal: str = PORTAL) -> tuple[str, str, str]:
    """Account, location and username of the portal's first tile in Phoenix."""
    account, location, username = demo.rows(TILE, portal, PLACE)[0]
    return str(account), str(location), str(username)


async def straight_home(demo: Demo, straight: Straight) -> Page:
    """The same login, straight at a lab that has forgotten everything, on its home page."""
    await straight.forget()
    _, _, username = tile(demo)
    password = next(one.password for one in founding.accounts_of(PORTAL) if one.username == username)
    page, _ = await straight.sign_in(username, password, founding.location(PLACE).legal_name)
    return page


async def before_our_own(demo: Demo, straight: Awaitable[T]) -> T:
    """Do what signs in straight at the lab; over when its mail is on record and too old to be taken for the tab's own."""
    before = _mails(demo)
    found = await straight

    async def read() -> bool | None:
        return _mails(demo) > before or None

    await until(read, "mail of the plain sign-in on record")
    await asyncio.sleep(matching.SKEW.total_seconds() + 1)
    return found


def _mails(demo: Demo) -> int:
    return int(demo.rows("SELECT count(*) FROM code_message")[0][0])


async def measure(demo: Demo, playwright: Playwright, viewer: Viewer, runs: int, *, quick: bool) -> Figures:
    """Cold first (its last run leaves the session that the warm runs use), then warm, then memory."""
    stale = 0 if quick else min(runs, max(STALE_LEAST, runs // STALE_SHARE))
    figures = said(await _cold(demo, playwright, viewer, runs))
    figures |= said(await _warm(demo, viewer, runs, stale_runs=stale))
    return figures | said(await _memory(viewer))


async def _cold(demo: Demo, playwright: Playwright, viewer: Viewer, runs: int) -> Figures:
    """In pairs: the plain script straight at the lab (the floor), then the tile, each asked for an e-mailed code."""
    account, location, username = tile(demo)
    password = next(one.password for one in founding.accounts_of(PORTAL) if one.username == username)
    practice = founding.location(PLACE).legal_name
    straight = await Straight.start(playwright, demo.lab)
    floors, totals = [], []
    try:
        for _ in range(runs):
            await straight.forget()
            page, floor = await straight.sign_in(username, password, practice)
            await page.context.close()
            await straight.forget()
            floors.append(floor)
            totals.append(await viewer.click_tile(account, location))
            await viewer.end(viewer.page.url.rpartition("/")[2], sign_out=True)
            await viewer.page.goto(demo.url)
    finally:
        await straight.close()
    own = [total - floor for total, floor in zip(totals, floors, strict=True)]
    return {"open_cold_own_p50_ms": p50(own), "open_cold_p50_ms": p50(totals), "floor_cold_ms": p50(floors)}


async def _warm(demo: Demo, viewer: Viewer, runs: int, *, stale_runs: int) -> Figures:
    """A session that is signed in and free. Stale: its last proof is older than 20 s, so the home page is shown again first."""
    account, location, _ = tile(demo)
    await viewer.end(await viewer.open(account, location))
    await viewer.page.goto(demo.url)
    fresh, stale = [], []
    for _ in range(runs):
        fresh.append(await viewer.click_tile(account, location))
        await viewer.give_back()
    for _ in range(stale_runs):
        await asyncio.sleep(FRESH_S + 1)
        stale.append(await viewer.click_tile(account, location))
        await viewer.give_back()
    figures = {"open_warm_p50_ms": p50(fresh), "open_warm_p95_ms": p95(fresh)}
    return figures | ({"open_warm_stale_p50_ms": p50(stale)} if stale else {})


async def _browser_mb(viewer: Viewer) -> float:
    """Proportional set size of all browser processes of the host, in MB: the middle of three looks."""
    await asyncio.sleep(SETTLE_S)
    return median([float((await viewer.host())["browser_pss_mb"]) for _ in range(3)])


async def _memory(viewer: Viewer) -> Figures:
    """One session per account, signed in and given back, none streamed: (browsers now - browsers without any) / sessions.

    Proportional set size counts shared pages once over all processes, so the difference is what the sessions added. The spare
    that waits for the next sign-in is there both times.
    """
    await viewer.sign_out_everywhere()
    base = await _browser_mb(viewer)
    signed_in = await _sign_in_everywhere(viewer)
    after = await _browser_mb(viewer)
    return {
        "warm_session_pss_mb": round((after - base) / signed_in, 1),
        "warm_sessions": signed_in,
        "browser_base_pss_mb": base,
    }


async def _sign_in_everywhere(viewer: Viewer) -> int:
    """Open one tile of every account and give it back; how many contexts the host has then."""
    first = {account: (account, location) for account, location in reversed(await viewer.tiles())}
    for account, location in first.values():
        try:
            await viewer.end(await viewer.open(account, location))
        except Unavailable:
            continue  # an account that cannot sign in here has no session to weigh
    return int((await viewer.host())["contexts"])


async def parked(playwright: Playwright) -> Figures:
    """In a demo of its own that parks after a second: the largest sealed state, in KB."""
    with running_demo(park_after_s="1") as demo:
        browser = await launch(playwright)
        viewer = await Viewer.sign_in(demo, browser, demo.link(PERSON))
        account, location, _ = tile(demo)
        await viewer.end(await viewer.open(account, location))
        began = time.monotonic()

        async def asleep() -> float | None:
            largest = demo.rows("SELECT max(size) FROM parked_state")[0][0]
            return float(largest) / 1024 if largest else None

        largest = await until(asleep, "parked session", PARK_S, every_s=0.2)
        await browser.close()
    return {"parked_state_kb": round(largest, 1), "parked_after_s": round(time.monotonic() - began, 1)}
