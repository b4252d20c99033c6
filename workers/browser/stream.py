"""One viewer's stream: pictures out (written first, then sent), and what a picture cannot show as events beside them."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from playwright.async_api import Download, Error, Page

from broker.base.errors import BrokerError
from workers.browser import byhand, messages
from workers.browser.acts import Acts, soon
from workers.browser.files import Files
from workers.browser.input import BadInput
from workers.browser.live import LiveSession, Tab
from workers.browser.pace import Pace
from workers.browser.recorder import Recorder
from workers.browser.showing import Showing
from workers.browser.tasks import cancelled, keep
from workers.browser.view import View

MESSAGE_BYTES = 64 * 1024
TITLE_S = 1.0
PICTURE_FIRST_S = 0.06
"""So long after an act what is told beside the picture waits for it: on a busy machine it would be in its way."""
COVER_WORD_S, SIGN_OUT_WORD_S = 30.0, 120.0
BY_ITSELF = frozenset({"ack", "away", "blur", "size"})
"""What a viewer says without anybody's hand."""
log = structlog.get_logger("stream")


class Socket(Protocol):
    """The viewer's side, whatever carries it."""

    async def send_bytes(self, data: bytes) -> None: ...

    async def receive_text(self) -> str:
        """The next text message. Raises `Gone` when the viewer has left."""
        ...


class Gone(Exception):
    """The viewer has left."""


class Covered(Exception):
    """Nobody did anything for a while: the tab is locked, and shows nothing until its holder unlocks it."""


@dataclass(frozen=True)
class Cover:
    """When to cover the tab, and how it is locked before the viewer is told."""

    after_s: float
    lock: Callable[[], Awaitable[None]]


