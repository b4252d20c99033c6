"""What a script may do to a page: its recorded chains and acts, replayed from the closed lists, on the portal's hosts only.

No JavaScript, no cookies, no field values: what is not in `carrier_scripts.kit.wire` cannot be asked for.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from traceback import extract_tb
from typing import Any
from urllib.parse import urlsplit

import structlog
from playwright.async_api import Error, FrameLocator, Locator, Page, Response
from playwright.async_api import TimeoutError as TooSlow

from workers.browser import arrival, calls, fields, recognising
from workers.browser.arrival import statuses, watch_status
from workers.browser.calls import CallRefused
from workers.browser.fields import Field
from workers.browser.live import LiveSession
from workers.browser.ownworld import TEXTS, world_of
from workers.browser.pool import CRASHED
from workers.browser.recognising import first_shown
from workers.browser.settling import settled
from workers.browser.tasks import cancelled

__all__ = ["CallRefused", "Facade", "statuses", "unless_asked", "watch_status"]
ACT_MS = 15_000
GOTO_MS = 30_000
LOOK_EVERY_S = 0.02
TEXT_CHARACTERS = 20_000
CHAIN_LINKS = 12
GONE = re.compile(r"(has been closed|[Tt]arget closed|[Ss]ession closed|navigated or closed|[Cc]rashed)[.!]?$")
"""How a browser's own words end when a page or its process went away; a selector or an address could stand elsewhere in them."""
NO_ANSWER = "The portal did not answer in time."
log = structlog.get_logger("facade")


async def unless_asked(live: LiveSession, call: Coroutine[Any, Any, Any]) -> Any:
    """The call's answer. Raises `CallRefused` as soon as the portal opens a dialog, which only a person answers, or the browser dies."""
    if live.shard.died.is_set():
        call.close()
        raise CallRefused("refused", CRASHED)
    asked = asyncio.Event()

    def heard(what: str) -> None:
        if what == "dialog":
            asked.set()

    live.listeners.append(heard)
    if live.dialog is not None:
        asked.set()
    calling, asking = asyncio.ensure_future(call), asyncio.ensure_future(asked.wait())
    dying = asyncio.ensure_future(live.shard.died.wait())
    try:
        await asyncio.wait({calling, asking, dying}, return_when=asyncio.FIRST_COMPLETED)
        if dying.done():
            raise CallRefused("refused", CRASHED)
        if calling.done():
            return calling.result()
        raise CallRefused("needs_person", "The portal asks a question that only a person may answer.")
    finally:
        live.listeners.remove(heard)
        asking.cancel()
        dying.cancel()
        if not calling.done():
            await cancelled(calling)


