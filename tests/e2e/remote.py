"""A real remote tab behind the office: one Chromium page with test pages in it, streamed by the product's own `Stream`."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from playwright.async_api import async_playwright
from playwright.sync_api import Page, expect

from broker.base.settings import Settings
from broker.recordings.service import Subject
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from tests.e2e.office import HOST, Office
from workers.browser import guard, masks
from workers.browser.egress import Door
from workers.browser.files import LeaseFiles
from workers.browser.find import find
from workers.browser.live import LiveSession
from workers.browser.recorder import Recorder
from workers.browser.stream import Cover, Covered, Gone, Stream

PORTAL = "http://portal.test"
APART = "http://lookup.other.test"
"""Another site, whose frames run in a process of their own."""
WIDTH, HEIGHT = 1280, 800


@dataclass(frozen=True)
class Link:
    """A line: so many bytes a second to the viewer, so long a way in each direction."""

    bytes_per_s: float
    delay_s: float


class Remote:
    """The far end of the office's stream. `see` runs in the portal's page; the test's own page is the viewer."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.pages: dict[str, tuple[str, str, bytes]] = {}
        """Path: content type, disposition, body."""
        self.locked: dict[str, str] = {}
        """Paths that want a name and a password: the `Authorization` that opens them."""
        self.sent: list[bytes] = []
        """Every message to the viewer, as it is recorded."""
        self.cover_after_s = 1e6
        """Seconds without a hand's act until the tab is covered; counted from the next connection on."""
        self.signs_out_s: float | None = None
        """The portal's own time-out, from the next connection on."""
        self.link: Link | None = None
        """A slow line between the viewer and the host, from the next connection on."""
        self._shown: Stream | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Portal, self))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.live: LiveSession | None = None
        self.office.host.stream = self._stream  # type: ignore[method-assign]

    def start(self) -> None:
        self._thread.start()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.do(self._open())

    @property
    def port(self) -> int:
        """Of the portal's server, at this machine's own address."""
        return int(self._server.server_port)

    def stop(self) -> None:
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._server.shutdown()

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Run it beside the stream, and wait."""
        future: Future[Any] = asyncio.run_coroutine_threadsafe(what, self._loop)
        return future.result(timeout=30)

    def show(self, body: str, path: str = "/", head: str = "<title>Claims</title>") -> None:
        """Put this page into the first tab."""
        self.pages[path] = (
            "text/html",
            "",
            f"<!doctype html>{head}<body style='margin:20px;font:16px sans-serif'>{body}".encode(),
        )
        assert self.live is not None
        self.do(self.live.tabs[0].page.goto(PORTAL + path))

    def photographed(self) -> bytes:
        """The page's picture, asked for on the stream's own line: another would not have the viewer's size."""
        assert self._shown is not None
        view = self._shown._view
        assert view is not None
        shot = self.do(view.cast.cdp.send("Page.captureScreenshot", {"format": "png"}))
        return base64.b64decode(shot["data"])

    def see(self, expression: str, tab: int = -1) -> Any:
        """What the portal's page says."""
        assert self.live is not None
        return self.do(self.live.tabs[tab].page.evaluate(expression))

    def until(self, expression: str, tab: int = -1) -> None:
        """Wait until the portal's page says so."""
        assert self.live is not None
        self.do(self.live.tabs[tab].page.wait_for_function(expression, timeout=20_000))

    def place(self, selector: str) -> tuple[float, float]:
        """The middle of an element, in the tab's pixels."""
        assert self.live is not None
        box = self.do(self.live.tabs[-1].page.locator(selector).bounding_box())
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    async def _open(self) -> None:
        self._playwright = await async_playwright().start()
        found = find(Settings()).path
        here = f"--host-resolver-rules=MAP *.test 127.0.0.1:{self._server.server_port}"
        self._browser = await self._playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", f"--isolate-origins={APART}", here]
        )
        context = await self._browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, accept_downloads=True)
        claim: Any = SimpleNamespace(
            portal_session_id="pss_1", attempt_id="att_1", organization_id=self.office.organization_id
        )
        nothing: Any = None
        door = Door("pss_1", "acc_1", 1, (), lambda _: None)
        live = LiveSession(claim=claim, context=context, door=door, shard=nothing)
        await masks.put_on(context)
        page = await context.new_page()
        guard.adopt_first(live, page)
        guard.watch(live)
        self.live = live

    async def _close(self) -> None:
        if self.live is not None and self.live.recorder is not None:
            await self.live.recorder.close()
        await self._browser.close()
        await self._playwright.stop()

    @asynccontextmanager
    async def _stream(self, lease_id: str) -> "AsyncIterator[Pipe]":
        pipe = Pipe(self._loop, asyncio.get_running_loop(), self)
        running = asyncio.run_coroutine_threadsafe(self._run(lease_id, pipe), self._loop)
        running.add_done_callback(lambda _: pipe.over())
        try:
            yield pipe
        finally:
            pipe.leave()
            await asyncio.wrap_future(running)

    async def _run(self, lease_id: str, pipe: "Pipe") -> None:
        assert self.live is not None
        if self.live.recorder is None:
            self.live.recorder = await Recorder.start(self.office.portunus, self._subject(lease_id))
        files = LeaseFiles(self.office.portunus, self.live, lease_id)
        self.live.hand_at = self.live.proved = asyncio.get_running_loop().time()
        cover = Cover(self.cover_after_s, partial(self._lock, lease_id))
        try:
            self._shown = Stream(
                self.live, self.live.recorder, pipe, files, PORTAL + "/", cover=cover, signs_out_s=self.signs_out_s
            )
            await self._shown.run()
        except Covered:
            pipe.say_goodbye(json.dumps({"e": "ended", "words": tabs.LOCKED, "locked": True}))

    async def _lock(self, lease_id: str) -> None:
        with self.office.portunus.unit(HOST) as work:
            tabs.lock(work, lease_id)

    def _subject(self, lease_id: str) -> Subject:
        with self.office.portunus.reading(HOST) as work:
            lease = work.db.get(Lease, lease_id)
            assert lease is not None
            session = lease.portal_session
            return Subject(
                self.office.organization_id, lease_id, session.id, session.account_id, lease.location_id,
                lease.holder_kind, lease.holder_id, lease.holder_name,
            )  # fmt: skip


