"""Saves what a run sees as example pages: structure and the words of controls; no rows, no values, no numbers, no query.

Whoever commits a page reads it once all the same: a heading may greet a person by name.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Error, Page

from broker.base.errors import Refused
from workers.browser.facade import statuses

SCRUB = (Path(__file__).parents[1] / "browser" / "inside" / "scrub.js").read_text(encoding="utf-8")
NAME = re.compile(r"[a-z_]{2,30}(:\d)?")
NAMED = re.compile(r"""\[(data-[a-z0-9-]+)(?:=\\?["']?([^\]"'\\]*))?""")
SUSPECT = re.compile(r">[^<]*[1-9][^<]*<")
"""A digit in a text: scrubbing has made zeros of all."""


class Saver:
    """Keeps the first page of each kind in a folder, as the page tests want them."""

    def __init__(self, folder: Path, typed: tuple[str, ...], text: str = "") -> None:
        """`text`: the script, whose selectors say which data-* attributes a page is known by."""
        self._folder = folder
        self._named = named_attributes(text)
        self._typed = tuple(one for one in typed if len(one) > 3)
        self.saved: list[Path] = []

    async def keep(self, page: Page, seen: str) -> None:
        """Save a copy of the page under what the script took it for. The page itself is left as it is."""
        if not NAME.fullmatch(seen):
            return
        file = self._folder / f"{seen.replace(':', '_')}.html"
        if file in self.saved:
            return
        try:
            html = self._without_what_was_typed(await self._scrubbed(page))
        except Error:
            return
        address = urlsplit(page.url)
        head = f'<link rel="canonical" href="{address.scheme}://{address.netloc}{address.path}">'
        if statuses.get(page, 200) != 200:
            head += f'<meta name="saved-status" content="{statuses[page]}">'
        text = "<!doctype html>\n" + html.replace("<head>", f"<head>{head}", 1) + "\n"
        self.check(html)
        self._folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.saved.append(file)

    def _without_what_was_typed(self, html: str) -> str:
        for word in self._typed:
            html = re.sub(re.escape(word), "…", html, flags=re.IGNORECASE)
        return html

    def check(self, html: str) -> None:
        """Raises `Refused` when something of a person is left."""
        if any(one.lower() in html.lower() for one in self._typed):
            raise Refused("A page still shows what was typed at the sign-in; it was not saved.")
        if SUSPECT.search(html):
            raise Refused("A page still shows a number; it was not saved.")

    async def _scrubbed(self, page: Page) -> str:
        """In a page of its own without scripts: the live one must not notice."""
        html = await page.content()
        other = await page.context.new_page()
        try:
            await other.route("**/*", lambda route: route.abort())
            await other.set_content(re.sub(r"(?is)<script.*?</script>", "", html), wait_until="commit")
            return str(await other.evaluate(SCRUB, self._named))
        finally:
            await other.close()


def named_attributes(text: str) -> dict[str, list[str]]:
    """The data-* attributes in the selectors of a script, each with the values that are named; '' where none is."""
    found: dict[str, list[str]] = {}
    for name, value in NAMED.findall(text):
        found.setdefault(name, []).append(value)
    return found
