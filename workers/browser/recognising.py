"""Which of a script's signs shows first, and when to look again: as few questions to the browser as the answer needs.

All plain selectors and all words are one question, from a world of our own. What only Playwright can tell, and frames,
are asked only where they stand above the first sign that shows anyway.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error, Frame, FrameLocator, Locator, Page

from workers.browser.arrival import statuses
from workers.browser.ownworld import LEFT, PLAIN, VISIBLE, world_of
from workers.browser.tasks import cancelled

GLANCE = (
    "(selectors, words) => {  const shows = "
    + VISIBLE
    + r""";
  const sure = ![...document.querySelectorAll('*')].some((one) => one.shadowRoot);
  const fits = selectors.map((selector) => {
    try {
      const seen = [...document.querySelectorAll(selector)].map(shows);
      return seen.includes(true) ? true : sure && !seen.includes(null) ? false : null;
    } catch { return null; }
  });
  const flat = (text) => text.replace(/[\u200b\u00ad]/g, '').replace(/\s+/g, ' ').toLowerCase();
  const silent = (one) => ['SCRIPT', 'NOSCRIPT', 'STYLE', 'HEAD'].includes(one.nodeName);
  const told = (one) => one.nodeType === 3 ? one.data : one.matches('input[type=submit], input[type=button]') ? one.value : '';
  const walk = document.createTreeWalker(document, 5, (one) => silent(one) ? 2 : 1);
  let all = '';
  while (words.length && walk.nextNode()) all += told(walk.currentNode);
  all = flat(all);
  return [...fits, ...words.map((one) => sure && /^[ -~]+$/.test(one) && !all.includes(flat(one).trim()) ? false : null)];
}"""
)
"""Words are looked for as Playwright does. Null where only it can tell: beyond a shadow root, which element with such words shows."""
MOVED = """(ms) => new Promise((done) => {
  const end = () => { watch.disconnect(); clearTimeout(timer); done(); };
  const watch = new MutationObserver(end), timer = setTimeout(end, ms);
  watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
})"""
STILL_MS, STILL_IN_FRAMES_MS = 100, 40
"""Longest between two looks at a page that does not move; what moves in a frame is not told."""
LEAST_S = 0.02
Known = dict[str, bool]


async def first_shown(page: Page, signs: list[list[Any]]) -> int | None:
    """The place of the first sign that shows on the page now. A page in mid navigation shows nothing."""
    parts = [part for sign in signs for part in _parts(sign)]
    plain = list(dict.fromkeys(what[0] for kind, *what in parts if kind == "sees" and PLAIN.fullmatch(what[0])))
    words = list(dict.fromkeys(what[0] for kind, *what in parts if kind == "says"))
    known = await _at_a_glance(page, plain, words)
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
        moving = asyncio.ensure_future(world_of(self._page).run(MOVED, still_ms))
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


async def _at_a_glance(page: Page, selectors: list[str], words: list[str]) -> Known:
    """What is known of plain selectors and of words after one question; the rest must be asked one by one."""
    parts = [*(["sees", one] for one in selectors), *(["says", one] for one in words)]
    if not parts:
        return {}
    try:
        shown = await world_of(page).run(GLANCE, selectors, words)
    except TimeoutError:
        return {}
    except Error as failed:
        return {_key(part): False for part in parts} if LEFT.search(failed.message) else {}
    return {_key(part): there for part, there in zip(parts, shown, strict=True) if there is not None}


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
