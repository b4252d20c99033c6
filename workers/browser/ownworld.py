"""A world of our own in a page's main document: a question is one round trip, and no script of the portal can bend its answer.

Playwright first loads its own helper into every new document, some 20 ms each time and each of its worlds; what we ask needs
none of that. What is not plain (text engines, frames, shadow roots) is left to Playwright.
"""

import asyncio
import re
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Literal
from weakref import WeakKeyDictionary, ref

from playwright.async_api import CDPSession, Error, Page

WORLD = "portunus"
ASK_S = 2.0
FILL_MS = 15_000
PLAIN = re.compile(
    r"""(?!\s*[>+~])(?:[\w\-#.,\s>+~*](?<!>>)(?<!\.\.)|\[[\w\-]+(?:[*^$~|]?=(?:"[^"\]\\]*"|'[^'\]\\]*'|[\w\-]+))?\])+"""
)
"""CSS that means the same to a browser as to Playwright."""
COMBINED = re.compile(r"[\s>+~,]")
FOUND = """(links) => {
  for (const one of document.querySelectorAll('*')) if (one.shadowRoot) return null;
  let at = [document];
  for (const [how, what] of links) {
    if (how === 'css') at = [...new Set(at.flatMap((one) => [...one.querySelectorAll(what)]))];
    else at = [at.at(what)].filter((one) => one);
  }
  return at;
}"""
VISIBLE = """(element) => {
  const style = getComputedStyle(element);
  if (style.display === 'contents') return null;
  if (!element.checkVisibility() || style.visibility !== 'visible') return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0;
}"""
"""As Playwright means it; null where only Playwright can tell: of an element without a box."""
TEXTS = f"""(found, visible) => {{
  const shown = found.map({VISIBLE});
  if (shown.includes(null) || found.some((one) => !(one instanceof HTMLElement))) return null;
  return found.filter((_, at) => shown[at] || !visible).map((one) => one.innerText);
}}"""
"""What the elements say, or those of them that are visible."""
ONE = f"(found) => found && found.length === 1 && ({VISIBLE})(found[0]) ? found[0] : null"
TYPE = """async (one, kind, value, until) => {
  const shut = () => one.readOnly || one.getAttribute('aria-readonly') === 'true' || one.matches(':disabled') || one.closest('[aria-disabled=true]');
  for (; Date.now() < until; await new Promise((done) => setTimeout(done, 20))) {
    if (!one.isConnected || (kind !== null && one.type !== kind)) return false;
    if (shut()) continue;
    one.focus();
    if (document.activeElement !== one) continue;
    one.select();
    const before = one.value;
    if (value === '') return before === '' || document.execCommand('delete') || one.value === '';
    return (document.execCommand('insertText', false, value) || one.value !== before) && one.value !== '';
  }
  return false;
}"""
"""As from a keyboard: the page hears of it as of a person's typing. What kind of field it is, and that it is open, is looked at in
the turn that types; a page that wakes up after `until` gets nothing."""
GOES = f"""async (one, ms) => {{
  const end = Date.now() + ms;
  while (one.isConnected && ({VISIBLE})(one)) {{
    if (Date.now() > end) return false;
    await new Promise((done) => setTimeout(done, 20));
  }}
  return true;
}}"""
LEFT = re.compile(r"navigated or closed|context was destroyed|Cannot find (default execution )?context|No frame")
"""The browser's words where the document went away while it was asked."""
Link = tuple[str, str | int]


def plain(chain: list[Any]) -> list[Link] | None:
    """The chain as plain CSS and numbers; None when it holds anything else."""
    links: list[Link] = []
    for method, args, options in chain:
        if method == "locator" and not options and len(args) == 1 and isinstance(args[0], str):
            inner = any(how == "css" for how, _ in links)
            if not PLAIN.fullmatch(args[0]) or (inner and COMBINED.search(args[0].strip())):
                return None
            links.append(("css", args[0].strip()))
        elif method in ("first", "last"):
            links.append(("at", 0 if method == "first" else -1))
        elif method == "nth" and type(args[0]) is int:
            links.append(("at", args[0]))
        else:
            return None
    return links


