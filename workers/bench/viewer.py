"""A person at Portunus in a real browser: signs in by link, opens tiles, acts on the remote tab, and is timed inside her page."""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from playwright.async_api import Browser, Page, Playwright

from broker.base.errors import Unavailable
from broker.base.settings import settings
from workers.bench import daywork
from workers.bench.demo import Demo
from workers.browser.find import find
from workers.browser.pool import HEIGHT, WIDTH

T = TypeVar("T")
PERSON = "Maria"
OPEN_S = 60
WATCH = """(() => {
  const bench = (window.portunusBench = { sent: 0, watched: null, pressedAt: 0, changedAt: 0, drawn: [], drawing: false });
  const shown = (at) => { bench.drawing = false; bench.drawn.push(at); };
  addEventListener('click', (event) => {
    if (event.target.closest?.('button.tile')) sessionStorage.setItem('benchClickAt', String(performance.timeOrigin + event.timeStamp));
  }, true);
  addEventListener('pointerdown', (event) => { if (event.target instanceof HTMLCanvasElement) bench.pressedAt = event.timeStamp; }, true);
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) { bench.sent += data.length ?? data.byteLength; return send.call(this, data); };
  for (const name of ['drawImage', 'putImageData']) {
    const draw = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...what) {
      draw.apply(this, what);
      if (!bench.drawing) { bench.drawing = true; requestAnimationFrame(shown); }
      const at = bench.watched;
      if (at && !bench.changedAt && bench.pixel(this, at) !== at.was) bench.changedAt = performance.now();
    };
  }
  bench.pixel = (context, at) => context.getImageData(at.x, at.y, 1, 1).data.join();
})()"""
"""Times are taken in the page: the event's own time stamp, and the end of the canvas call that changed the watched pixel.

`drawn`: when the screen showed something new, one entry for each of its own frames, whatever was drawn for it."""
FIRST_FRAME = """() => window.portunusViewer?.firstFrameAt
  ? performance.timeOrigin + window.portunusViewer.firstFrameAt - Number(sessionStorage.getItem('benchClickAt')) : null"""
COUNTED = "() => ({ ...window.portunusViewer, sent: window.portunusBench.sent })"
WATCHED = """([x, y]) => { const bench = window.portunusBench, context = document.querySelector('#stage canvas').getContext('2d');
  bench.changedAt = 0; bench.watched = { x, y, was: bench.pixel(context, { x, y }) }; }"""
CHANGED = (
    "() => window.portunusBench.changedAt ? window.portunusBench.changedAt - window.portunusBench.pressedAt : null"
)
UNTIDY = """SELECT (SELECT count(*) FROM recording WHERE end_state IS NULL) + (SELECT count(*) FROM lease JOIN portal_session
  ON portal_session.id = portal_session_id WHERE state = 'ready' AND proved_at < lease.ended_at)"""
CALL = """async ([path, body]) => { const csrf = document.querySelector('meta[name=csrf]').content;
  const answer = await fetch(path, body === null ? {} : { method: 'POST', body: JSON.stringify(body),
    headers: { 'x-csrf-token': csrf, 'content-type': 'application/json' } });
  return { ok: answer.ok, told: await answer.json() }; }"""