class _Portal(BaseHTTPRequestHandler):
    """The portal's server: the pages that a test put there."""

    def __init__(self, remote: Remote, *more: Any) -> None:
        self._remote = remote
        super().__init__(*more)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        elsewhere = ("text/html", "", b"<title>Elsewhere</title><body>Not here")
        kind, disposition, body = self._remote.pages.get(path, elsewhere)
        key = self._remote.locked.get(path)
        refused = key is not None and self.headers.get("authorization") != key
        self.send_response(401 if refused else 200)
        if refused:
            body = b"<title>No</title>"
            self.send_header("www-authenticate", 'Basic realm="Monthly reports"')
        for name, value in (
            ("content-type", kind),
            ("content-disposition", disposition),
            ("cache-control", "no-store"),
        ):
            if value:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the name it has there


class Pipe:
    """Two event loops, one socket: the office's server on one side, the stream on the other."""

    def __init__(self, host: asyncio.AbstractEventLoop, server: asyncio.AbstractEventLoop, remote: Remote) -> None:
        self._host, self._server, self._sent, self._link = host, server, remote.sent, remote.link
        self._free_at = 0.0
        self._out: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        self._in: asyncio.Queue[str | None] = asyncio.Queue()

    # the server's side

    async def send(self, message: str | bytes) -> None:
        put = partial(self._host.call_soon_threadsafe, self._in.put_nowait, str(message))
        self._server.call_later(self._link.delay_s, put) if self._link else put()

    def leave(self) -> None:
        self._host.call_soon_threadsafe(self._in.put_nowait, None)

    def __aiter__(self) -> "Pipe":
        return self

    async def __anext__(self) -> bytes | str:
        message = await self._out.get()
        if message is None:
            raise StopAsyncIteration
        return message

    # the stream's side

    async def send_bytes(self, data: bytes) -> None:
        self._sent.append(data)
        if self._link is None:
            self._server.call_soon_threadsafe(self._out.put_nowait, data)
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + len(data) / self._link.bytes_per_s
        wait = self._free_at - now + self._link.delay_s
        self._server.call_soon_threadsafe(lambda: self._server.call_later(wait, self._out.put_nowait, data))

    async def receive_text(self) -> str:
        text = await self._in.get()
        if text is None:
            raise Gone
        return text

    def say_goodbye(self, words: str) -> None:
        self._server.call_soon_threadsafe(self._out.put_nowait, words)

    def over(self) -> None:
        self._server.call_soon_threadsafe(self._out.put_nowait, None)


