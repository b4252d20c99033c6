"""The remote page for a screen reader: its accessibility tree, told node by node as it changes, and acts on a node by its number.

A number stays with its node as long as the document stands. What is done in the viewer's tree comes back as real input at the
place where the node stands, so that the portal cannot tell it from a mouse; dates, colours and lists are set as a picker does.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Error, Page

from workers.browser.axtree import Key, Reader, Spot, run_on

PAUSE_S, SHARE, LONGEST_PAUSE_S = 0.4, 5, 3.0
"""Between two looks: at least so long, and so many times what the look took, up to the last. A page that changes all the time must
not keep the browser busy."""
LONGEST_S = 5.0
UNSEEN_S = 2.0
"""Looked at again so often, too: Chromium does not tell of every change that no picture shows."""
KEYS = {
    "Enter": 13,
    "Escape": 27,
    " ": 32,
    "PageUp": 33,
    "PageDown": 34,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
"""What a field or a widget is told besides words, with the numbers such keys have."""
PICKED = frozenset({"date", "time", "month", "week", "datetime-local", "color", "range"})
SET = """function (value) {
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(this, value);
  for (const what of ['input', 'change']) this.dispatchEvent(new Event(what, { bubbles: true }));
}"""
CHOOSE = """function (chosen) {
  for (const [at, option] of [...this.options].entries()) if (!option.disabled) option.selected = chosen.includes(at);
  for (const what of ['input', 'change']) this.dispatchEvent(new Event(what, { bubbles: true }));
}"""
MOST_CHOSEN = 500
NUMBERS = count(1)
"""Never the same twice: an act that comes late, when another page is shown, is none on that page."""
Patch = dict[str, Any]
Told = tuple[str, str, dict[str, Any]]


class Mirror:
    """One page's tree, as the viewer has it."""

    def __init__(self, context: BrowserContext, page: Page, cdp: CDPSession) -> None:
        self.changed = asyncio.Event()
        """Set with every new picture, act and change of the tree: time to look again."""
        self._acted = self._after = 0
        """The number of the viewer's newest act that has been done, and that of the newest she was told of."""
        self._again: dict[int, int] = {}
        """Nodes to be told whatever they hold, because an act (its number) put something there: the portal may have taken it back."""
        self._cdp = cdp
        self._reader = Reader(context, page, cdp, self.changed)
        self._numbers: dict[Key, int] = {}
        self._told: dict[int, Told] = {}
        self._kids: dict[int, list[int]] = {}
        self._spots: dict[int, Spot] = {}
        self._focus = 0

    async def patch(self) -> Patch | None:
        """What changed since the last one; None when nothing did. Raises Playwright's `Error`."""
        after = self._acted
        root, focus = await self._reader.read()
        told, kids, spots, numbers = {}, {}, {}, {}
        stack = [(root, 0)]
        while stack:
            node, number = stack.pop()
            below = []
            for one in node.kids:
                numbers[one.key] = self._numbers.get(one.key) or next(NUMBERS)
                below.append(numbers[one.key])
                stack.append((one, numbers[one.key]))
                told[numbers[one.key]] = (one.role, one.name, one.more)
                spots[numbers[one.key]] = one.spot
            if below or number == 0:
                kids[number] = below
        held = numbers.get(focus.key, 0) if focus is not None else 0
        patch: Patch = {
            "set": [[one, *words] for one, words in told.items() if self._told.get(one) != words or one in self._again],
            "kids": [[one, below] for one, below in kids.items() if self._kids.get(one) != below]
            + [[one, []] for one in self._kids if one in told and one not in kids],
        }
        fresh = not self._kids
        if held != self._focus or after != self._after:
            patch["focus"] = held
        self._again = {one: act for one, act in self._again.items() if act > after}
        self._after = after
        self._told, self._kids, self._spots, self._numbers, self._focus = told, kids, spots, numbers, held
        if not fresh and not patch["set"] and not patch["kids"] and "focus" not in patch:
            return None
        return {"e": "tree", "fresh": fresh, "after": after, **patch}

    async def place(self, number: int) -> tuple[float, float] | None:
        """The middle of a node in the page's picture, scrolled into view; None when it is gone or has no place."""
        spot = self._spots[number]
        try:
            await spot.process.cdp.send("DOM.scrollIntoViewIfNeeded", {"backendNodeId": spot.backend})
            quads = (await spot.process.cdp.send("DOM.getContentQuads", {"backendNodeId": spot.backend}))["quads"]
            x, y = await self._reader.offset(spot.process)
        except Error:
            return None
        if not quads:
            return None
        return x + sum(quads[0][0::2]) / 4, y + sum(quads[0][1::2]) / 4

    async def focus(self, number: int) -> None:
        """The node has the page's focus. Raises Playwright's `Error`."""
        spot = self._spots[number]
        await spot.process.cdp.send("DOM.focus", {"backendNodeId": spot.backend})

    async def fill(self, number: int, value: str) -> None:
        """Replace what a field holds, by focus, selection and typed text. Raises Playwright's `Error`."""
        spot, (_, _, more) = self._spots[number], self._told[number]
        if more.get("kind") in PICKED:
            await run_on(spot, SET, value)
            return
        await self.focus(number)
        cdp = spot.process.cdp
        key = {"key": "a", "code": "KeyA", "modifiers": 2, "windowsVirtualKeyCode": 65}
        await cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "commands": ["selectAll"], **key})
        await cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
        if value:
            await cdp.send("Input.insertText", {"text": value})
        else:
            await self._press(cdp, "Delete", 46)

    async def choose(self, number: int, chosen: list[int]) -> None:
        """The options of a list, by their places. Raises Playwright's `Error`."""
        await run_on(self._spots[number], CHOOSE, chosen[:MOST_CHOSEN])

    async def key(self, number: int, key: str) -> None:
        """One of `KEYS`, pressed at a node. Raises Playwright's `Error`."""
        if key in KEYS:
            await self.focus(number)
            await self._press(self._spots[number].process.cdp, key, KEYS[key])

    def knows(self, number: int) -> bool:
        """Whether the viewer was told of it: nothing else may be acted on."""
        return number in self._spots

    def done(self, number: int, act: int, *, wrote: bool) -> None:
        """The viewer's act of that number has been done at that node; `wrote`: what the node holds may be another thing now."""
        self._acted = act
        if wrote:
            self._again[number] = act
        self.changed.set()

    async def stop(self) -> None:
        """Look no more."""
        await self._reader.stop()

    @staticmethod
    async def _press(cdp: CDPSession, key: str, number: int) -> None:
        told = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": number}
        writes = {"Enter": "\r", " ": " "}.get(key)
        down = {"type": "keyDown", "text": writes} if writes else {"type": "rawKeyDown"}
        await cdp.send("Input.dispatchKeyEvent", {**down, **told})
        await cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **told})


async def look_on(mirror: Mirror, tell: Callable[[Patch], None]) -> None:
    """Tell the tree now, and what changes in it after something did, until cancelled."""
    try:
        while True:
            mirror.changed.clear()
            began, patch = time.monotonic(), None
            try:
                async with asyncio.timeout(LONGEST_S):
                    patch = await mirror.patch()
            except (Error, TimeoutError):
                mirror.changed.set()  # between two documents, or behind a dialog
            if patch is not None:
                tell(patch)
            await asyncio.sleep(max(PAUSE_S, min(LONGEST_PAUSE_S, SHARE * (time.monotonic() - began))))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(mirror.changed.wait(), UNSEEN_S)
    finally:
        await mirror.stop()
