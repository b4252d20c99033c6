"""Saves what a run sees as example pages: structure, and the texts and names that the script itself says; nothing else.

Whoever commits a page reads it once all the same.
"""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import ElementHandle, Error, Frame, Page
from playwright.async_api import TimeoutError as TooSlow

from broker.base.errors import Refused
from workers.browser.facade import statuses
from workers.tryout.scrubbing import check, scrubbed
from workers.tryout.vocabulary import Vocabulary

SCRUB = (Path(__file__).parents[1] / "browser" / "inside" / "scrub.js").read_text(encoding="utf-8")
NAME = re.compile(r"[a-z_]{2,30}(:\d)?")
FRAMES = "xpath=//iframe | //frame"
"""Those of the document itself: a CSS selector would look into shadow roots too, which a saved page does not have."""
DEEPEST = 4
"""Frames within frames: each level writes the marks of the one below anew."""
FRAME_MS = 3000
LIMIT_S = 20.0
MOVED = "A page went on while it was looked at; it was not saved."


class Saver:
    """Keeps the first page of each kind in a folder, as the page tests want them."""

    def __init__(self, folder: Path, known: Vocabulary, hosts: frozenset[str]) -> None:
        """`hosts`: the portal's; a frame from elsewhere is left out."""
        self._folder = folder
        self._known = known
        self._hosts = hosts
        self.saved: list[Path] = []

    async def keep(self, page: Page, seen: str) -> None:
        """Save a copy of the page under what the script took it for. Raises `Refused`. The page itself is left as it is."""
        if not NAME.fullmatch(seen):
            return
        file = self._folder / f"{seen.replace(':', '_')}.html"
        if file in self.saved:
            return
        try:
            async with asyncio.timeout(LIMIT_S):
                html = await self._shown(page)
        except (Error, TimeoutError) as gone:
            raise Refused(MOVED) from gone
        text = scrubbed(html, page.url, statuses.get(page, 200), self._known)
        check(text, self._known)
        self._folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.saved.append(file)

    async def _shown(self, page: Page) -> str:
        """What the page shows, from a page of its own without scripts: the live one must not notice."""
        other = await page.context.new_page()
        try:
            await other.route("**/*", lambda route: route.abort())
            return await self._document(page.main_frame, other)
        finally:
            await other.close()

    async def _document(self, frame: Frame, other: Page, depth: int = 0) -> str:
        """What one document shows, its frames carrying theirs. Raises `Refused` when they have changed meanwhile."""
        inside = [await self._inside(one, other, depth) for one in await frame.query_selector_all(FRAMES)]
        html = await frame.content()
        await other.set_content(re.sub(r"(?is)<script.*?</script>", "", html), wait_until="commit")
        shown = await other.evaluate(SCRUB, inside)
        if shown is None:
            raise Refused(MOVED)
        return str(shown)

    async def _inside(self, element: ElementHandle, other: Page, depth: int) -> str | None:
        """What a frame shows; None for one that is hidden, or not the portal's."""
        frame = await element.content_frame()
        if frame is None or depth == DEEPEST or not await element.is_visible():
            return None
        with suppress(TooSlow):
            await frame.wait_for_load_state("domcontentloaded", timeout=FRAME_MS)
        return await self._document(frame, other, depth + 1) if self._own(frame.url) else None

    def _own(self, address: str) -> bool:
        """Whether a frame's document is of one of the portal's hosts, or written by the page around it."""
        parts = urlsplit(address)
        return parts.scheme == "about" or (parts.scheme in ("http", "https") and parts.hostname in self._hosts)
