"""Peers of `bench stream`, in the same run: the same page, click and letters over whole JPEG pictures and over noVNC.

The VNC peers are measured where their parts are installed (Debian: `chromium novnc websockify xvfb x11vnc
tigervnc-standalone-server`); where they are not, their keys are missing and a line on stderr says so.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any

from playwright.async_api import Browser, CDPSession, FloatRect, Page, Playwright
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from workers.bench import daywork
from workers.bench.daywork import Seat, Stops, box
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p50, p95, said
from workers.bench.lab import Straight
from workers.bench.open import straight_home
from workers.bench.viewer import CHANGED, WATCH, launch, until
from workers.browser.pool import HEIGHT, WIDTH

NOVNC = Path("/usr/share/novnc")
TYPED = "HD1000427315566"
SETTLE_S = 0.2
FIRST_S = 2
"""For the first whole picture."""
COUNT = """(() => { window.peerGot = 0; window.WebSocket = new Proxy(WebSocket, { construct(plain, how) { const made = new plain(...how);
  made.addEventListener('message', ({ data }) => { window.peerGot += data.byteLength ?? data.size ?? data.length; });
  return made; } }); })()"""
WATCHED = """([x, y]) => { const bench = window.portunusBench, context = document.querySelector('canvas').getContext('2d');
  bench.changedAt = 0; bench.watched = { x, y, was: bench.pixel(context, { x, y }) }; }"""
BYTES = "() => window.peerGot + window.portunusBench.sent"
WHOLE_PICTURES = """<body style="margin:0"><canvas width="%d" height="%d"></canvas><script>
const canvas = document.querySelector('canvas'), context = canvas.getContext('2d'), socket = new WebSocket(location.href.replace('http', 'ws'));
socket.binaryType = 'blob';
socket.onmessage = async ({ data }) => { context.drawImage(await createImageBitmap(data), 0, 0); document.title = 'shown'; };
for (const kind of ['mousedown', 'mouseup', 'mousemove']) canvas.addEventListener(kind, (event) =>
  socket.send(JSON.stringify({ kind, x: event.offsetX, y: event.offsetY })));
canvas.addEventListener('wheel', (event) => socket.send(JSON.stringify({ kind: 'wheel', x: event.offsetX, y: event.offsetY, dy: event.deltaY })));
addEventListener('keydown', (event) => socket.send(JSON.stringify({ kind: 'key', text: event.key })));
</script>"""
MOUSE = {"mousedown": "mousePressed", "mouseup": "mouseReleased", "mousemove": "mouseMoved"}
Fields = tuple[FloatRect, FloatRect]
Opened = tuple[Page, Fields, Stops, float]
"""The viewer's page, the form's fields in it, where the billing script goes, and how far below her top the page begins."""


async def measure(demo: Demo, playwright: Playwright, runs: int) -> Figures:
    """Click to changed pixel and bytes of one typed character for each peer at hand."""
    figures: Figures = {}
    for name, needs, opened in PEERS:
        if missing := [one for one in needs if not _at_hand(one)]:
            print(f"peer {name} is not measured: {', '.join(missing)} not installed", file=sys.stderr)
            continue
        async with opened(demo, playwright) as (page, fields, stops, bars):
            clicks = [await _click_to_pixel(page, fields[run % 2]) for run in range(runs)]
            await page.mouse.click(fields[0]["x"] + 20, fields[0]["y"] + fields[0]["height"] / 2)
            await asyncio.sleep(SETTLE_S)
            letters = [await _bytes_of(page, TYPED[run % len(TYPED)]) for run in range(runs)]
            seat = Seat(page, 0, bars, partial(_bytes, page))
            await seat.click(stops.recent)
            scroll = await daywork.scrolled(seat)
            before = await seat.bytes()
            await daywork.one_round(seat, stops)
            script = (await seat.bytes() - before) * daywork.ROUNDS_OF_THE_SCRIPT
        figures |= said(
            {
                f"peer_{name}_click_to_pixel_p50_ms": p50(clicks),
                f"peer_{name}_click_to_pixel_p95_ms": p95(clicks),
                f"peer_{name}_typed_char_bytes": median(letters),
                f"{name}_scroll_bytes_per_s": round(scroll.bytes_per_s),
                f"{name}_scroll_fps": round(scroll.fps, 1),
                f"peer_{name}_script_bytes": round(script),
            }
        )
    return figures | said(_best(figures))


def _best(figures: Figures) -> Figures:
    """The best peer of each kind: nobody has to be better at everything to be compared with."""
    kinds = {"best_peer_click_p50_ms": "_click_to_pixel_p50_ms", "best_peer_script_bytes": "_script_bytes"}
    found = {
        name: [value for key, value in figures.items() if key.startswith("peer_") and key.endswith(kind)]
        for name, kind in kinds.items()
    }
    return {name: min(values) for name, values in found.items() if values}


async def _bytes(page: Page) -> float:
    return float(await page.evaluate(BYTES))


def _at_hand(part: str) -> bool:
    return shutil.which(part) is not None or Path(part).exists()


async def _click_to_pixel(page: Page, at: FloatRect) -> float:
    """As the viewer's own figure: the focus ring two pixels left of a field that had no focus."""
    await page.mouse.move(at["x"] + at["width"] / 4, at["y"] + at["height"] / 2)
    await asyncio.sleep(SETTLE_S)
    await page.evaluate(WATCHED, [round(at["x"]) - 2, round(at["y"] + at["height"] / 2)])
    await page.mouse.down()
    await page.mouse.up()

    async def changed() -> float | None:
        found: float | None = await page.evaluate(CHANGED)
        return found

    took = await until(changed, "changed pixel at the peer", limit_s=5)
    await asyncio.sleep(SETTLE_S)
    return took


