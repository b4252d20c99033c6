"""Whoever watches a try-out in the script editor: steps and masked pictures go to her page, and she says when it goes on.

To the page: `step` (n, do, where), `stepped` (n, ok, saw or why), a picture (binary, PNG), `paused`, `ask` (what, words), `says`,
`shown` (a saved page, expected, seen, right), `done`.
From the page, as `t`: `next`, `pause`, `go`, `stop`, `answer` (words).
"""

import asyncio
import contextlib
import json
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from playwright.async_api import Error, Page

from carrier_scripts.kit.outcomes import MEANINGS
from workers.browser import evidence
from workers.browser.calls import CallRefused
from workers.browser.facade import Facade
from workers.browser.scriptrun import Done
from workers.browser.tasks import keep
from workers.browser.trace import BETWEEN, SEEN, done, where
from workers.tryout.onpages import Tested
from workers.tryout.pages import Shown

UNSEEN = frozenset({"url", "pages", "method", "log", "code_answered", "another_code", "overlay"})
"""Calls after which the page looks as it did."""
PICTURE_S = 5
WORDS = 300


class AtThePage:
    """One person at the editor."""

    def __init__(self, socket: WebSocket, known: frozenset[str], *, step: bool) -> None:
        self._socket, self._known = socket, known
        self._number = 0
        self._stepwise = step
        self._go = asyncio.Event()
        self._asking: asyncio.Future[str] | None = None
        self._sending = asyncio.Lock()

    # --- what the run says

    async def before(self, name: str, args: dict[str, Any]) -> None:
        self._number += 1
        await self._say("step", n=self._number, do=done(name, args), where=where(args, self._known))
        if self._stepwise:
            self._go.clear()
            await self._say("paused", n=self._number)
            await self._go.wait()

    async def after(self, name: str, args: dict[str, Any], said: Any, no: CallRefused | None, facade: Facade) -> None:
        told: dict[str, Any] = {"why": no.message[:WORDS]} if no else {}
        if name == "recognise" and no is None:
            told["saw"] = said if said in SEEN or BETWEEN.fullmatch(str(said)) else "?"
        await self._say("stepped", n=self._number, ok=no is None, **told)
        if name not in UNSEEN:
            await self._show(_page(facade, args))

    def tell(self, words: str) -> None:
        keep(self._say("says", words=words.strip()[:WORDS]), "a word to the editor")

    async def over(self, ended: Done, page: Page) -> None:
        del ended
        await self._show(page)

    async def shown(self, one: Shown) -> None:
        """What the text took a saved page for."""
        await self._say("shown", page=one.page, expected=one.expected, seen=one.seen[:40], right=one.right)

    async def tell_end(self, ended: Done | Tested) -> None:
        """The last word; where it stopped, when that is known."""
        if isinstance(ended, Tested):
            outcome = "passed" if ended.right else "failed"
            await self._say("done", outcome=outcome, words=ended.words, missing=ended.missing)
            return
        at = ended.at
        line = {"kind": at.kind, "file": at.module.rpartition(".")[2], "line": at.line} if at else {}
        words = ended.words or MEANINGS[ended.outcome].words
        await self._say("done", outcome=ended.outcome.value, words=words[:WORDS], **line)

    # --- what is asked of her

    async def code(self) -> str:
        """The code that came to her; empty: none came."""
        return await self._asked("code", "The portal asks for a code.")

    async def answer(self, question: str) -> str:
        """Her answer to a security question."""
        return await self._asked("answer", " ".join(question.split())[:120])

    async def _asked(self, what: str, words: str) -> str:
        self._asking = asyncio.get_running_loop().create_future()
        await self._say("ask", what=what, words=words)
        try:
            return await self._asking
        finally:
            self._asking = None

    # --- what she says

    async def listen(self, running: asyncio.Task[Any]) -> None:
        """Until the run is over, she stops it, or her page is gone."""
        hearing = asyncio.ensure_future(self._hear())
        try:
            await asyncio.wait({hearing, running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    async def _hear(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, KeyError, ValueError):
            while True:
                said = json.loads(await self._socket.receive_text())
                word = said.get("t") if isinstance(said, dict) else None
                if word == "answer" and self._asking is not None and not self._asking.done():
                    self._asking.set_result(str(said.get("words", ""))[:WORDS])
                elif word == "pause":
                    self._stepwise = True
                elif word in ("next", "go"):
                    self._stepwise = word == "next"
                    self._go.set()
                elif word != "answer":
                    return

    # --- on the way

    async def _show(self, page: Page) -> None:
        """The page as evidence shows it: no field, no cell, text as dots; nothing of one with an authenticator's seed."""
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(PICTURE_S):
                _, picture = await evidence.seen(page)
                await self._send(picture)

    async def _say(self, event: str, **facts: Any) -> None:
        await self._send(json.dumps({"e": event, **facts}))

    async def _send(self, message: str | bytes) -> None:
        async with self._sending:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_text(message)


def _page(facade: Facade, args: dict[str, Any]) -> Page:
    """The page the call was about, where it has one."""
    index = args.get("page")
    with contextlib.suppress(IndexError):
        return facade.page(index if isinstance(index, int) else 0)
    return facade.page(0)
