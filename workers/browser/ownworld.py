"""A world of our own in a lookup page's documents: a question is one round trip, and no script of the portal can bend its answer.

Playwright first loads its own helper into every new document, some 40 ms each time; plain selectors need none of that.
What is not plain (text engines, frames, shadow roots) is left to Playwright.
"""

import asyncio
import re
from typing import Any

from playwright.async_api import CDPSession, Error

WORLD = "portunus lookups"
ASK_S = 2.0
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
    """Questions to the page's main document."""

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp
        self._frame = ""
        self._context: str | None = None

    async def start(self) -> None:
        """Be there in this document and all that come. Raises Playwright's `Error`."""
        self._frame = (await self._cdp.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        self._cdp.on("Runtime.executionContextCreated", self._made)
        self._cdp.on("Runtime.executionContextDestroyed", self._gone)
        self._cdp.on("Runtime.executionContextsCleared", lambda _: self._forget())
        await asyncio.gather(  # sent in this order, answered together
            self._cdp.send("Page.enable"),  # without it the world is forgotten at the next navigation
            self._cdp.send("Runtime.enable"),
            self._cdp.send(
                "Page.addScriptToEvaluateOnNewDocument", {"source": "0", "worldName": WORLD, "runImmediately": True}
            ),
        )

    async def ask(self, function: str, chain: list[Any], *more: Any) -> Any:
        """What the function (fixed, ours) says of the found elements; None when Playwright must be asked instead."""
        links, context = plain(chain), self._context
        if links is None or context is None:
            return None
        declared = (
            f"(links, ...more) => {{ const found = ({FOUND})(links); return found && ({function})(found, ...more); }}"
        )
        try:
            async with asyncio.timeout(ASK_S):
                told = await self._cdp.send(
                    "Runtime.callFunctionOn",
                    {
                        "functionDeclaration": declared,
                        "uniqueContextId": context,
                        "arguments": [{"value": one} for one in (links, *more)],
                        "returnByValue": True,
                        "awaitPromise": True,
                    },
                )
        except (Error, TimeoutError):
            return None  # the document went away meanwhile, or draws nothing
        return None if "exceptionDetails" in told else told["result"].get("value")

    def _made(self, told: dict[str, Any]) -> None:
        context = told["context"]
        if context.get("name") == WORLD and (context.get("auxData") or {}).get("frameId") == self._frame:
            self._context = str(context["uniqueId"])

    def _gone(self, told: dict[str, Any]) -> None:
        if told.get("executionContextUniqueId") == self._context:
            self._forget()

    def _forget(self) -> None:
        self._context = None