async def _bytes_of(page: Page, character: str) -> float:
    before = await page.evaluate(BYTES)
    await page.keyboard.press(character)
    await asyncio.sleep(SETTLE_S)
    return float(await page.evaluate(BYTES) - before)


async def _signed_in(demo: Demo, straight: Straight) -> tuple[Page, Fields, Stops]:
    """Harborline's eligibility form, where its fields are, and where the billing script goes."""
    page = await straight_home(demo, straight)
    await page.click("#announcement-close")
    stops = await daywork.look_up(page)
    await page.click("#nav-eligibility")
    await page.locator("#member-id").wait_for()
    return page, (await box(page, "#member-id"), await box(page, "#service-date")), stops


async def _viewer(browser: Browser) -> Page:
    context = await browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    await context.add_init_script(COUNT)
    await context.add_init_script(WATCH)
    return await context.new_page()


@asynccontextmanager
async def _whole_jpegs(demo: Demo, playwright: Playwright) -> AsyncIterator[Opened]:
    """A live view as most automation services have it: every picture whole, as JPEG of quality 80."""
    straight = await Straight.start(playwright, demo.lab)
    looker = await launch(playwright)
    try:
        remote, fields, stops = await _signed_in(demo, straight)
        cdp = await remote.context.new_cdp_session(remote)
        showing = serve(lambda socket: _show(cdp, socket), "127.0.0.1", 0, compression=None, process_request=_page)
        async with showing as server:
            page = await _viewer(looker)
            await page.goto(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            await page.wait_for_function("() => document.title === 'shown'")
            yield page, fields, stops, 0
            await page.context.close()
    finally:
        await looker.close()
        await straight.close()


def _page(connection: ServerConnection, request: Request) -> Response | None:
    """The page itself, for a browser that does not ask for the socket yet."""
    if "Upgrade" in request.headers:
        return None
    page = connection.respond(HTTPStatus.OK, WHOLE_PICTURES % (WIDTH, HEIGHT))
    del page.headers["Content-Type"]
    page.headers["Content-Type"] = "text/html; charset=utf-8"
    return page


async def _show(cdp: CDPSession, socket: ServerConnection) -> None:
    pictures: asyncio.Queue[bytes] = asyncio.Queue()

    async def took(params: dict[str, Any]) -> None:
        pictures.put_nowait(base64.b64decode(params["data"]))
        await cdp.send("Page.screencastFrameAck", {"sessionId": params["sessionId"]})

    async def send() -> None:
        while True:
            await socket.send(await pictures.get())

    cdp.on("Page.screencastFrame", took)
    await cdp.send("Page.startScreencast", {"format": "jpeg", "quality": 80, "everyNthFrame": 1})
    first = await cdp.send("Page.captureScreenshot", {"format": "jpeg", "quality": 80})
    pictures.put_nowait(base64.b64decode(first["data"]))
    sending = asyncio.ensure_future(send())
    try:
        async for told in socket:
            await _act(cdp, json.loads(told))
    finally:
        sending.cancel()


async def _act(cdp: CDPSession, told: dict[str, Any]) -> None:
    if told["kind"] == "key":
        await cdp.send("Input.dispatchKeyEvent", {"type": "char", "text": told["text"]})
        return
    if told["kind"] == "wheel":
        turned = {"x": told["x"], "y": told["y"], "deltaX": 0, "deltaY": told["dy"]}
        await cdp.send("Input.dispatchMouseEvent", {"type": "mouseWheel", **turned})
        return
    pressed = {} if told["kind"] == "mousemove" else {"button": "left", "clickCount": 1}
    await cdp.send("Input.dispatchMouseEvent", {"type": MOUSE[told["kind"]], "x": told["x"], "y": told["y"], **pressed})


def _novnc(display_server: Callable[[int, int], Sequence[Sequence[str]]]) -> Callable[..., Any]:
    """Headful Chromium on a virtual display, shown by noVNC in the viewer's browser."""

    @asynccontextmanager
    async def opened(demo: Demo, playwright: Playwright) -> AsyncIterator[Opened]:
        display, rfb, web = 90 + os.getpid() % 100, _free_port(), _free_port()
        async with contextlib.AsyncExitStack() as stack:
            for command in display_server(display, rfb):
                await stack.enter_async_context(_running(command, f":{display}"))
                await _until_there(Path(f"/tmp/.X11-unix/X{display}").exists)  # noqa: S108 - where X servers listen
            await _until_there(lambda: _answers(rfb))
            bridge = ("websockify", "--web", str(NOVNC), f"127.0.0.1:{web}", f"127.0.0.1:{rfb}")
            await stack.enter_async_context(_running(bridge, f":{display}"))
            await _until_there(lambda: _answers(web))
            straight = await Straight.start(playwright, demo.lab, display=f":{display}")
            stack.push_async_callback(straight.close)
            remote, fields, stops = await _signed_in(demo, straight)
            bars = await remote.evaluate("() => outerHeight - innerHeight")
            looker = await launch(playwright)
            stack.push_async_callback(looker.close)
            page = await _viewer(looker)
            await page.goto(f"http://127.0.0.1:{web}/vnc_lite.html?host=127.0.0.1&port={web}")
            await page.add_style_tag(content="#top_bar { display: none !important } body { margin: 0 }")
            await page.locator("canvas").wait_for()
            await asyncio.sleep(FIRST_S)
            for field in fields:
                field["y"] += bars
            yield page, fields, stops, float(bars)

    return opened


def _tigervnc(display: int, port: int) -> Sequence[Sequence[str]]:
    screen = ("-geometry", f"{WIDTH}x{HEIGHT}", "-depth", "24")
    door = ("-rfbport", str(port), "-SecurityTypes", "None", "-localhost", "-AlwaysShared")
    return (("Xtigervnc", f":{display}", *screen, *door),)


def _x11vnc(display: int, port: int) -> Sequence[Sequence[str]]:
    return (
        ("Xvfb", f":{display}", "-screen", "0", f"{WIDTH}x{HEIGHT}x24"),
        ("x11vnc", "-display", f":{display}", "-rfbport", str(port), "-localhost", "-nopw", "-forever", "-quiet"),
    )


@asynccontextmanager
async def _running(command: Sequence[str], display: str) -> AsyncIterator[None]:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, stdout=quiet, stderr=quiet, env={**os.environ, "DISPLAY": display}
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _until_there(look: Callable[[], bool]) -> None:
    async def there() -> bool | None:
        return look() or None

    await until(there, "display server", limit_s=20, every_s=0.1)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


WEB = ("chromium", "websockify", str(NOVNC / "vnc_lite.html"))
PEERS: tuple[tuple[str, Sequence[str], Callable[..., Any]], ...] = (
    ("jpeg", (), _whole_jpegs),
    ("tigervnc", ("Xtigervnc", *WEB), _novnc(_tigervnc)),
    ("x11vnc", ("Xvfb", "x11vnc", *WEB), _novnc(_x11vnc)),
)