class OwnWorld:
    """Questions to the page's main document, whichever it is when they arrive."""

    def __init__(self, page: Page) -> None:
        self._page = ref(page)
        self._opening = asyncio.Lock()
        self._cdp: CDPSession | None = None
        self._frame = ""
        self._context = 0
        """The world in the document that was asked last."""

    async def run(self, function: str, *args: Any) -> Any:
        """What the function (fixed, ours) says. Raises Playwright's `Error` (`LEFT`: the document went away), `TimeoutError`."""
        return (await self._told(function, args, by_value=True)).get("value")

    async def hold(self, chain: list[Any]) -> "Held | None":
        """The one element that fits, when it shows already; None when Playwright must be asked instead."""
        links = plain(chain)
        if links is None:
            return None
        try:
            told = await self._told(f"(links) => ({ONE})(({FOUND})(links))", (links,), by_value=False)
        except (Error, TimeoutError):
            return None
        return Held(await self._opened(), str(told["objectId"])) if "objectId" in told else None

    async def _told(self, function: str, args: tuple[Any, ...], *, by_value: bool) -> dict[str, Any]:
        async with asyncio.timeout(ASK_S):
            cdp, known = await self._opened(), self._context
            if not known:
                self._context = await self._entered(cdp)
                return await _said(cdp, function, args, by_value, executionContextId=self._context)
            both: list[Any] = await asyncio.gather(  # in this order: the answer counts when the world is still that one
                self._entered(cdp),
                _said(cdp, function, args, by_value, executionContextId=known),
                return_exceptions=True,
            )
            here, said = both
            if isinstance(here, BaseException):
                raise here
            if here != known:
                self._context = here
                return await _said(cdp, function, args, by_value, executionContextId=here)
            if isinstance(said, BaseException):
                raise said
            answer: dict[str, Any] = said
            return answer

    async def ask(self, function: str, chain: list[Any], *more: Any) -> Any:
        """What the function says of the found elements; None when Playwright must be asked instead."""
        links = plain(chain)
        if links is None:
            return None
        declared = (
            f"(links, ...more) => {{ const found = ({FOUND})(links); return found && ({function})(found, ...more); }}"
        )
        try:
            return await self.run(declared, links, *more)
        except (Error, TimeoutError):
            return None  # the document went away meanwhile, or draws nothing

    async def ready(self) -> None:
        """Open it now, if the page lets it: one that is on its way may not answer before it has arrived."""
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(ASK_S):
                await self._opened()

    async def _opened(self) -> CDPSession:
        """A line of its own to the page. Raises Playwright's `Error`."""
        async with self._opening:
            if self._cdp is None:
                if (page := self._page()) is None:
                    raise Error("the page has been closed")
                cdp = await page.context.new_cdp_session(page)
                self._frame = (await cdp.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
                self._cdp = cdp
            return self._cdp

    async def _entered(self, cdp: CDPSession) -> int:
        """The world in the document that stands now; made where there is none yet."""
        made = await cdp.send("Page.createIsolatedWorld", {"frameId": self._frame, "worldName": WORLD})
        return int(made["executionContextId"])


class Held:
    """One element of one document, held in our world; it answers to what Playwright's handle does where a desk needs it."""

    def __init__(self, cdp: CDPSession, object_id: str) -> None:
        self._cdp = cdp
        self._object_id = object_id
        self.kind: str | None = None
        """Of input that it was seen to be: it is typed into only while it is that still."""

    async def evaluate(self, function: str, *args: Any) -> Any:
        """What the function (fixed, ours) says of the element. Raises Playwright's `Error` when it is gone."""
        declared = f"function (...more) {{ return ({function})(this, ...more); }}"
        return (await _said(self._cdp, declared, args, by_value=True, objectId=self._object_id)).get("value")

    async def fill(self, value: str, timeout: float = FILL_MS) -> None:  # noqa: ASYNC109 - named as Playwright's
        """Type over what it holds, as soon as one can; `timeout` in milliseconds. Raises Playwright's `Error`."""
        until = time.time() * 1000 + timeout
        if not await self._within(timeout, self.evaluate(TYPE, self.kind, value, until)):
            raise Error("the field cannot be typed into")

    async def wait_for_element_state(self, state: Literal["hidden"], *, timeout: float) -> None:  # noqa: ASYNC109 - as above
        """Over when it does not show any more; `timeout` in milliseconds. Raises Playwright's `Error`."""
        if not await self._within(timeout, self.evaluate(GOES, timeout)):
            raise Error(f"the field is not {state}")

    async def _within(self, limit_ms: float, asked: Awaitable[Any]) -> bool:
        """What the page says, if it says anything by then: one that hangs does not count its own time."""
        try:
            return bool(await asyncio.wait_for(asked, limit_ms / 1000 + ASK_S))
        except TimeoutError:
            return False


async def _said(cdp: CDPSession, function: str, args: tuple[Any, ...], by_value: bool, **where: Any) -> dict[str, Any]:
    """The function's result, as DevTools tells it; `where`: of which world or object it is asked."""
    told = await cdp.send(
        "Runtime.callFunctionOn",
        {
            "functionDeclaration": function,
            "arguments": [{"value": one} for one in args],
            "returnByValue": by_value,
            "awaitPromise": True,
            **where,
        },
    )
    if "exceptionDetails" in told:
        raise Error("our own question failed")
    result: dict[str, Any] = told["result"]
    return result


_worlds: "WeakKeyDictionary[Page, OwnWorld]" = WeakKeyDictionary()


def world_of(page: Page) -> OwnWorld:
    """The page's; it is opened by the first question."""
    if page not in _worlds:
        _worlds[page] = OwnWorld(page)
    return _worlds[page]
