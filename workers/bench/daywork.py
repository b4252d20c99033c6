"""The billing script that benches repeat: look a member up, the claims, one claim, the 200 latest scrolled through, back.

One round is one claim, the next one of the list each time, run without the two minutes in which a biller reads and thinks:
five rounds are the ten-minute script, thirty are an hour. Thinking costs nothing (a still page sends nothing).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from playwright.async_api import FloatRect, Page

from broker.base.errors import Unavailable

ROUNDS_AN_HOUR = 30
ROUNDS_OF_THE_SCRIPT = 5
MEMBER = "HD1000427315566"
CHARACTER_S = 0.06
TICK_PIXELS, TICKS, TICK_S = 100, 20, 0.1
"""One notch of a mouse wheel, in CSS pixels; how many through the long table, and how far apart."""
FLING_PIXELS, FLINGS, FRAME_S = 50, 80, 1 / 60
"""The scroll whose pictures are counted: a wheel event for each frame of a 60 Hz screen."""
SETTLED_S = 0.4


@dataclass(frozen=True)
class Stops:
    """Where the script clicks on Harborline's pages, in the remote tab's pixels."""

    eligibility: FloatRect
    claims: FloatRect
    recent: FloatRect
    member: FloatRect
    listed: list[FloatRect]
    """The claims of the list that stand in the window."""


@dataclass
class Seat:
    """Somebody at a picture of the portal, ours or a peer's. `left`, `top`: where the remote page begins in her window."""

    page: Page
    left: float
    top: float
    bytes: Callable[[], Awaitable[float]]
    """Both ways, so far."""

    async def click(self, at: FloatRect) -> None:
        """Near the element's left end, as long links break; then wait until the picture stands."""
        await self.page.mouse.click(
            self.left + at["x"] + min(at["width"] / 2, 12), self.top + at["y"] + at["height"] / 2
        )
        await self.settled()

    async def settled(self) -> None:
        """Until nothing has come for 0.4 s."""
        last, since = -1.0, time.monotonic()
        while time.monotonic() - since < SETTLED_S:
            now = await self.bytes()
            if now != last:
                last, since = now, time.monotonic()
            await asyncio.sleep(0.05)

    async def wheel(self, pixels: int, times: int, every_s: float) -> float:
        """Turn the wheel over the middle of the page; the seconds it took."""
        await self.page.mouse.move(self.left + 640, self.top + 400)
        began = time.perf_counter()
        for turn in range(times):
            await asyncio.sleep(max(0.0, began + turn * every_s - time.perf_counter()))
            await self.page.mouse.wheel(0, pixels)
        return time.perf_counter() - began


async def look_up(page: Page) -> Stops:
    """In a browser straight at the lab, of the viewer's size, signed in, its announcement closed."""
    await page.click("#nav-eligibility")
    eligibility, claims, recent = [
        await box(page, f"#nav-{name}") for name in ("eligibility", "claims", "recent")
    ]  # the bar stands at the same place on every page
    member = await box(page, "#member-id")
    await page.click("#nav-claims")
    links = [await one.bounding_box() for one in await page.locator("#claims-table tbody tr a:first-child").all()]
    height = await page.evaluate("innerHeight")
    listed = [link for link in links if link is not None and link["y"] + link["height"] < height]
    return Stops(eligibility, claims, recent, member, listed)


async def one_round(seat: Seat, stops: Stops, number: int = 0) -> None:
    """Search, claims, one claim (which one changes with the `number` of the round), the long table down and up again, back to the claims."""
    await seat.click(stops.eligibility)
    await seat.click(stops.member)
    for letter in MEMBER:
        await seat.page.keyboard.press(letter)
        await asyncio.sleep(CHARACTER_S)
    await seat.click(stops.claims)
    await seat.click(stops.listed[number % len(stops.listed)])
    await seat.click(stops.recent)
    await seat.wheel(TICK_PIXELS, TICKS, TICK_S)
    await seat.settled()
    await seat.wheel(-TICK_PIXELS, TICKS + 10, TICK_S)
    await seat.settled()
    await seat.click(stops.claims)


@dataclass(frozen=True)
class Scroll:
    """Both ways, while it lasted; and how many of her screen's frames showed something new."""

    bytes_per_s: float
    fps: float


async def scrolled(seat: Seat) -> Scroll:
    """The 200 latest claims, which are shown, flung through."""
    before = await seat.bytes()
    await seat.page.evaluate("() => { window.portunusBench.drawn = []; }")
    took = await seat.wheel(FLING_PIXELS, FLINGS, FRAME_S)
    sent = await seat.bytes() - before
    shown = await seat.page.evaluate("() => window.portunusBench.drawn")
    await seat.wheel(-10 * FLING_PIXELS, FLINGS // 4, FRAME_S)
    await seat.settled()
    return Scroll(sent / took, frames_per_s(shown, took))


def frames_per_s(times_ms: Sequence[float], seconds: float) -> float:
    """Of those between the first and the last within so many seconds; 0 where there are fewer than two."""
    during = [at for at in times_ms if at - times_ms[0] <= seconds * 1000]
    return (len(during) - 1) / ((during[-1] - during[0]) / 1000) if len(during) > 1 else 0.0


async def box(page: Page, selector: str) -> FloatRect:
    """Where this element is. Raises `Unavailable` when it is not shown."""
    found = await page.locator(selector).bounding_box()
    if found is None:
        raise Unavailable(f"The lab's page does not show {selector}.")
    return found
