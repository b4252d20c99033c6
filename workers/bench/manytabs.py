"""Twenty-five tabs streamed at once by one host, each by somebody who reads, clicks, types and scrolls at a person's pace.

The streams and recorders are the product's, in this process as in the host's; the pages are the lab's, in one browser. Who looks
is on other machines in real life, so nothing is drawn here: a picture has come when the message that covers the place is handed
over. The demo's office has fewer logins than that, so one signed-in session of the lab stands in all of the tabs.
"""

import asyncio
import json
import random
import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Browser, FloatRect, Page, Playwright

from broker.base.settings import Settings
from broker.recordings.service import Subject
from broker.wiring import Portunus, build
from workers.bench import daywork
from workers.bench.daywork import box
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p50, p95, said
from workers.bench.lab import Straight
from workers.bench.open import before_our_own, straight_home
from workers.bench.recording import subject_of
from workers.browser import guard, masks
from workers.browser.live import LiveSession
from workers.browser.messages import FRAME, UPDATE
from workers.browser.pool import HEIGHT, WIDTH
from workers.browser.recorder import Recorder
from workers.browser.stream import Gone, Stream
from workers.browser.tasks import cancelled, keep

TABS = 25
WORK_S, WORK_QUICK_S = 60.0, 10.0
THINKING_S = (2.0, 8.0)
"""Between two acts, as likely any: a claim or an answer is read in the meantime."""
BETWEEN_KEYS_S = 0.2
"""A person who types numbers off a sheet (some 60 words a minute)."""
TYPED = "4273"
NOTCHES = 3
SEED = 25
LOST_S, SETTLE_S = 10.0, 1.0
BESIDE = 4
"""Pixels around a field where its focus ring is."""
HOME = "https://harborline.sim.test/"


class Viewer:
    """A person's hands and, in place of her eyes, when a message covers a place of the picture."""

    def __init__(self, fields: list[FloatRect], chance: random.Random) -> None:
        self._fields = fields
        self._chance = chance
        self._said: asyncio.Queue[str | None] = asyncio.Queue()
        self._watched: FloatRect | None = None
        self._covered = asyncio.Event()
        self.shown = asyncio.Event()
        self.took: list[float] = []
        """Milliseconds from each click and key to its picture."""
        self.unseen = 0
        """Acts that changed nothing in ten seconds."""
        self.came: list[float] = []
        """Milliseconds of `time.perf_counter` of each picture."""

    # --- the stream's side

    async def send_bytes(self, data: bytes) -> None:
        self._say(t="ack")
        if data[0] in (FRAME, UPDATE):
            self.came.append(time.perf_counter() * 1000)
        if data[0] == FRAME:
            self.shown.set()
        if (self._watched is not None and data[0] != UPDATE) or self._covers(data):
            self._covered.set()

    async def receive_text(self) -> str:
        text = await self._said.get()
        if text is None:
            raise Gone
        return text

    # --- hers

    async def work(self, until: float) -> None:
        """Until that time of `time.monotonic`: think, click a field, type, and now and then turn the wheel."""
        await self.shown.wait()
        await asyncio.sleep(self._chance.uniform(0, THINKING_S[1]))
        turn = 0
        while time.monotonic() < until:
            field = self._fields[turn % len(self._fields)]
            x, y = round(field["x"] + 12), round(field["y"] + field["height"] / 2)
            self._say(t="mouse", k="move", x=x, y=y)
            await self._seen(field, lambda x=x, y=y: self._click(x, y))
            self._select_all()
            for key in TYPED:
                await asyncio.sleep(BETWEEN_KEYS_S)
                await self._seen(field, lambda key=key: self._press(key))
            if turn % 3 == 2:
                for _ in range(NOTCHES):
                    self._say(t="mouse", k="wheel", x=640, y=600, dx=0, dy=100)
            turn += 1
            await asyncio.sleep(self._chance.uniform(*THINKING_S))

    async def fling(self) -> float:
        """Turn the wheel as `daywork.scrolled` does; the pictures a second."""
        await self.shown.wait()
        await asyncio.sleep(SETTLE_S)
        self._say(t="mouse", k="move", x=640, y=400)
        self.came.clear()
        began = time.perf_counter()
        for turn in range(daywork.FLINGS):
            await asyncio.sleep(max(0.0, began + turn * daywork.FRAME_S - time.perf_counter()))
            self._say(t="mouse", k="wheel", x=640, y=400, dx=0, dy=daywork.FLING_PIXELS)
        return daywork.frames_per_s(self.came, time.perf_counter() - began)

    def leave(self) -> None:
        self._said.put_nowait(None)

    async def _seen(self, place: FloatRect, act: Any) -> None:
        self._watched = place
        self._covered.clear()
        began = time.perf_counter()
        act()
        try:
            async with asyncio.timeout(LOST_S):
                await self._covered.wait()
            self.took.append((time.perf_counter() - began) * 1000)
        except TimeoutError:
            self.unseen += 1
        self._watched = None

    def _click(self, x: int, y: int) -> None:
        for kind in ("down", "up"):
            self._say(t="mouse", k=kind, x=x, y=y, b=0, c=1)

    def _select_all(self) -> None:
        """A full field takes no more: what is typed goes in the place of what was."""
        for kind in ("down", "up"):
            self._say(t="key", k=kind, key="a", code="KeyA", kc=65, m=2)

    def _press(self, key: str) -> None:
        for kind in ("down", "up"):
            self._say(t="key", k=kind, key=key, code=f"Digit{key}", kc=ord(key))

    def _say(self, **message: Any) -> None:
        self._said.put_nowait(json.dumps(message))

    def _covers(self, data: bytes) -> bool:
        place = self._watched
        if place is None or data[0] != UPDATE:
            return False
        at = 13 + data[12] * 10
        (count,) = struct.unpack_from(">H", data, at)
        at += 2
        for _ in range(count):
            x, y, wide, high, size = struct.unpack_from(">HHHHI", data, at)
            beside = x + wide < place["x"] - BESIDE or x > place["x"] + place["width"] + BESIDE
            if not beside and y + high >= place["y"] - BESIDE and y <= place["y"] + place["height"] + BESIDE:
                return True
            at += 12 + size
        return False