class Facade:
    """One run's view of a live session. `first` is the page that the script knows as 0."""

    def __init__(self, live: LiveSession, first: Page) -> None:
        self._live = live
        self._pages = [first]
        self.broken = False
        """The browser itself failed a call: neither the script nor the portal is to blame."""
        self.typed: list[Field] = []
        """Fields the desk has typed a secret into."""
        self._calls: dict[str, Callable[..., Awaitable[Any]]] = {
            "goto": self.goto,
            "reload": self.reload,
            "page": self.page_act,
            "url": self.url,
            "recognise": self.recognise,
            "pages": self.pages,
            "wait_page": self.wait_page,
            "overlay": self.overlay,
        }

    async def call(self, name: str, args: dict[str, Any]) -> Any:
        """Do one call. Raises `CallRefused` with a typed code for everything that does not work."""
        try:
            calls.check_size(args)
            await self.check_names(args)
            return await self._calls[name](**args)
        except TooSlow as slow:
            if arrival.did_not_come(slow):
                raise CallRefused("down", NO_ANSWER) from slow
            raise CallRefused("unrecognised", f"{name}: what the script looks for did not show in time") from slow
        except (TypeError, KeyError, IndexError, ValueError) as wrong:
            where = extract_tb(wrong.__traceback__)[-1]  # a script's bad arguments, or our own fault: the place tells
            known = name if name in self._calls else "unknown"  # a script may call anything
            place = f"{Path(where.filename).name}:{where.lineno}"
            log.info("a call broke", call=known, kind=type(wrong).__name__, at=place)
            raise CallRefused("script_failed", f"{name}: {type(wrong).__name__}") from wrong
        except Error as failed:
            raise CallRefused(*self._meaning(failed.message)) from failed

    async def check_names(self, args: dict[str, Any]) -> None:
        """Raises `CallRefused` for a name that could hold what was typed: no name is asked, but a button's, while it stands there."""
        if not self.typed or not calls.names_asked(args) - {"button"}:
            return
        if any(await asyncio.gather(*(fields.holds(field) for field in self.typed))):
            raise CallRefused("refused", "While a secret stands in its field, only buttons are looked for by name.")
        self.typed.clear()

    def page(self, index: int) -> Page:
        """The script's page of that index."""
        return self._pages[index]

    def locate(self, page: int, chain: list[Any]) -> Locator:
        """The locator a chain stands for. Raises `CallRefused` for a link that is not allowed."""
        here: Any = self.page(page)
        if not chain or len(chain) > CHAIN_LINKS:
            raise CallRefused("script_failed", "a locator has 1 to 12 links")
        for method, args, options in chain:
            if (no := calls.refused_link(method, args, options)) is not None:
                raise CallRefused("script_failed", no)
            link = getattr(here, method)
            here = link(*args, **options) if callable(link) else link
        if isinstance(here, FrameLocator) or not isinstance(here, Locator):
            raise CallRefused("script_failed", "a chain ends at an element")
        return here

    async def goto(self, page: int, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not self._live.door.allows(parts.hostname or ""):
            raise CallRefused(
                "refused",
                f"A script may go to its portal's own https addresses only, not to {parts.scheme}://{parts.hostname}.",
            )
        target = self.page(page)
        await world_of(target).ready()
        await self._arrive(target.goto(url, wait_until="domcontentloaded", timeout=GOTO_MS))

    async def reload(self, page: int) -> None:
        await self._arrive(self.page(page).reload(wait_until="domcontentloaded", timeout=GOTO_MS))

    async def _arrive(self, going: Awaitable[Response | None]) -> None:
        try:
            await going
        except TooSlow as slow:
            raise CallRefused("down", NO_ANSWER) from slow

    async def page_act(self, page: int, chain: list[Any], act: str, args: list[Any], options: dict[str, Any]) -> Any:
        if (no := calls.refused_act(act, args, options)) is not None:
            raise CallRefused("script_failed", no)
        locator = self.locate(page, chain)
        if act == "all_inner_texts":
            answer = await self._read(page, lambda: self.texts(page, chain))
        elif act in ("is_visible", "count"):
            answer = await self._read(page, getattr(locator, act))
        else:
            wait_ms = max(1.0, min(float(options.get("timeout") or ACT_MS), ACT_MS))
            acting = getattr(locator, act)(*args, **{**options, "timeout": wait_ms})
            answer = await (self._settled(page, acting) if act == "select_option" else acting)
        if isinstance(answer, str):
            return answer[:TEXT_CHARACTERS]
        if isinstance(answer, list):
            return [text[:TEXT_CHARACTERS] for text in answer[:500]]
        return answer

    async def texts(self, page: int, chain: list[Any], *, visible: bool = False) -> list[str]:
        """What the elements say that fit now; `visible`: only those that show."""
        locator = self.locate(page, chain)
        told = await world_of(self.page(page)).ask(TEXTS, chain, visible)
        if told is None:
            told = await (locator.filter(visible=True) if visible else locator).all_inner_texts()
        return [str(one) for one in told]

    async def _read(self, page: int, ask: Callable[[], Awaitable[Any]]) -> Any:
        """What the page says now; one that went away while it was asked is asked again when it stands."""
        try:
            return await ask()
        except Error:
            await self.page(page).wait_for_load_state("domcontentloaded", timeout=ACT_MS)
            return await ask()

    async def _settled(self, page: int, acting: Awaitable[Any]) -> Any:
        try:
            async with settled(self.page(page), ACT_MS / 1000):
                return await acting
        except TimeoutError as slow:
            raise CallRefused("down", NO_ANSWER) from slow

    async def url(self, page: int) -> str:
        parts = urlsplit(self.page(page).url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    async def pages(self) -> list[int]:
        return list(range(len(self._pages)))

    async def wait_page(self, timeout_ms: int) -> int:
        known = set(self._pages)
        try:
            async with asyncio.timeout(min(timeout_ms, GOTO_MS) / 1000):
                while True:
                    fresh = [tab.page for tab in self._live.tabs if tab.page not in known]
                    if fresh:
                        self._pages.append(fresh[0])
                        return len(self._pages) - 1
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError as none:
            raise CallRefused("unrecognised", "No new page came where the script expects one.") from none

    async def overlay(self, page: int, shows: str, chain: list[Any]) -> None:
        """Playwright presses the button before its next act on this page, whenever the overlay shows."""
        over, button = self.locate(page, [["locator", [shows], {}]]), self.locate(page, chain)

        async def dismiss() -> None:
            await button.click(timeout=ACT_MS)

        await self.page(page).add_locator_handler(over, dismiss)

    async def recognise(self, page: int, signs: list[list[Any]], but_not: list[str], timeout_ms: int) -> str:
        """The first sign that shows, asked again and again until one does; `unrecognised` when none does in time.

        A page that is still arriving is waited for: half of it says other things than the whole. So is one that began to
        arrive while the last one was asked. Raises `CallRefused` for one that cannot arrive.
        """
        target = self.page(page)
        for _, sign in signs:
            calls.check_sign(sign)
        names = [str(name) for name, _ in signs if name not in but_not]
        asked = [sign for name, sign in signs if name not in but_not]
        clock = asyncio.get_running_loop().time
        end = clock() + min(timeout_ms, GOTO_MS) / 1000
        with recognising.watched(target) as watch:
            while True:
                if target.is_closed():
                    raise CallRefused(*self._meaning("Target closed"))
                with suppress(Error):
                    await target.wait_for_load_state("domcontentloaded", timeout=max(1, (end - clock()) * 1000))
                if (why_not := arrival.failure(target)) is not None:
                    raise CallRefused(*self._meaning(why_not))
                before = watch.arrivals
                shown = await first_shown(target, asked)
                late = clock() > end
                if shown is not None and (watch.arrivals == before or late):
                    return names[shown]
                if late:
                    return "unrecognised"
                if watch.arrivals == before:
                    await watch.movement(asked)

    def _meaning(self, text: str) -> tuple[str, str]:
        """What a browser error means to a person. The browser's own words may hold addresses: they are not passed on.

        Only the first line is the browser's word; below it Playwright logs what the page says.
        """
        text = text.partition("\n")[0]
        if "ERR_TUNNEL_CONNECTION_FAILED" in text:
            led = ", ".join(host for host in self._live.door.denied if not self._live.door.allows(host))
            if led:
                return "led_away", f"The portal led to {led}, which is not one of its hosts. Nothing was typed there."
            return "down", "The portal's host did not answer."
        if "ERR_CERT" in text or "SSL" in text:
            return "refused", "The portal's certificate is not in order."
        if "net::ERR" in text or "Timeout" in text:
            return "down", "The portal did not answer."
        if GONE.search(text):
            self.broken = True
            log.info("a tab was closed in mid run")
            return "script_failed", "The browser tab was closed in mid run."
        return "unrecognised", "The page did not behave as the script expects."
