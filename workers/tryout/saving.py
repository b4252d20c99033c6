"""Saves what a run sees as example pages: structure, and the texts and names that the script itself says; nothing else.

Whoever commits a page reads it once all the same.
"""

import re
from pathlib import Path

from playwright.async_api import Error, Page

from workers.browser.facade import statuses
from workers.tryout.scrubbing import check, scrubbed
from workers.tryout.vocabulary import Vocabulary

SCRUB = (Path(__file__).parents[1] / "browser" / "inside" / "scrub.js").read_text(encoding="utf-8")
NAME = re.compile(r"[a-z_]{2,30}(:\d)?")


class Saver:
    """Keeps the first page of each kind in a folder, as the page tests want them."""

    def __init__(self, folder: Path, known: Vocabulary) -> None:
        self._folder = folder
        self._known = known
        self.saved: list[Path] = []

    async def keep(self, page: Page, seen: str) -> None:
        """Save a copy of the page under what the script took it for. Raises `Refused`. The page itself is left as it is."""
        if not NAME.fullmatch(seen):
            return
        file = self._folder / f"{seen.replace(':', '_')}.html"
        if file in self.saved:
            return
        try:
            html = await self._shown(page)
        except Error:
            return
        text = scrubbed(html, page.url, statuses.get(page, 200), self._known)
        check(text, self._known)
        self._folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.saved.append(file)

    async def _shown(self, page: Page) -> str:
        """What the page shows, from a page of its own without scripts: the live one must not notice."""
        html = await page.content()
        other = await page.context.new_page()
        try:
            await other.route("**/*", lambda route: route.abort())
            await other.set_content(re.sub(r"(?is)<script.*?</script>", "", html), wait_until="commit")
            return str(await other.evaluate(SCRUB))
        finally:
            await other.close()