async def launch(playwright: Playwright, *arguments: str, display: str = "") -> Browser:
    """The same browser as the host's, for our own trusted pages: as root without its sandbox. Scroll bars as the host shows them.

    With an X `display`: a whole Chromium that fills it.
    """
    window = ["--window-position=0,0", f"--window-size={WIDTH},{HEIGHT}"] if display else []
    return await playwright.chromium.launch(
        executable_path=shutil.which("chromium") if display else find(settings()).path,
        headless=not display,
        args=[*arguments, *window, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        ignore_default_args=["--hide-scrollbars"],
        env={**os.environ, **({"DISPLAY": display} if display else {})},
    )


async def until(
    look: Callable[[], Awaitable[T | None]], what: str, limit_s: float = OPEN_S, every_s: float = 0.02
) -> T:
    """The first answer that is not None. Raises `Unavailable` saying what did not come."""
    end = time.monotonic() + limit_s
    while (found := await look()) is None:
        if time.monotonic() > end:
            raise Unavailable(f"After {limit_s:g} s there was still no {what}.")
        await asyncio.sleep(every_s)
    return found


class Viewer:
    """One page of one signed-in person."""

    def __init__(self, demo: Demo, page: Page) -> None:
        self.demo = demo
        self.page = page

    @classmethod
    async def sign_in(cls, demo: Demo, browser: Browser, link: str) -> "Viewer":
        """A fresh browser context, signed in through a printed link."""
        context = await browser.new_context(viewport={"width": 1360, "height": 1000})
        await context.add_init_script(WATCH)
        page = await context.new_page()
        await page.goto(link)
        await page.get_by_role("button").first.click()
        await page.locator("button.tile").first.wait_for()
        return cls(demo, page)

    async def tiles(self) -> list[tuple[str, str]]:
        """(account, location) of every tile shown."""
        names: list[str] = await self.page.eval_on_selector_all(
            "[data-tile]", "all => all.map(one => one.dataset.tile)"
        )
        pairs = [name.partition(":") for name in names]
        return [(account, location) for account, _, location in pairs]

    async def click_tile(self, account: str, location: str) -> float:
        """Click, wait for the first full frame drawn; the milliseconds between them. The launcher must be shown."""
        await self.page.locator(f'[data-tile="{account}:{location}"] button.tile').click()
        await self.page.wait_for_url("**/tabs/*", wait_until="commit")
        try:
            took = await until(self._first_frame, "first frame")
        except Unavailable as none:
            words = " ".join((await self.page.locator("main").inner_text()).split())
            raise Unavailable(f"{none.message} The page says: {words[:400]}") from none
        await self._fit()
        return took

    async def _fit(self) -> None:
        """Her window gets the size at which the picture is 1280 x 800: that is what is measured."""
        for _ in range(5):
            room, size = await self.page.evaluate("() => window.portunusViewer.room"), self.page.viewport_size
            if room is not None and size is not None:
                if (room["w"], room["h"]) == (WIDTH, HEIGHT):
                    return
                wide, high = size["width"] + WIDTH - room["w"], size["height"] + HEIGHT - room["h"]
                await self.page.set_viewport_size({"width": wide, "height": high})
            await asyncio.sleep(0.3)
        raise Unavailable("The viewer's picture cannot be made 1280 x 800.")

    async def _first_frame(self) -> float | None:
        found: float | None = await self.page.evaluate(FIRST_FRAME)
        return found

    async def give_back(self) -> None:
        """End the tab as she does, and wait until the host has tidied up behind her, so that the next open is a warm one."""
        await self.page.click("#end")
        await self.page.locator("button.tile").first.wait_for()
        await until(self._tidied, "tidy session")

    async def _tidied(self) -> bool | None:
        return True if self.demo.rows(UNTIDY)[0][0] == 0 else None

    async def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Portunus's JSON, as this person: POST with a body, else GET. Raises `Unavailable` with what it said."""
        answer = await self.page.evaluate(CALL, [path, body])
        if not answer["ok"]:
            raise Unavailable(f"{path}: {answer['told'].get('detail', answer['told'])}")
        told: dict[str, Any] = answer["told"]
        return told

    async def open(self, account: str, location: str) -> str:
        """Open without watching; the lease, once the portal is signed in. Raises `Unavailable` in the portal's words."""
        lease = (await self.call("/api/v1/tabs", {"account_id": account, "location_id": location, "purpose": "Bench"}))[
            "id"
        ]

        async def ready() -> bool | None:
            tab = await self.call(f"/api/v1/tabs/{lease}")
            if tab["state"] == "ended":
                raise Unavailable(tab["words"])
            return True if tab["state"] == "ready" else None

        await until(ready, "signed-in portal")
        return str(lease)

    async def end(self, lease: str, *, sign_out: bool = False) -> None:
        """Give a tab back; with `sign_out` wait until its browser is closed too."""
        before = (await self.host())["contexts"]
        await self.call(f"/api/v1/tabs/{lease}/end?sign_out={str(sign_out).lower()}", {})

        async def closed() -> bool | None:
            return True if (await self.host())["contexts"] < before else None

        if sign_out:
            await until(closed, "closed browser")

    async def sign_out_everywhere(self) -> None:
        """No portal session is left: what is measured next begins from nothing."""
        await self.page.goto(self.demo.url)
        for account, location in self.demo.rows(
            "SELECT account_id, location_id FROM portal_session WHERE state = 'ready'"
        ):
            await self.end(await self.open(str(account), str(location)), sign_out=True)

    async def host(self) -> dict[str, Any]:
        """The browser host's numbers."""
        return await asyncio.to_thread(self.demo.host)

    # --- on the remote tab

    async def seat(self) -> daywork.Seat:
        """Her place at the picture, for the billing script."""
        shown = await self.page.locator("#stage canvas").bounding_box()
        if shown is None:
            raise Unavailable("The viewer shows no picture.")

        async def both_ways() -> float:
            now = await self.counted()
            return now["bytes"] + now["sent"]

        return daywork.Seat(self.page, shown["x"], shown["y"], both_ways)

    async def counted(self) -> dict[str, float]:
        """The viewer's counters (`frames`, `bytes`, `drawnAt` …) and the bytes it sent."""
        found: dict[str, float] = await self.page.evaluate(COUNTED)
        return found

    async def quiet(self, seconds: float = 0.4) -> None:
        """Wait until no frame came for so long."""
        last, since = -1.0, time.monotonic()
        while time.monotonic() - since < seconds:
            frames = (await self.counted())["frames"]
            if frames != last:
                last, since = frames, time.monotonic()
            await asyncio.sleep(0.05)

    async def point_at(self, x: float, y: float) -> None:
        """Move the mouse there, in the remote tab's pixels, and let what hovers settle."""
        canvas = self.page.locator("#stage canvas")
        shown = await canvas.bounding_box()
        if shown is None:
            raise Unavailable("The viewer shows no picture.")
        wide = await canvas.evaluate("one => one.width")
        scale = shown["width"] / wide
        await self.page.mouse.move(shown["x"] + x * scale, shown["y"] + y * scale)
        await self.quiet(0.15)

    async def press(self) -> None:
        """Click where the mouse is."""
        await self.page.mouse.down()
        await self.page.mouse.up()

    async def press_and_watch(self, x: int, y: int) -> float:
        """Click where the mouse is; milliseconds from the press to the drawing that changed the pixel (x, y)."""
        await self.page.evaluate(WATCHED, [x, y])
        await self.press()

        async def changed() -> float | None:
            found: float | None = await self.page.evaluate(CHANGED)
            return found

        return await until(changed, "changed pixel", limit_s=5)