MEASURED = """(before) => { const room = window.portunusViewer.room;
  return room && (room.w !== before.w || room.h !== before.h); }"""


class Viewer:
    """Maria at her tab."""

    def __init__(self, page: Page, remote: Remote) -> None:
        self.page, self.remote, self.url = page, remote, page.url

    def fit(self) -> None:
        """Make her window so large that the picture has exactly the size the pages were made for."""
        self.page.wait_for_function("() => window.portunusViewer.room && document.querySelector('#remote-tabs img')")
        for _ in range(3):  # a narrower window may break the bar's line
            room, size = self.page.evaluate("() => window.portunusViewer.room"), self.page.viewport_size
            assert size is not None
            if (room["w"], room["h"]) == (WIDTH, HEIGHT):
                break
            wide, high = size["width"] + WIDTH - room["w"], size["height"] + HEIGHT - room["h"]
            self.page.set_viewport_size({"width": wide, "height": high})
            self.page.wait_for_function(MEASURED, arg=room)  # corrected before that, it would swing
        self.remote.until(f"innerWidth === {WIDTH}")
        self.remote.until(f"innerHeight === {HEIGHT}")

    def one_tab(self) -> None:
        """Only the first tab is left, and shown."""
        live = self.remote.live
        assert live is not None
        for tab in list(live.tabs[1:]):
            self.remote.do(tab.page.close())
        if self.page.url != self.url:  # left by a test that did not come to its end
            self.remote.link = None
            self.back_again()
        expect(self.page.locator("#remote-tabs [role=tab]")).to_have_count(1)

    def back_again(self) -> None:
        """Her window takes the tab back from another, or from another line."""
        self.page.goto(self.url)
        self.page.locator("#stage canvas").wait_for(timeout=20_000)
        self.fit()

    def point(self, selector: str) -> tuple[float, float]:
        """Where she sees it."""
        x, y = self.remote.place(selector)
        box = self.page.locator("#stage canvas").bounding_box()
        assert box is not None
        return box["x"] + x, box["y"] + y

    def click(self, selector: str, *, edge: bool = False) -> None:
        """Click its middle, or the small button at its right edge."""
        x, y = self.point(selector)
        self.page.mouse.click(
            x + (self.remote.see(f"document.querySelector('{selector}').offsetWidth") / 2 - 12 if edge else 0), y
        )

    def says(self, words: str) -> None:
        expect(self.page.locator("#status")).to_contain_text(words)


@contextmanager
def remote_tab(office: Office) -> Iterator[Remote]:
    """Running until the block ends."""
    before: Callable[..., Any] = office.host.stream
    remote = Remote(office)
    remote.start()
    try:
        yield remote
    finally:
        remote.stop()
        office.host.stream = before  # type: ignore[method-assign]
