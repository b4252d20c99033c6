"""`bench stream`: a click's way to the pixel, what a character, a scroll and the billing script weigh, and what a still page costs.

The billing script (`daywork.py`) is run without its thinking times for one round and counted five times: that is what its
ten minutes send, since nothing is sent while nothing changes. Opening a PDF is no part of it: in the peers' browsers it is shown,
in the host's it is a file.
"""

import asyncio
from dataclasses import dataclass
from statistics import median

from playwright.async_api import FloatRect, Playwright

from workers.bench import daywork
from workers.bench import open as opening
from workers.bench.daywork import Stops, box
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p50, p95, said
from workers.bench.lab import Straight
from workers.bench.open import straight_home, tile
from workers.bench.viewer import Viewer

FLOOR_FRAME_MS = 16.7
"""One frame at 60 Hz: what the same click costs at least in a local tab."""
STILL_S, STILL_QUICK_S = 60, 5
TYPED = "HD1000427315566"
CHARACTER_S = 0.2
IDLE_S, SETTLE_S = 20, 2


@dataclass(frozen=True)
class Places:
    """Where things are on Harborline's pages, looked up in a browser of the same kind and size straight at the lab."""

    stops: Stops

    close: FloatRect
    eligibility: FloatRect
    fields: tuple[FloatRect, FloatRect]


async def measure(demo: Demo, playwright: Playwright, viewer: Viewer, runs: int, *, quick: bool) -> Figures:
    """Opens Harborline; stillness on its home page, then clicks and typing in its eligibility form."""
    places = await opening.before_our_own(demo, _look_up(demo, playwright))
    account, location, _ = tile(demo)
    watched_s = STILL_QUICK_S if quick else IDLE_S
    without = await _core_share(demo, watched_s)
    await viewer.click_tile(account, location)
    await viewer.quiet()
    await _click(viewer, places.close)
    await asyncio.sleep(SETTLE_S)
    with_one = await _core_share(demo, watched_s)
    figures = said(
        {"idle_core_pct": round(max(with_one - without, 0), 2), "idle_core_without_tab_pct": round(without, 2)}
    )
    figures |= said({"still_page_frames": await _frames_in(viewer, STILL_QUICK_S if quick else STILL_S)})
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
    figures |= said({"typed_char_bytes": median(letters), "typed_char_max_bytes": max(letters)})
    figures |= said(await _scroll_and_script(viewer, places.stops))
    await viewer.give_back()
    return figures


async def _scroll_and_script(viewer: Viewer, stops: Stops) -> Figures:
    """What 200 claims that fly past at 60 wheel events a second show and weigh; then one round."""
    seat = await viewer.seat()
    await seat.click(stops.recent)
    scroll = await daywork.scrolled(seat)
    before = await seat.bytes()
    await daywork.one_round(seat, stops)
    round_bytes = await seat.bytes() - before
    return {
        "scroll_fps": round(scroll.fps, 1),
        "scroll_bytes_per_s": round(scroll.bytes_per_s),
        "script_bytes": round(round_bytes * daywork.ROUNDS_OF_THE_SCRIPT),
    }


async def _core_share(demo: Demo, seconds: float) -> float:
    """Per cent of one core that the browser host and its browsers use."""
    before = demo.host_cpu_s()
    await asyncio.sleep(seconds)
    return 100 * (demo.host_cpu_s() - before) / seconds


async def _look_up(demo: Demo, playwright: Playwright) -> Places:
    straight = await Straight.start(playwright, demo.lab)
    try:
        page = await straight_home(demo, straight)
        close = await box(page, "#announcement-close")
        await page.click("#announcement-close")
        eligibility = await box(page, "#nav-eligibility")
        await page.click("#nav-eligibility")
        await page.locator("#member-id").wait_for()
        fields = (await box(page, "#member-id"), await box(page, "#service-date"))
        return Places(await daywork.look_up(page), close, eligibility, fields)
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
