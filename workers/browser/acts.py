"""What the viewer says, act by act. Anything no viewer of ours says raises, and the stream ends."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from playwright.async_api import Error, FileChooser, Page

from broker.base.errors import BrokerError
from workers.browser import byhand, challenge
from workers.browser.files import Files
from workers.browser.input import TEXT_CHARACTERS
from workers.browser.live import LiveSession
from workers.browser.mirror import Mirror
from workers.browser.tasks import keep
from workers.browser.view import View

T = TypeVar("T")
Event = dict[str, Any]
LOOK_S = 2.0
"""Longest wait for a page's answer: one with an open dialog gives none."""
FOUND_CHARACTERS, CHOSEN_CHARACTERS, CREDENTIAL_CHARACTERS = 200, 40, 300


class Acts:
    """The viewer's side of one stream."""

    def __init__(
        self,
        live: LiveSession,
        files: Files,
        home: str,
        *,
        tell: Callable[[Event], None],
        view: Callable[[], View | None],
        follow: Callable[[], Awaitable[None]],
    ) -> None:
        self._live = live
        self._files = files
        self._home = home
        self._tell = tell
        self._view = view
        self._follow = follow
        self._chooser: FileChooser | None = None
        self._acts: dict[str, Callable[[Event], Awaitable[None]]] = {
            "mouse": self._mouse,
            "key": self._key,
            "text": self._text,
            "blur": self._blur,
            "tab": self._switch,
            "close": self._close_tab,
            "nav": self._navigate,
            "dialog": self._answer_dialog,
            "select": self._choose,
            "pick": self._pick,
            "files": self._choose_files,
            "drop": self._drop,
            "size": self._resize,
            "zoom": self._zoom,
            "find": self._find,
            "print": self._print,
            "mirror": self._mirror,
            "act": self._act,
            "auth": self._sign_in,
            "menu": self._menu,
            "open": self._open_link,
            "let": self._let,
        }

    async def do(self, event: Event) -> None:
        """One message. Raises `KeyError`, `TypeError` or `ValueError` for what no viewer of ours says."""
        act = self._acts[event["t"]]
        view = self._view()
        if view is not None and view.hands.too_fast(time.monotonic()):
            return
        await act(event)

    def chooser(self, chooser: FileChooser) -> None:
        """The portal asks for files: the viewer shows her own file list."""
        self._chooser = chooser
        self._tell({"e": "upload", "multiple": chooser.is_multiple()})

    # --- hands

    async def _mouse(self, event: Event) -> None:
        view = self._hands_on()
        if view is None:
            return
        if event["k"] == "down":
            view.unseen.mouse = (float(event["x"]), float(event["y"]))
        view.hands.mouse(event)
        if event["k"] == "down":
            self._tell({"e": "click", "x": event["x"], "y": event["y"]})

    async def _key(self, event: Event) -> None:
        view = self._hands_on()
        why = view.hands.key(event) if view is not None else None
        if why:
            self._tell({"e": "notice", "words": why})

    async def _text(self, event: Event) -> None:
        view = self._hands_on()
        if view is not None:
            view.hands.text(event)

    async def _blur(self, event: Event) -> None:
        del event
        view = self._view()
        if view is not None:
            view.hands.release_all()

    def _hands_on(self) -> View | None:
        """The view, unless a dialog waits: its page takes no input, and what is typed is not meant for it."""
        return self._view() if self._live.dialog is None else None

    # --- tabs

    async def _switch(self, event: Event) -> None:
        if self._live.tab(int(event["n"])) is not None:
            self._live.active = int(event["n"])
            await self._follow()
            if (tab := self._live.tab()) is not None and tab.challenge is not None:
                self._tell(tab.challenge.shown())

    async def _close_tab(self, event: Event) -> None:
        tab = self._live.tab(int(event["n"]))
        if tab is not None and len(self._live.tabs) > 1:
            with contextlib.suppress(Error):
                await tab.page.close(run_before_unload=True)  # the portal may ask first

    async def _navigate(self, event: Event) -> None:
        view = self._hands_on()
        if view is not None:
            keep(self._going(view.tab.page, str(event["to"])), "navigate")

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
        except Error as failed:
            if "ERR_ABORTED" not in failed.message:  # another page was asked for meanwhile, or a dialog said stay
                self._tell({"e": "notice", "words": "The portal did not answer. Try again."})

    # --- answers

    async def _answer_dialog(self, event: Event) -> None:
        page, dialog = next(iter(self._live.dialogs.items()), (None, None))
        if page is None or dialog is None:
            return
        del self._live.dialogs[page]
        with contextlib.suppress(Error):
            if event.get("ok"):
                await dialog.accept(str(event.get("v", ""))[:2000])
            else:
                await dialog.dismiss()
        self._tell({"e": "answered", "ok": bool(event.get("ok"))})  # not the words: they may be anything's
        self._live.tell("dialog")
        keep(_awaited(self._follow()), "follow after a dialog")

    async def _sign_in(self, event: Event) -> None:
        """A name and a password for the server that asked; without them its page stays as it is."""
        tab, name = self._live.tab(), event.get("name")
        if tab is None or tab.challenge is None:
            return
        if name is None:
            tab.challenge = None
            return
        words = str(name)[:CREDENTIAL_CHARACTERS], str(event["password"])[:CREDENTIAL_CHARACTERS]
        keep(challenge.answer(self._live, tab, *words), "answer a server")

    async def _menu(self, event: Event) -> None:
        """The menu key: the page is asked as by a right click."""
        del event
        view = self._hands_on()
        if view is not None:
            await soon(view.unseen.ask("menu()"))

    async def _open_link(self, event: Event) -> None:
        view = self._hands_on()
        if view is not None:
            await soon(view.unseen.open(int(event["n"])))

    async def _choose(self, event: Event) -> None:
        view = self._hands_on()
        if view is not None and event.get("i") is not None:
            await soon(view.unseen.choose(int(event["n"]), int(event["i"])))

    async def _pick(self, event: Event) -> None:
        view, value = self._hands_on(), event.get("v")
        if view is not None and value is not None:
            await soon(view.unseen.pick(int(event["n"]), str(value)[:CHOSEN_CHARACTERS]))

    async def _choose_files(self, event: Event) -> None:
        chooser, self._chooser = self._chooser, None
        chosen = [str(one) for one in event["ids"]]
        if chooser is None or not chosen:
            return
        files = await self._files.given(chosen)
        if files:
            with contextlib.suppress(Error):
                await chooser.set_files([one.as_payload() for one in files])

    async def _let(self, event: Event) -> None:
        """She waits for a file that the portal sends when it is done."""
        del event
        byhand.let_files_come(self._live)
        self._tell({"e": "notice", "words": "For two minutes a file may come by itself. Ask the portal for it again."})

    async def _drop(self, event: Event) -> None:
        view = self._hands_on()
        if view is None:
            return
        x, y = float(event["x"]), float(event["y"])
        files = await self._files.given([str(one) for one in event["ids"]])
        told = [{"name": one.name, "type": one.kind, "data": base64.b64encode(one.data).decode()} for one in files]
        if told:
            await soon(view.unseen.ask(f"drop({x}, {y}, {json.dumps(told)})"))

    # --- the picture

    async def _resize(self, event: Event) -> None:
        view = self._view()
        width, height = int(event["w"]), int(event["h"])
        if view is None:  # between two tabs: the next is opened so
            self._live.size = width, height
        elif self._live.dialog is None and self._live.size != (width, height):
            with contextlib.suppress(Error):
                await view.resize(width, height)

    async def _zoom(self, event: Event) -> None:
        view = self._hands_on()
        if view is not None:
            await soon(view.zoom(float(event["v"])))
            self._tell({"e": "zoom", "v": view.tab.zoom})

    async def _find(self, event: Event) -> None:
        view = self._hands_on()
        if view is not None:
            words, step = str(event["v"])[:FOUND_CHARACTERS], int(event.get("step", 0))
            told = await soon(view.unseen.find(words, step))
            self._tell({"e": "found", **(told or {"n": 0, "of": 0})})

    # --- for a screen reader

    async def _mirror(self, event: Event) -> None:
        self._live.mirrored = bool(event["on"])
        view = self._view()
        if view is not None:
            view.reflect(self._tell if self._live.mirrored else None)

    async def _act(self, event: Event) -> None:
        """A press, a focus, a key, a choice or new words at a node of the mirrored tree; a press is the hands', where it stands."""
        view, number, what = self._hands_on(), int(event["n"]), str(event["do"])
        if view is None or view.mirror is None:
            return
        if view.mirror.knows(number):
            if what == "press":
                await self._press(view.mirror, number)
            elif what == "fill":
                await soon(view.mirror.fill(number, str(event["v"])[:TEXT_CHARACTERS]))
            elif what == "choose":
                await soon(view.mirror.choose(number, [int(one) for one in event["v"]]))
            elif what == "key":
                await soon(view.mirror.key(number, str(event["v"])))
            elif what == "focus":
                await soon(view.mirror.focus(number))
        view.mirror.done(number, int(event["i"]), wrote=what in ("fill", "choose", "key"))

    async def _press(self, mirror: Mirror, number: int) -> None:
        place = await soon(mirror.place(number))
        if place is None:
            return
        told = {"x": place[0], "y": place[1], "b": 0}
        await self._mouse({**told, "k": "down"})
        await self._mouse({**told, "k": "up"})

    async def _print(self, event: Event) -> None:
        del event
        await self.print_page()

    async def print_page(self) -> None:
        """The shown page as a PDF, offered like a download."""
        view = self._hands_on()
        if view is not None:
            keep(self._printing(view), "print")

    async def _printing(self, view: View) -> None:
        data = await view.printed()
        await view.after_print()
        try:
            taken = await self._files.keep(data, "page.pdf", printed=True) if data else None
        except BrokerError as full:
            self._tell({"e": "notice", "words": str(full)})
            return
        if taken is None:
            self._tell({"e": "notice", "words": "This page cannot be printed."})
        else:
            self._tell({"e": "download", **taken.shown(), "printed": True})


async def soon(look: Coroutine[Any, Any, T]) -> T | None:
    """The answer, or None when the page does not give one in time."""
    try:
        async with asyncio.timeout(LOOK_S):
            return await look
    except (TimeoutError, Error):
        return None


async def _awaited(waiting: Awaitable[None]) -> None:
    await waiting
