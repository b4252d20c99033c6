"""Where things are on a carrier's pages: the same pages of a second lab, drawn in the test's own browser, so that the walk's counters stay the walk's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Route

from tests.carrier_scripts.lab.walking import sign_in_harborline
from tests.labs import Browser as Visitor
from tests.labs import running_lab

REMOTE = {"width": 1280, "height": 800}


class Floorplan:
    """Harborline, signed in for Phoenix."""

    def __init__(self, page: Page, visitor: Visitor) -> None:
        self._page, self._visitor = page, visitor
        page.route("**/*", self._answer)

    def _answer(self, route: Route) -> None:
        answer = self._visitor.get(route.request.url)
        route.fulfill(
            status=answer.status_code, body=answer.content, content_type=answer.headers.get("content-type", "")
        )

    def middle_of(self, path: str, selector: str) -> tuple[float, float]:
        """The middle of this element on the page at this path, in pixels of a window of 1280 x 800."""
        self._page.goto(str(self._visitor.base_url.join(path)))
        box = self._page.locator(selector).bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@contextmanager
def floorplan_of_harborline(browser: Browser, folder: Path) -> Iterator[Floorplan]:
    """A second lab for as long as the block takes."""
    context = browser.new_context(viewport=REMOTE)
    try:
        with running_lab(folder) as lab, lab.browser("harborline") as visitor:
            sign_in_harborline(visitor, lab)
            yield Floorplan(context.new_page(), visitor)
    finally:
        context.close()