async def measure(demo: Demo, playwright: Playwright, *, quick: bool) -> Figures:
    """Needs a recording in the demo (the stream's own): the tabs' recordings are of the same lease."""
    straight = await Straight.start(playwright, demo.lab)
    portunus = build(Settings(data_dir=demo.data_dir))
    try:
        page = await before_our_own(demo, straight_home(demo, straight))
        await page.click("#announcement-close")
        await page.click("#nav-eligibility")
        await page.locator("#member-id").wait_for()
        fields = [await box(page, "#member-id"), await box(page, "#service-date")]
        state, form = await page.context.storage_state(), page.url
        await page.click("#nav-recent")
        await page.wait_for_load_state()
        listed = page.url
        await page.context.close()
        host = Bench(portunus, await _subject(demo, portunus), straight.browser, state)
        figures = said(await _worked(host, form, fields, WORK_QUICK_S if quick else WORK_S))
        return figures | said(await _flung(host, listed))
    finally:
        await straight.close()


@dataclass(frozen=True)
class Bench:
    """What a tab needs here."""

    portunus: Portunus
    subject: Subject
    browser: Browser
    state: Any
    """The signed-in session."""

    @asynccontextmanager
    async def tab(self, address: str, viewer: Viewer) -> AsyncIterator[None]:
        """Streamed to this viewer and recorded, until the block ends."""
        context = await self.browser.new_context(storage_state=self.state, viewport={"width": WIDTH, "height": HEIGHT})
        page = await context.new_page()
        live = await _live(page)
        await page.goto(address)
        live.recorder = await Recorder.start(self.portunus, self.subject)
        nothing: Any = None
        stream = keep(Stream(live, live.recorder, viewer, nothing, HOME).run(), "stream")
        await viewer.shown.wait()
        yield
        viewer.leave()
        await cancelled(stream)
        await live.recorder.close()
        await context.close()


async def _subject(demo: Demo, portunus: Portunus) -> Subject:
    newest = demo.rows("SELECT id FROM recording ORDER BY started_at DESC LIMIT 1")[0][0]
    return await asyncio.to_thread(subject_of, portunus, newest)


async def _flung(host: Bench, address: str) -> Figures:
    """One tab alone, its viewer on another machine."""
    viewer = Viewer([], random.Random(SEED))
    async with host.tab(address, viewer):
        return {"sent_scroll_fps": round(await viewer.fling(), 1)}


async def _worked(host: Bench, address: str, fields: list[FloatRect], seconds: float) -> Figures:
    chance = random.Random(SEED)
    viewers = [Viewer(fields, random.Random(chance.random())) for _ in range(TABS)]
    async with AsyncExitStack() as stack:
        for viewer in viewers:
            await stack.enter_async_context(host.tab(address, viewer))
        until = time.monotonic() + seconds
        await asyncio.gather(*[viewer.work(until) for viewer in viewers])
    took = [one for viewer in viewers for one in viewer.took]
    return {
        "tabs25_p50_ms": p50(took),
        "tabs25_p95_ms": p95(took),
        "tabs25_acts": len(took),
        "tabs25_unseen": sum(viewer.unseen for viewer in viewers),
    }


async def _live(page: Page) -> LiveSession:
    """As the host has it, of a page that no script signed in."""
    claim: Any = SimpleNamespace(portal_session_id="ses_bench", attempt_id="att_bench")
    nothing: Any = None
    shard: Any = SimpleNamespace(died=asyncio.Event())
    live = LiveSession(claim=claim, context=page.context, door=nothing, shard=shard)
    await masks.put_on(page.context)
    guard.adopt_first(live, page)
    guard.watch(live)
    return live
