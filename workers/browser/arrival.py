"""How a page's newest main document came: with which HTTP status, or why not at all."""

from weakref import WeakKeyDictionary

from playwright.async_api import Error, Page, Request, Response
from playwright.async_api import TimeoutError as TooSlow

statuses: "WeakKeyDictionary[Page, int]" = WeakKeyDictionary()
"""HTTP status of each page's newest main document."""
_failures: "WeakKeyDictionary[Page, str]" = WeakKeyDictionary()
ERROR_PAGE = "chrome-error:"
NOT_YET = "waiting for scheduled navigations"
"""What Playwright's log says of a press after which the next page did not come."""


def watch_status(page: Page) -> None:
    """Remember how the page's main documents come."""

    def came(response: Response) -> None:
        if _is_main(page, response.request):
            statuses[page] = response.status
            _failures.pop(page, None)

    def failed(request: Request) -> None:
        if _is_main(page, request):
            _failures[page] = request.failure or ""

    page.on("response", came)
    page.on("requestfailed", failed)


def _is_main(page: Page, request: Request) -> bool:
    try:
        return request.is_navigation_request() and request.frame == page.main_frame
    except Error:
        return False


def failure(page: Page) -> str | None:
    """The browser's word for why the page that should stand here did not come; None when one stands."""
    return _failures.get(page) if page.url.startswith(ERROR_PAGE) else None


def did_not_come(slow: TooSlow) -> bool:
    """Whether what was pressed was pressed, and the portal did not answer it."""
    return NOT_YET in slow.message
