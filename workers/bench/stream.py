"""`bench stream`: a click's way to the pixel, what a typed character weighs, and whether a still page is still."""

import asyncio
from dataclasses import dataclass
from statistics import median

from playwright.async_api import FloatRect, Playwright

from carrier_scripts.lab import founding
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p50, p95, said
from workers.bench.lab import Straight, box
from workers.bench.open import PLACE, PORTAL, tile
from workers.bench.viewer import Viewer

FLOOR_FRAME_MS = 16.7
"""One frame at 60 Hz: what the same click costs at least in a local tab."""
STILL_S, STILL_QUICK_S = 60, 5
TYPED = "HD1000427315566"
CHARACTER_S = 0.2


@dataclass(frozen=True)
class Places:
    """Where things are on Harborline's pages, looked up in a browser of the same kind and size straight at the lab."""

    close: FloatRect
    eligibility: FloatRect
    fields: tuple[FloatRect, FloatRect]


async def measure(demo: Demo, playwright: Playwright, viewer: Viewer, runs: int, *, quick: bool) -> Figures:
    """Opens Harborline; stillness on its home page, then clicks and typing in its eligibility form."""
    places = await _look_up(demo, playwright)
    account, location, _ = tile(demo)
    await viewer.click_tile(account, location)
    await viewer.quiet()
    await _click(viewer, places.close)
    figures = said({"still_page_frames": await _frames_in(viewer, STILL_QUICK_S if quick else STILL_S)})
    await _click(viewer, places.eligibility)
    clicks = [await _click_to_pixel(viewer, places.fields[run % 2]) for run in range(runs)]
    figures |= said(
        {
            "click_to_pixel_p50_ms": p50(clicks),
            "click_to_pixel_p95_ms": p95(clicks),
            "floor_frame_ms": FLOOR_FRAME_MS,
        }
    )
    await _click(viewer, places.fields[0])
    letters = [await _bytes_of(viewer, TYPED[run % len(TYPED)], run) for run in range(runs)]
    await viewer.give_back()
    return figures | said({"typed_char_bytes": median(letters), "typed_char_max_bytes": max(letters)})


async def _look_up(demo: Demo, playwright: Playwright) -> Places:
    straight = await Straight.start(playwright, demo.lab)
    try:
        await straight.forget()
        _, _, username = tile(demo)
        password = next(one.password for one in founding.accounts_of(PORTAL) if one.username == username)
        page, _ = await straight.sign_in(username, password, founding.location(PLACE).legal_name)
        close = await box(page, "#announcement-close")
        await page.click("#announcement-close")
        eligibility = await box(page, "#nav-eligibility")
        await page.click("#nav-eligibility")
        await page.locator("#member-id").wait_for()
        return Places(close, eligibility, (await box(page, "#member-id"), await box(page, "#service-date")))
    finally:
        await straight.close()


async def _click(viewer: Viewer, at: FloatRect) -> None:
    await viewer.point_at(at["x"] + at["width"] / 4, at["y"] + at["height"] / 2)
    await viewer.press()
    await viewer.quiet()


async def _click_to_pixel(viewer: Viewer, at: FloatRect) -> float:
    """Click a field that has no focus; its focus ring, two pixels left of it, is the pixel. A blinking caret is not there."""
    await viewer.point_at(at["x"] + at["width"] / 4, at["y"] + at["height"] / 2)
    took = await viewer.press_and_watch(round(at["x"]) - 2, round(at["y"] + at["height"] / 2))
    await viewer.quiet(0.2)
    return took


async def _bytes_of(viewer: Viewer, character: str, run: int) -> float:
    """Bytes both ways (keys out, acknowledgements out, picture in) for one character; the field is emptied now and then."""
    if run % len(TYPED) == 0:
        await viewer.page.keyboard.press("Control+a")
        await viewer.page.keyboard.press("Delete")
        await viewer.quiet()
    before = await viewer.counted()
    await viewer.page.keyboard.press(character)
    await asyncio.sleep(CHARACTER_S)
    after = await viewer.counted()
    return after["bytes"] - before["bytes"] + after["sent"] - before["sent"]


async def _frames_in(viewer: Viewer, seconds: float) -> float:
    before = (await viewer.counted())["frames"]
    await asyncio.sleep(seconds)
    return (await viewer.counted())["frames"] - before
