"""CDP to a page and to what of it runs in a process of its own: frames of another site, what stands in those, workers.

Playwright's sessions cannot speak for others, so each one below is spoken to through the one above it (`flatten` off).
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from playwright.async_api import CDPSession, Error

from workers.browser.tasks import keep

Send = Callable[[str, dict[str, Any]], Awaitable[Any]]
Prepare = Callable[["Target"], Awaitable[None]]
Heard = Callable[["Target", dict[str, Any]], Coroutine[Any, Any, None]]
ATTACH = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": False}


class Target:
    """One target. `prepare` is done with each before anything of it runs; `heard` is told of every event `wanted`."""

    def __init__(self, send: Send, prepare: Prepare, wanted: str, heard: Heard) -> None:
        self.send = send
        self._prepare, self._wanted, self._heard = prepare, wanted, heard
        self._below: dict[str, _Below] = {}

    @classmethod
    async def of_page(cls, cdp: CDPSession, prepare: Prepare, wanted: str, heard: Heard) -> "Target":
        """The page's own target, watched together with all that come below it. Raises Playwright's `Error`."""
        top = cls(cdp.send, prepare, wanted, heard)
        for name in (
            wanted,
            "Target.attachedToTarget",
            "Target.detachedFromTarget",
            "Target.receivedMessageFromTarget",
        ):
            cdp.on(name, lambda event, name=name: top.event(name, event))
        await top.begin()
        return top

    async def begin(self) -> None:
        """Raises Playwright's `Error` when it cannot be watched."""
        await self._prepare(self)
        await self.send("Target.setAutoAttach", ATTACH)

    def event(self, name: str, told: dict[str, Any]) -> None:
        """What the browser says of this target or of one below it."""
        session = told.get("sessionId", "")
        if name == self._wanted:
            keep(self._heard(self, told), "event of a target")
        elif name == "Target.attachedToTarget":
            below = self._below[session] = _Below(self, session)
            keep(self._started(below, told["targetInfo"]["type"]), "target of a page")
        elif name == "Target.receivedMessageFromTarget" and session in self._below:
            self._below[session].received(json.loads(told["message"]))
        elif name == "Target.detachedFromTarget" and session in self._below:
            self._below.pop(session).gone()

    async def _started(self, below: "_Below", kind: str) -> None:
        """A frame that cannot be watched never runs; a worker is its page's, which is watched."""
        with contextlib.suppress(Error):
            try:
                await below.target.begin()
            except Error:
                if kind == "iframe":
                    return
            await below.target.send("Runtime.runIfWaitingForDebugger", {})


class _Below:
    """A target below another: what is sent to it, and what it answers."""

    def __init__(self, above: Target, session: str) -> None:
        self._above, self._session = above, session
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.target = Target(self._send, above._prepare, above._wanted, above._heard)

    async def _send(self, method: str, told: dict[str, Any]) -> Any:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = json.dumps({"id": number, "method": method, "params": told})
        try:
            await self._above.send("Target.sendMessageToTarget", {"sessionId": self._session, "message": message})
            return await answer
        finally:
            self._waiting.pop(number, None)

    def received(self, message: dict[str, Any]) -> None:
        """An answer or an event."""
        if "id" not in message:
            self.target.event(message["method"], message.get("params", {}))
            return
        answer = self._waiting.get(message["id"])
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(Error(str(message["error"].get("message"))))
        else:
            answer.set_result(message.get("result"))

    def gone(self) -> None:
        """Whoever waits for an answer is told."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Error("the target is gone"))
