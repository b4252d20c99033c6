"""Which of a script's signs shows first, and when to look again: as few questions to the browser as the answer needs.

All plain selectors are one question; whether any of the words shows (mostly none does) is another, asked at the same
time. Each by itself, and frames, are asked only where they stand above the first sign that shows anyway.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error, Frame, FrameLocator, Locator, Page

from workers.browser.arrival import statuses
from workers.browser.ownworld import PLAIN
from workers.browser.tasks import cancelled

FITTING = """(selectors) => {
  const sure = ![...document.querySelectorAll('*')].some((one) => one.shadowRoot);
  const shows = (element) => {
    const style = getComputedStyle(element);
    if (style.display === 'contents') return null;
    if (!element.checkVisibility() || style.visibility !== 'visible') return false;
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0;
  };
  return selectors.map((one) => {
    const seen = [...document.querySelectorAll(one)].map(shows);
    return seen.includes(true) ? true : sure && !seen.includes(null) ? false : null;
  });
}"""
"""Visible as Playwright means it. Null where only Playwright can tell: beyond a shadow root, of an element without a box."""
MOVED = """(ms) => new Promise((done) => {
  const end = () => { watch.disconnect(); clearTimeout(timer); done(); };
  const watch = new MutationObserver(end), timer = setTimeout(end, ms);
  watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
})"""
LEFT = "Execution context was destroyed"
"""Playwright's words where the page went away while it was asked."""
STILL_MS, STILL_IN_FRAMES_MS = 100, 40
"""Longest between two looks at a page that does not move; what moves in a frame is not told."""
LEAST_S = 0.02
Known = dict[str, bool]


async def first_shown(page: Page, signs: list[list[Any]]) -> int | None:
    """The place of the first sign that shows on the page now. A page in mid navigation shows nothing."""
    parts = [part for sign in signs for part in _parts(sign)]
    plain = list(dict.fromkeys(what[0] for kind, *what in parts if kind == "sees" and PLAIN.fullmatch(what[0])))
    words = [part for part in parts if part[0] == "says" or (part[0] == "sees" and part[1] not in plain)]
    known, more = await asyncio.gather(_fitting(page, plain), _words(page, words))
    known |= more
    known |= {_key(part): _at_once(page, part) for part in parts if part[0] in ("at", "status")}
    for number, sign in enumerate(signs):
        shown = _shows(sign, known)
        if shown is None:
            above = signs[number : _first_sure(signs, known)]
            known |= await _counted(page, [part for one in above for part in _parts(one) if _key(part) not in known])
            shown = _shows(sign, known)
        if shown:
            return number
    return None


class Watch:
    """What a page does between two looks."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._came = asyncio.Event()
        self.arrivals = 0
        """Documents the page went to; what a document answers comes after its arrival."""

    async def movement(self, signs: list[list[Any]]) -> None:
        """Over when there is reason to look again."""
        frames = any(part[0] == "inside" for sign in signs for part in _parts(sign))
        coming = asyncio.ensure_future(self._came.wait())
        still_ms = STILL_IN_FRAMES_MS if frames else STILL_MS
        moving = asyncio.ensure_future(self._page.evaluate(MOVED, still_ms))
        try:  # a page without JavaScript has no timers: the limit is ours as well
            await asyncio.wait({coming, moving}, return_when=asyncio.FIRST_COMPLETED, timeout=2 * still_ms / 1000)
        finally:
            await cancelled(coming, moving)
        self._came.clear()
        await asyncio.sleep(LEAST_S)

    def _navigated(self, frame: Frame) -> None:
        self._came.set()
        if frame == self._page.main_frame:
            self.arrivals += 1

    def _loaded(self, page: Page) -> None:
        del page
        self._came.set()


@contextmanager
def watched(page: Page) -> Iterator[Watch]:
    """The page's arrivals are counted within."""
    watch = Watch(page)
    page.on("framenavigated", watch._navigated)
    page.on("domcontentloaded", watch._loaded)
    try:
        yield watch
    finally:
        page.remove_listener("framenavigated", watch._navigated)
        page.remove_listener("domcontentloaded", watch._loaded)


async def shows(page: Page, sign: list[Any]) -> bool:
    """Whether one sign shows on the page now."""
    return await first_shown(page, [sign]) == 0


async def _fitting(page: Page, selectors: list[str]) -> Known:
    """Which of these plain selectors fit something visible; empty when each must be asked by itself."""
    if not selectors:
        return {}
    try:
        fits = await page.evaluate(FITTING, selectors)
    except Error as failed:
        if LEFT in failed.message:
            return {_key(["sees", one]): False for one in selectors}
        return {}  # one is none, or the page has changed what we ask with: each answers for itself
    if not isinstance(fits, list) or len(fits) != len(selectors):
        return {}
    return {_key(["sees", one]): fit for one, fit in zip(selectors, fits, strict=True) if isinstance(fit, bool)}


async def _words(page: Page, parts: list[list[Any]]) -> Known:
    """Whether these parts show; empty where one of several does, and each must be asked by itself."""
    if not parts:
        return {}
    places = [_place(page, part) for part in parts]
    try:
        shown = await reduce(Locator.or_, places).filter(visible=True).count()
    except Error:
        return {}
    return {_key(part): shown > 0 for part in parts} if not shown or len(parts) == 1 else {}


async def _counted(page: Page, parts: list[list[Any]]) -> Known:
    shown = await asyncio.gather(*(_is_there(page, part) for part in parts))
    return {_key(part): there for part, there in zip(parts, shown, strict=True)}


async def _is_there(page: Page, part: list[Any]) -> bool:
    where: Page | FrameLocator = page
    if part[0] == "inside":
        where, part = page.frame_locator(part[1]).first, part[2]
        if part[0] not in ("sees", "says"):
            return False
    try:
        return await _place(where, part).filter(visible=True).count() > 0
    except Error:
        return False


def _place(where: Page | FrameLocator, part: list[Any]) -> Locator:
    return where.locator(part[1]) if part[0] == "sees" else where.get_by_text(part[1])


def _at_once(page: Page, part: list[Any]) -> bool:
    """Address and status, for which nobody has to be asked."""
    if part[0] == "status":
        return statuses.get(page) in part[1:]
    path = urlsplit(page.url).path
    wanted = str(part[1])
    return path.startswith(wanted[:-1]) if wanted.endswith("*") else path == wanted


def _shows(sign: list[Any], known: Known) -> bool | None:
    """None while that depends on what was not asked yet."""
    kind, *what = sign
    if kind not in ("all", "any"):
        return known.get(_key(sign))
    parts = [_shows(part, known) for part in what]
    decisive = kind == "any"
    return decisive if decisive in parts else None if None in parts else not decisive


def _first_sure(signs: list[list[Any]], known: Known) -> int:
    """How many signs stand above the first that shows in any case."""
    return next((number for number, sign in enumerate(signs) if _shows(sign, known)), len(signs))


def _parts(sign: list[Any]) -> Iterator[list[Any]]:
    kind, *what = sign
    if kind in ("all", "any"):
        for part in what:
            yield from _parts(part)
    else:
        yield sign


def _key(part: list[Any]) -> str:
    return repr(part)
