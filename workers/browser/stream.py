"""One viewer's stream: pictures out (written first, then sent), hands in, and what a picture cannot show as events.

The viewer's acknowledgements set the pace: at most two messages are on their way, and a picture that was not sent in
time is forgotten, never queued.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import structlog
from playwright.async_api import Download, Error, FileChooser, Page

from workers.browser import lists, messages, screen
from workers.browser.cast import Cast
from workers.browser.downloads import Downloads
from workers.browser.input import BadInput, Hands
from workers.browser.live import LiveSession, Tab
from workers.browser.recorder import Recorder
from workers.browser.tasks import cancelled, keep

T = TypeVar("T")
ON_THE_WAY = 2
ACK_PATIENCE_S = 5.0
KEY_FRAME_S = 10.0
MESSAGE_BYTES = 64 * 1024
TITLE_S = 1.0
LOOK_S = 1.0
"""Longest look at the page before input goes to it: a dialog that opens just then would hold everything up."""
log = structlog.get_logger("stream")


class Socket(Protocol):
    """The viewer's side, whatever carries it."""

    async def send_bytes(self, data: bytes) -> None: ...

    async def receive_text(self) -> str:
        """The next text message. Raises `Gone` when the viewer has left."""
        ...


class Gone(Exception):
    """The viewer has left."""