class Stream:
    """From join to leave, for one viewer of one live session."""

    def __init__(
        self,
        live: LiveSession,
        recorder: Recorder,
        socket: Socket,
        files: Files,
        home: str,
        *,
        opened: View | None = None,
        cover: Cover | None = None,
        signs_out_s: float | None = None,
    ) -> None:
        """`opened`: a view that was opened while the viewer was on her way; it is ours now. `signs_out_s`: the portal's own time-out."""
        self._signs_out_s = signs_out_s
        self._cover = cover
        self._live = live
        self._recorder = recorder
        self._socket = socket
        self._files = files
        self._acts = Acts(live, files, home, tell=self._tell, view=lambda: self._view, follow=self._follow)
        self._pace = Pace()
        self._showing = Showing(live, self._pace, self._emit, lambda: self._view)
        self._outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue(200)
        self._view: View | None = None
        self._opened = opened
        self._told_tabs: dict[str, Any] = {}
        self._switching = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._hooked: Page | None = None
        self._away = False
        """Her own browser shows another tab."""

    async def run(self) -> None:
        """Until the viewer leaves, the lease ends (this task is cancelled) or recording fails."""
        self._live.mirrored = False  # until this viewer asks for it
        self._live.listeners.append(self._heard)
        self._live.takes_download = self._on_download
        tasks = [
            keep(self._showing.run(), "pictures"),
            keep(self._events(), "events"),
            keep(self._until_gone(), "input"),
        ]
        if self._cover is not None:
            tasks.append(keep(self._until_idle(self._cover), "idle"))
        if self._signs_out_s is not None:
            tasks.append(keep(self._warn_of_sign_out(self._signs_out_s), "the portal's time-out"))
        try:
            self._tell({"e": "joined", **self._recorder.joined(), "attempt": self._live.claim.attempt_id})
            self._tell_dialog()
            if self._live.watchers:
                await self._admit()
            await self._follow()
            self._tell_challenge()
            for words in self._live.notices[-3:]:
                self._tell({"e": "notice", "words": words})
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(Gone):
                    task.result()
        finally:
            self._live.listeners.remove(self._heard)
            if self._live.takes_download == self._on_download:  # not a newer viewer's
                self._live.takes_download = None
            await cancelled(*tasks)
            self._leave_tab()

    def leave_unshown(self) -> None:
        """Close the view that was opened ahead, where it never came to be shown."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.leave()

    # --- which tab

    async def _follow(self) -> None:
        await self._show_active()
        keep(self._send_tabs(), "tell tabs")

    async def _show_active(self) -> None:
        """Only the active tab is shown. While a dialog is open its page would not answer: shown after the answer."""
        async with self._switching:
            tab = self._live.tab()
            shown = self._view.tab.number if self._view is not None else None
            if tab is None or self._live.dialog is not None or tab.number == shown:
                return
            self._leave_tab()
            tab.page.on("filechooser", self._acts.chooser)
            self._hooked = tab.page
            try:
                self._view = self._opened_for(tab) or await View.open(self._live, tab)
                self._view.attend(self._showing.arrived, partial(self._unseen, tab))
                self._attend()
                if self._live.mirrored:
                    self._view.reflect(self._tell)
            except Error:
                self._tell({"e": "notice", "words": "This tab cannot be shown; close it or reload it."})

    def _attend(self) -> None:
        """Pictures are made and sent while somebody sees them: the holder, or who looks on."""
        resting = self._away and not self._live.watchers
        self._showing.looked_at.clear() if resting else self._showing.looked_at.set()

    def _opened_for(self, tab: Tab) -> View | None:
        """The view that is open already, when it shows this tab."""
        opened, self._opened = self._opened, None
        if opened is not None and opened.tab is not tab:
            opened.leave()
            return None
        return opened

    def _leave_tab(self) -> None:
        if self._hooked is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._hooked.remove_listener("filechooser", self._acts.chooser)
            self._hooked = None
        if self._view is not None:
            self._view.leave()
        self._view = None

    def _heard(self, what: str) -> None:
        """The live session changed."""
        if what == "tabs":
            keep(self._follow(), "follow tabs")
        elif what == "navigated":
            keep(self._send_tabs(), "tell tabs")
        elif what == "dialog":
            self._tell_dialog()
        elif what == "challenge":
            self._tell_challenge()
        elif what == "notice" and self._live.notices:
            self._tell({"e": "notice", "words": self._live.notices[-1]})
        elif what == "blocked_file":
            self._tell({"e": "blocked_file"})
        elif what == "watchers":
            keep(self._admit(), "admit who looks on")

    async def _admit(self) -> None:
        """Tell the holder who looks on; after that they are shown what she is shown, from a whole picture on."""
        watchers = list(self._live.watchers)
        told = {"e": "watched", "by": [one.name for one in watchers]}
        await self._emit(partial(self._as_message, told), picture=False)
        for one in watchers:
            one.admitted = True
        self._attend()
        self._showing.whole_wanted = bool(watchers)
        if watchers and self._view is not None and self._live.dialog is None:
            with contextlib.suppress(Error):
                await self._view.cast.again()

    def _tell_dialog(self) -> None:
        dialog = self._live.dialog
        if dialog is not None:
            words, value = dialog.message[:1000], dialog.default_value[:500]
            self._tell({"e": "dialog", "kind": dialog.type, "words": words, "default": value})

    def _tell_challenge(self) -> None:
        tab = self._live.tab()
        if tab is not None and tab.challenge is not None:
            self._tell(tab.challenge.shown())

    async def _send_tabs(self) -> None:
        tabs = [await self._described(tab) for tab in self._live.tabs]
        told = {"e": "tabs", "tabs": tabs, "active": self._live.active}
        if told != self._told_tabs:
            self._told_tabs = told
            self._tell(told)

    async def _described(self, tab: Tab) -> dict[str, Any]:
        if self._live.dialog is None:
            with contextlib.suppress(Error, TimeoutError):
                async with asyncio.timeout(TITLE_S):
                    tab.title = await tab.page.title()
        shown = urlsplit(tab.page.url)
        return {
            "n": tab.number,
            "title": tab.title[:120] or shown.hostname or "New tab",
            "host": shown.hostname or "",
            "path": shown.path[:120],
            "page": self._live.page_name(tab.page.url),
            "icon": tab.icon,
            "zoom": tab.zoom,
        }

    # --- what a picture cannot show

    def _unseen(self, tab: Tab, event: dict[str, Any]) -> None:
        kind = event["e"]
        if kind == "icon":
            tab.icon = str(event["v"])
        if kind in ("icon", "title"):
            keep(self._send_tabs(), "tell tabs")
        if kind == "title" and tab.zoom != 1 and self._view is not None:
            keep(soon(self._view.zoom(tab.zoom)), "zoom the new document")
        if kind == "print":
            keep(self._acts.print_page(), "print")
        elif kind not in ("icon", "title"):
            self._tell(event)

    def _on_download(self, download: Download) -> None:
        keep(self._downloaded(download), "download")

    async def _downloaded(self, download: Download) -> None:
        try:
            taken = await self._files.take(download)
        except BrokerError as full:
            self._tell({"e": "notice", "words": str(full)})
            return
        if taken is None:
            self._tell({"e": "notice", "words": "The download failed or was larger than 50 MB."})
        else:
            self._tell({"e": "download", **taken.shown(), "printed": False})

    # --- out

    def _tell(self, event: dict[str, Any]) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(event)

    async def _events(self) -> None:
        while True:
            events = [await self._outbox.get()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._live.hand_at + PICTURE_FIRST_S):
                    await self._showing.answered.wait()
            while not self._outbox.empty():
                events.append(self._outbox.get_nowait())
            for event in events:
                await self._emit(partial(self._as_message, event), picture=False)

    def _as_message(self, event: dict[str, Any], seq: int, ms: int) -> bytes:
        return messages.event(self._live.active, seq, ms, event)

    async def _emit(self, make: Callable[[int, int], bytes], *, picture: bool = True) -> None:
        """Write, then send: nobody sees what is not recorded."""
        async with self._sending:
            data = make(self._recorder.next_seq(), self._recorder.ms())
            await self._recorder.write(data)
            self._pace.sent(len(data), time.monotonic(), picture=picture)
            await self._socket.send_bytes(data)
            for one in self._live.watchers:
                one.offer(data)

    async def _until_idle(self, cover: Cover) -> None:
        """Raises `Covered` when nothing was done by hand for so long; a word before, so that it surprises nobody."""
        loop, told = asyncio.get_running_loop(), 0.0
        while (left := self._live.hand_at + cover.after_s - loop.time()) > 0:
            soon_s = min(COVER_WORD_S, cover.after_s / 2)
            if left <= soon_s and told != self._live.hand_at:
                told = self._live.hand_at
                self._tell({"e": "notice", "words": f"Nothing was done here for a while: covered in {left:.0f} s."})
            await asyncio.sleep(left - soon_s if left > soon_s else left)
        await cover.lock()
        await self._emit(partial(self._as_message, {"e": "covered"}), picture=False)
        raise Covered

    async def _warn_of_sign_out(self, after_s: float) -> None:
        """Say once per pause how long the portal still waits: nothing else keeps it signed in there.

        It waits since it last heard from her: a mouse moved over its page, or words that were not sent, are nothing to it.
        """
        loop, told = asyncio.get_running_loop(), -1.0
        await self._showing.shown.wait()  # her page says that she is connected with the first picture
        while True:
            heard_at = max(self._live.heard_at, self._live.proved)
            left = heard_at + after_s - loop.time()
            if 0 < left <= SIGN_OUT_WORD_S and told != heard_at:
                told = heard_at
                words = f"The portal signs you out in {left / 60:.0f} min unless you do something in its page."
                self._tell({"e": "notice", "words": words})
            await asyncio.sleep(max(1.0, left - SIGN_OUT_WORD_S))

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
                if event["t"] == "ack":
                    self._acknowledged()
                elif event["t"] == "away":
                    self._away = bool(event["v"])
                    self._attend()
                else:
                    if event["t"] not in BY_ITSELF:
                        byhand.did(self._live, event["t"], event.get("k"))
                        self._showing.answered.clear()
                    await self._acts.do(event)
            except (ValueError, KeyError, TypeError, BadInput, AttributeError):
                log.info("bad input from a viewer")
                raise Gone from None

    def _acknowledged(self) -> None:
        self._pace.acknowledged(time.monotonic())
        self._showing.acks.set()
