"""What a picture cannot show: open lists and pickers, cursor, tooltips, titles, copied words. A script in a world of its own tells."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from playwright.async_api import CDPSession, Error, Frame, Page

from workers.browser.finding import Finding
from workers.browser.live import LiveSession
from workers.browser.tasks import keep

WORLD = "portunus"
INSIDE = Path(__file__).with_name("inside")
SCRIPT, COPYING = ((INSIDE / name).read_text(encoding="utf-8") for name in ("unseen.js", "copying.js"))
TOLD = frozenset(
    {
        "select",
        "suggest",
        "invalid",
        "picker",
        "cursor",
        "tip",
        "focus",
        "copied",
        "typed",
        "title",
        "icon",
        "print",
        "menu",
    }
)
LARGEST = 600_000
"""Characters of one message: a list of 2000 options fits."""
ICON_CHARACTERS = 12_000


class Unseen:
    """The unseen of one page and of its frames, those of other hosts too."""

    def __init__(self, live: LiveSession, page: Page, tell: Callable[[dict[str, Any]], None]) -> None:
        self._live = live
        self._page = page
        self._tell = tell
        self._sessions: list[CDPSession] = []
        self._frames: set[Frame] = set()
        self._things: dict[int, tuple[CDPSession, int, int]] = {}
        """What the viewer may answer: where it is and its number there."""
        self._main: tuple[CDPSession, int] | None = None
        self._worlds: dict[str, tuple[CDPSession, int]] = {}
        """Ours in each frame, by the frame's id; the main one's is the first."""
        self._finding = Finding()
        self._frame = ""
        self._numbers = count(1)
        self._at_a_field = False
        """Something of the document that is shown stands at a field of it, and goes with it."""
        self.mouse = (0.0, 0.0)
        """Where the viewer's mouse was pressed last: frames of other hosts do not know where they stand."""

    async def start(self, cdp: CDPSession) -> None:
        """Listen in the page's documents, now and later. Raises Playwright's `Error`."""
        await self._listen(cdp)
        self._page.on("framenavigated", self._moved)
        for frame in self._page.frames[1:]:
            self._moved(frame)

    def stop(self) -> None:
        """Stop listening; the page's own session is detached by whoever made it."""
        with contextlib.suppress(KeyError, ValueError):
            self._page.remove_listener("framenavigated", self._moved)
        for cdp in self._sessions[1:]:
            keep(_detach(cdp), "detach a frame")
        self._sessions.clear()

    async def choose(self, number: int, index: int) -> None:
        """The option of an open list, or a field's suggestion, with input and change events as by a person."""
        await self._answer(number, f"choose(%d, {index})")

    async def pick(self, number: int, value: str) -> None:
        """The value of a date, time or colour."""
        await self._answer(number, f"pick(%d, {json.dumps(value)})")

    async def open(self, number: int) -> None:
        """The link of a menu, in a tab of its own, as a person's middle click does."""
        await self._answer(number, "open(%d)")

    async def ask(self, act: str) -> Any:
        """An act in the tab's main document; its answer, or None."""
        if self._main is None:
            return None
        cdp, context = self._main
        return await _run(cdp, context, act)

    async def find(self, words: str, step: int) -> dict[str, int]:
        """Words on the page and in all of its frames: which of them is shown now, and how many there are."""
        frames = {frame: partial(_run, *world) for frame, world in self._worlds.items()}
        return await self._finding.find(frames, self._sessions[0], words, step)

    async def _answer(self, number: int, act: str) -> None:
        thing = self._things.pop(number, None)
        if thing is not None:
            await _run(thing[0], thing[1], act % thing[2])

    async def _listen(self, cdp: CDPSession) -> None:
        self._sessions.append(cdp)
        cdp.on("Runtime.bindingCalled", lambda told: self._heard(cdp, told))
        cdp.on("Runtime.executionContextCreated", lambda made: self._met(cdp, made["context"]))
        cdp.on("Runtime.executionContextDestroyed", lambda gone: self._gone(cdp, gone))
        cdp.on("Runtime.executionContextsCleared", lambda _: self._cleared(cdp))
        if len(self._sessions) == 1:
            self._frame = (await cdp.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        await asyncio.gather(  # sent in this order, answered together
            cdp.send("Page.enable"),  # without it scripts are forgotten at the next navigation
            cdp.send("Runtime.enable"),
            cdp.send("Runtime.addBinding", {"name": "portunusTell", "executionContextName": WORLD}),
            cdp.send(
                "Page.addScriptToEvaluateOnNewDocument", {"source": SCRIPT, "worldName": WORLD, "runImmediately": True}
            ),
            cdp.send("Page.addScriptToEvaluateOnNewDocument", {"source": COPYING, "runImmediately": True}),
        )

    def _moved(self, frame: Frame) -> None:
        if frame is self._page.main_frame and self._at_a_field:
            self._at_a_field = False
            self._tell({"e": "invalid", "v": ""})
            self._tell({"e": "suggest", "options": []})
        if frame is not self._page.main_frame and frame not in self._frames:
            keep(self._listen_in(frame), "listen in a frame")

    async def _listen_in(self, frame: Frame) -> None:
        """Frames of the page's own process are reached through the page; Playwright refuses a session of their own."""
        try:
            cdp = await self._live.context.new_cdp_session(frame)
        except Error:
            return
        self._frames.add(frame)
        with contextlib.suppress(Error):
            await self._listen(cdp)

    def _met(self, cdp: CDPSession, context: dict[str, Any]) -> None:
        about = context.get("auxData") or {}
        if context.get("name") != WORLD:
            return
        frame = str(about.get("frameId"))
        self._worlds[frame] = (cdp, int(context["id"]))
        if frame == self._frame:
            self._main = self._worlds[frame]
            self._worlds = {frame: self._main} | self._worlds

    def _gone(self, cdp: CDPSession, gone: dict[str, Any]) -> None:
        world = cdp, int(gone["executionContextId"])
        self._worlds = {frame: one for frame, one in self._worlds.items() if one != world}

    def _cleared(self, cdp: CDPSession) -> None:
        self._worlds = {frame: one for frame, one in self._worlds.items() if one[0] is not cdp}

    def _heard(self, cdp: CDPSession, told: dict[str, Any]) -> None:
        payload = str(told.get("payload", ""))
        if told.get("name") != "portunusTell" or len(payload) > LARGEST or not self._sessions:
            return  # nobody listens any more: a last word of a page that was left
        try:
            event = json.loads(payload)
        except ValueError:
            return
        if not isinstance(event, dict) or event.get("e") not in TOLD:
            return
        if event["e"] == "icon" and len(str(event.get("v", ""))) > ICON_CHARACTERS:
            return
        if event["e"] in ("invalid", "suggest"):
            self._at_a_field = True
        if event["e"] in ("title", "icon") and cdp is self._sessions[0]:
            self._main = (cdp, int(told["executionContextId"]))
        self._tell(self._placed(cdp, int(told["executionContextId"]), event))

    def _placed(self, cdp: CDPSession, context: int, event: dict[str, Any]) -> dict[str, Any]:
        inside = event.pop("inside", None)
        if inside:
            event["x"] += self.mouse[0] - inside[0]
            event["y"] += self.mouse[1] - inside[1]
        if "id" in event:
            number = next(self._numbers)
            self._things[number] = (cdp, context, int(event.pop("id")))
            event["n"] = number
            while len(self._things) > 20:
                del self._things[next(iter(self._things))]
        return event


async def _run(cdp: CDPSession, context: int, act: str) -> Any:
    try:
        answer = await cdp.send(
            "Runtime.evaluate",
            {
                "expression": f"portunusUnseen.{act}",
                "contextId": context,
                "returnByValue": True,
                "userGesture": True,
            },
        )
    except Error:
        return None
    return answer["result"].get("value")


async def _detach(cdp: CDPSession) -> None:
    with contextlib.suppress(Error):
        await cdp.detach()