class Stream:
    """From join to leave, for one viewer of one live session."""

    def __init__(self, live: LiveSession, recorder: Recorder, socket: Socket, downloads: Downloads, home: str) -> None:
        self._live = live
        self._recorder = recorder
        self._socket = socket
        self._downloads = downloads
        self._home = home
        self._sight = screen.Sight()
        self._whole_at = 0.0
        self._sent = self._acked = 0
        self._acks = asyncio.Event()
        self._arrived = asyncio.Event()
        self._outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue(200)
        self._cast: Cast | None = None
        self._hands: Hands | None = None
        self._shown: Tab | None = None
        self._switching = asyncio.Lock()
        self._list: lists.OpenList | None = None
        self._hooked: list[tuple[Page, str, Callable[..., Any]]] = []
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Until the viewer leaves, the lease ends (this task is cancelled) or recording fails."""
        self._live.listeners.append(self._heard)
        tasks = [keep(self._pictures(), "pictures"), keep(self._events(), "events"), keep(self._until_gone(), "input")]
        try:
            self._tell({"e": "joined", "attempt": self._live.claim.attempt_id})
            self._tell_dialog()
            await self._follow()
            for words in self._live.notices[-3:]:
                self._tell({"e": "notice", "words": words})
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(Gone):
                    task.result()
        finally:
            self._live.listeners.remove(self._heard)
            await cancelled(*tasks)
            await self._leave_tab()

    # --- which tab

    async def _show_active(self) -> None:
        """Only the active tab is cast. While a dialog is open its page would not answer: shown after the answer."""
        async with self._switching:
            tab = self._live.tab()
            if (
                tab is not None
                and self._live.dialog is None
                and (self._shown is None or tab.number != self._shown.number)
            ):
                await self._show(tab)

    async def _show(self, tab: Tab) -> None:
        await self._leave_tab()
        self._shown, self._sight = tab, screen.Sight()
        for name, handler in (
            ("filechooser", self._on_chooser),
            ("download", self._on_download),
        ):
            tab.page.on(name, handler)  # type: ignore[call-overload]
            self._hooked.append((tab.page, name, handler))
        try:
            await tab.page.bring_to_front()
            cdp = await self._live.new_cdp(tab.page)
            await cdp.send("DOM.enable")
            self._hands = Hands(cdp)
            self._cast = Cast(tab.page, cdp, self._arrived)
            await self._cast.start()
        except Error:
            self._tell({"e": "notice", "words": "This tab cannot be shown; close it or reload it."})

    async def _leave_tab(self) -> None:
        for page, name, handler in self._hooked:
            with contextlib.suppress(KeyError, ValueError):
                page.remove_listener(name, handler)
        self._hooked.clear()
        if self._hands is not None:
            self._hands.release_all()
        if self._cast is not None:
            self._cast.stop()
        self._cast = self._hands = self._shown = None

    def _heard(self, what: str) -> None:
        """The live session changed."""
        if what == "tabs":
            keep(self._follow(), "follow tabs")
        elif what == "navigated":
            self._tell_tabs()
        elif what == "dialog":
            self._tell_dialog()
        elif what == "notice" and self._live.notices:
            self._tell({"e": "notice", "words": self._live.notices[-1]})

    async def _follow(self) -> None:
        await self._show_active()
        self._tell_tabs()

    def _tell_tabs(self) -> None:
        keep(self._send_tabs(), "tell tabs")

    async def _send_tabs(self) -> None:
        tabs = []
        for tab in self._live.tabs:
            title = ""
            with contextlib.suppress(Error, TimeoutError):
                if self._live.dialog is None:
                    async with asyncio.timeout(TITLE_S):
                        title = await tab.page.title()
            shown = urlsplit(tab.page.url)
            tabs.append(
                {
                    "n": tab.number,
                    "title": title[:120] or shown.hostname or "New tab",
                    "host": shown.hostname or "",
                    "path": shown.path[:120],
                }
            )
        self._tell({"e": "tabs", "tabs": tabs, "active": self._live.active})

    # --- out

    def _tell(self, event: dict[str, Any]) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(event)

    async def _events(self) -> None:
        while True:
            event = await self._outbox.get()
            await self._emit(partial(self._as_message, event))

    def _as_message(self, event: dict[str, Any], seq: int, ms: int) -> bytes:
        return messages.event(self._live.active, seq, ms, event)

    async def _pictures(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await self._until_paced()
            cast, tab = self._cast, self._shown
            if cast is None or tab is None:
                continue
            png = cast.take()
            if png is not None:
                await self._picture_out(tab, png)

    async def _until_paced(self) -> None:
        """Wait until the viewer has drawn what is on its way; one that never answers is waited for 5 s at a time."""
        while self._sent - self._acked >= ON_THE_WAY:
            self._acks.clear()
            try:
                async with asyncio.timeout(ACK_PATIENCE_S):
                    await self._acks.wait()
            except TimeoutError:
                self._acked = self._sent

    async def _picture_out(self, tab: Tab, png: bytes) -> None:
        now = time.monotonic()
        due = now - self._whole_at > KEY_FRAME_S
        sight = self._sight
        change = await asyncio.to_thread(sight.see, png)
        if change.nothing or sight is not self._sight or sight.picture is None:
            return  # a still page, or another tab is shown by now
        height, width = sight.picture.shape[:2]
        if change.whole or due:
            self._whole_at = now
            await self._emit(lambda seq, ms: messages.frame(tab.number, seq, ms, width, height, png))
        else:
            await self._emit(lambda seq, ms: messages.update(tab.number, seq, ms, change.moves, change.tiles))

    async def _emit(self, make: Callable[[int, int], bytes]) -> None:
        """Write, then send: nobody sees what is not recorded."""
        async with self._sending:
            data = make(self._recorder.next_seq(), self._recorder.ms())
            await self._recorder.write(data)
            self._sent += 1
            await self._socket.send_bytes(data)

    # --- in

    async def _until_gone(self) -> None:
        with contextlib.suppress(Gone):
            await self._receive()

    async def _receive(self) -> None:
        while True:
            text = await self._socket.receive_text()
            if len(text) > MESSAGE_BYTES:
                raise Gone
            try:
                event = json.loads(text)
                await self._do(event)
            except (ValueError, KeyError, TypeError, BadInput, AttributeError):
                log.info("bad input from a viewer")
                raise Gone from None

    async def _do(self, event: dict[str, Any]) -> None:
        kind = event["t"]
        if kind == "ack":
            self._acked += 1
            self._acks.set()
            return
        if self._hands is not None and self._hands.too_fast(time.monotonic()):
            return
        acts: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "mouse": self._mouse,
            "key": self._key,
            "text": self._text,
            "blur": self._blur,
            "tab": self._switch,
            "close": self._close_tab,
            "nav": self._navigate,
            "dialog": self._answer_dialog,
            "select": self._answer_list,
            "copy": self._copy,
        }
        await acts[kind](event)

    async def _mouse(self, event: dict[str, Any]) -> None:
        if self._hands is None or self._cast is None or self._live.dialog is not None:
            return
        if event["k"] == "down":
            if int(event.get("b", 0)) == 0:
                opened = await _soon(lists.at_point(self._cast.cdp, float(event["x"]), float(event["y"])))
                if opened is not None:
                    self._open_list(opened)
                    return
            self._tell({"e": "click", "x": event["x"], "y": event["y"]})
        elif event["k"] == "up" and self._list is not None:
            return
        self._hands.mouse(event)

    async def _key(self, event: dict[str, Any]) -> None:
        if self._hands is None or self._cast is None or self._live.dialog is not None:
            return
        opens = event["key"] in lists.OPENING_KEYS or (event["key"] == "ArrowDown" and int(event.get("m", 0)) & 1)
        if event["k"] == "down" and opens:
            opened = await _soon(lists.focused(self._cast.cdp))
            if opened is not None:
                self._open_list(opened)
                return
        self._hands.key(event)

    async def _text(self, event: dict[str, Any]) -> None:
        if self._hands is not None and self._live.dialog is None:
            self._hands.text(event)

    async def _blur(self, event: dict[str, Any]) -> None:
        del event
        if self._hands is not None:
            self._hands.release_all()

    async def _switch(self, event: dict[str, Any]) -> None:
        if self._live.tab(int(event["n"])) is not None:
            self._live.active = int(event["n"])
            await self._follow()

    async def _close_tab(self, event: dict[str, Any]) -> None:
        tab = self._live.tab(int(event["n"]))
        if tab is not None and len(self._live.tabs) > 1:
            with contextlib.suppress(Error):
                await tab.page.close(run_before_unload=True)  # the portal may ask first

    async def _navigate(self, event: dict[str, Any]) -> None:
        if self._shown is None or self._live.dialog is not None:
            return
        keep(self._going(self._shown.page, str(event["to"])), "navigate")

    async def _going(self, page: Page, to: str) -> None:
        ways: dict[str, Callable[[], Awaitable[Any]]] = {
            "back": lambda: page.go_back(wait_until="commit"),
            "forward": lambda: page.go_forward(wait_until="commit"),
            "reload": lambda: page.reload(wait_until="commit"),
            "home": lambda: page.goto(self._home, wait_until="commit"),
        }
        if to not in ways:
            return
        try:
            await ways[to]()
        except Error:
            self._tell({"e": "notice", "words": "The portal did not answer. Try again."})

    async def _copy(self, event: dict[str, Any]) -> None:
        """What is selected in the tab goes to the viewer's clipboard; never out of a password field."""
        del event
        if self._cast is not None and self._live.dialog is None:
            words = await _soon(lists.selected_text(self._cast.cdp))
            if words:
                self._tell({"e": "copied", "v": words})

    # --- what a picture cannot show

    def _open_list(self, opened: lists.OpenList) -> None:
        self._list = opened
        self._tell({"e": "select", **opened.shown})

    async def _answer_list(self, event: dict[str, Any]) -> None:
        opened, self._list = self._list, None
        if opened is not None and event.get("i") is not None and self._cast is not None:
            await _soon(lists.choose(self._cast.cdp, opened, int(event["i"])))

    def _tell_dialog(self) -> None:
        dialog = self._live.dialog
        if dialog is not None:
            words, value = dialog.message[:1000], dialog.default_value[:500]
            self._tell({"e": "dialog", "kind": dialog.type, "words": words, "default": value})

    async def _answer_dialog(self, event: dict[str, Any]) -> None:
        page, dialog = next(iter(self._live.dialogs.items()), (None, None))
        if page is None or dialog is None:
            return
        del self._live.dialogs[page]
        with contextlib.suppress(Error):
            if event.get("ok"):
                await dialog.accept(str(event.get("v", ""))[:2000])
            else:
                await dialog.dismiss()
        self._tell_dialog()
        keep(self._follow(), "follow after a dialog")

    def _on_chooser(self, chooser: FileChooser) -> None:
        del chooser
        self._tell(
            {"e": "notice", "words": "Uploading files through Portunus is not available yet. Nothing was chosen."}
        )

    def _on_download(self, download: Download) -> None:
        keep(self._downloaded(download), "download")

    async def _downloaded(self, download: Download) -> None:
        taken = await self._downloads.take(download)
        if taken is None:
            self._tell({"e": "notice", "words": "The download failed or was too large."})
        else:
            self._tell({"e": "download", "id": taken.id, "name": taken.name, "bytes": taken.size})


async def _soon(look: Coroutine[Any, Any, T]) -> T | None:
    """The answer, or None when the page does not give one in a second."""
    try:
        async with asyncio.timeout(LOOK_S):
            return await look
    except TimeoutError:
        return None
