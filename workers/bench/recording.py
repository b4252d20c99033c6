"""`bench recording`: what an hour of the billing script weighs on disk, what writing it costs, and how soon one is anywhere in it.

The hour is run whole, thirty rounds with a claim each, without its thinking times: a round takes the twelve seconds after
which whole pictures fall due again, as they do in two minutes. The host makes the pictures for the viewer anyway: what is
counted as recording is sealing, appending and the beats to SQL, done once more by the product's own recorder with the very
messages, and measured as this process's processor time.
"""

import asyncio
import base64
import random
import time

from playwright.async_api import FloatRect, Playwright

from broker.base.settings import Settings
from broker.recordings.models import Recording
from broker.recordings.service import Subject
from broker.wiring import Portunus, build
from workers.bench import daywork
from workers.bench.daywork import Stops
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p95, said
from workers.bench.lab import Straight
from workers.bench.open import before_our_own, straight_home, tile
from workers.bench.viewer import Viewer
from workers.browser.recorder import ACTOR, BEAT_S, Recorder

ROUND_S = 12.0
BEATS, SEEKS = 20, 40
HOUR_S = 3600
MESSAGES = """async ([id, reason]) => { const csrf = document.querySelector('meta[name=csrf]').content;
  const answer = await fetch(`/api/v1/recordings/${id}/messages`, { method: 'POST', headers: { 'x-csrf-token': csrf }, body: new URLSearchParams({ reason, csrf }) });
  const bytes = new Uint8Array(await answer.arrayBuffer()); let text = '';
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text); }"""
SEEK = """async (ms) => { const bar = document.getElementById('seek'), began = performance.now();
  bar.value = ms; bar.dispatchEvent(new Event('input')); await window.portunusPlayer.settled(); return performance.now() - began; }"""


async def measure(demo: Demo, playwright: Playwright, viewer: Viewer) -> Figures:
    """Works in Harborline for an hour's rounds, ends the tab, and takes its recording."""
    close, stops = await before_our_own(demo, _look_up(demo, playwright))
    account, location, _ = tile(demo)
    await viewer.click_tile(account, location)
    await viewer.quiet()
    seat = await viewer.seat()
    if close is not None:
        await seat.click(close)
    for number in range(daywork.ROUNDS_AN_HOUR):
        over = time.monotonic() + ROUND_S
        await daywork.one_round(seat, stops, number)
        await asyncio.sleep(max(0.0, over - time.monotonic()))
    await viewer.give_back()
    recording_id, size = demo.rows("SELECT id, bytes FROM recording ORDER BY started_at DESC LIMIT 1")[0]
    figures = said({"recording_mb_per_h": round(size / 1e6, 2)})
    told = base64.b64decode(await viewer.page.evaluate(MESSAGES, [recording_id, "Bench"]))
    figures |= said({"recording_core_pct": round(await _written_again(demo, recording_id, told), 3)})
    return figures | said({"seek_p95_ms": p95(await _seeks(viewer, recording_id))})


async def _look_up(demo: Demo, playwright: Playwright) -> tuple[FloatRect | None, Stops]:
    straight = await Straight.start(playwright, demo.lab)
    try:
        page = await straight_home(demo, straight)
        close: FloatRect | None = await page.locator("#announcement-close").bounding_box()
        await page.click("#announcement-close")
        return close, await daywork.look_up(page)
    finally:
        await straight.close()


async def _written_again(demo: Demo, recording_id: str, told: bytes) -> float:
    """Share of one processor's hour, in per cent."""
    portunus = build(Settings(data_dir=demo.data_dir))
    recorder = await Recorder.start(portunus, await asyncio.to_thread(subject_of, portunus, recording_id))
    messages = _messages(told)
    began = time.process_time()
    for message in messages:
        await recorder.write(message)
    written = time.process_time() - began
    began = time.process_time()
    for _ in range(BEATS):
        await recorder.beat_soon()
    beat = (time.process_time() - began) / BEATS
    await recorder.close()
    return 100 * (written + beat * HOUR_S / BEAT_S) / HOUR_S


def subject_of(portunus: Portunus, recording_id: str) -> Subject:
    """Whose recording that is, for another one like it."""
    with portunus.reading(ACTOR) as work:
        row = work.db.get_one(Recording, recording_id)
        return Subject(
            row.organization_id, row.lease_id, row.portal_session_id, row.account_id, row.location_id,
            row.holder_kind, row.holder_id, row.holder_name,
        )  # fmt: skip


def _messages(told: bytes) -> list[bytes]:
    """Those that are in the file: the last only says how it ends."""
    found, place = [], 0
    while place + 8 <= len(told):
        size = int.from_bytes(told[place : place + 4])
        found.append(told[place + 8 : place + 8 + size])
        place += 8 + size
    return found[:-1]


async def _seeks(viewer: Viewer, recording_id: str) -> list[float]:
    """Milliseconds from a wish for a second of the recording to its picture, in the player."""
    page = viewer.page
    await page.goto(f"{viewer.demo.url}/recordings/{recording_id}")
    await page.fill("#reason", "Bench")
    await page.keyboard.press("Enter")
    await page.wait_for_function("() => window.portunusPlayer?.drawn > 0")
    end = float(await page.locator("#seek").get_attribute("max") or 0)
    luck = random.Random(6)
    return [await page.evaluate(SEEK, luck.uniform(0, end)) for _ in range(SEEKS)]
