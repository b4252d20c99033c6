"""What a live page may not do by itself: keep hidden tabs, reach odd schemes, or go unseen. Hosts are the door's business."""

from urllib.parse import urlsplit

from playwright.async_api import Error, Page

from workers.browser.facade import watch_status
from workers.browser.live import LiveSession
from workers.browser.tasks import keep

ODD = ("file", "chrome", "devtools", "view-source", "chrome-extension", "filesystem", "ftp")


def watch(live: LiveSession) -> None:
    """Take every new tab of the context in; tell the user what the door refused."""
    live.context.on("page", lambda page: _adopt(live, page))


def adopt_first(live: LiveSession, page: Page) -> None:
    """The session's own first tab."""
    _prepare(live, page)
    live.adopt(page)


def _adopt(live: LiveSession, page: Page) -> None:
    if live.hiding:
        live.hiding -= 1
        live.hidden.add(page)
        watch_status(page)
        return
    if any(tab.page is page for tab in live.tabs):
        return
    _prepare(live, page)
    live.adopt(page, opener=live.active)


def _prepare(live: LiveSession, page: Page) -> None:
    watch_status(page)
    page.on("close", lambda _: live.forget(page))
    page.on("crash", lambda _: live.notice("This tab crashed. Reload it."))
    page.on("framenavigated", lambda frame: _check(live, page) if frame == page.main_frame else None)


def _check(live: LiveSession, page: Page) -> None:
    shown = urlsplit(page.url)
    if shown.scheme in ODD:
        keep(_leave(page), "leave an odd page")
        live.notice(f"{shown.scheme}: pages are not shown.")
    else:
        live.tell("navigated")


async def _leave(page: Page) -> None:
    try:
        await page.goto("about:blank")
    except Error:
        return


def denied(live: LiveSession, host: str) -> None:
    """The door refused a host: say so once, in words."""
    live.notice(f"Portunus blocked {host}: it is not one of this portal's hosts.")


async def clean(live: LiveSession) -> None:
    """After a holder: only the first tab is left."""
    for tab in list(live.tabs[1:]):
        try:
            await tab.page.close()
        except Error:
            continue
