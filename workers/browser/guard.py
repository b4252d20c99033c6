"""What a live page may not do by itself: keep hidden tabs, reach odd schemes, or go unseen. Hosts are the door's business."""

import asyncio
import contextlib
from urllib.parse import urlsplit

from playwright.async_api import Dialog, Download, Error, Page

from workers.browser import byhand, challenge
from workers.browser.closing import closed
from workers.browser.facade import watch_status
from workers.browser.live import LiveSession
from workers.browser.tasks import keep

ODD = ("file", "chrome", "devtools", "view-source", "chrome-extension", "filesystem", "ftp")
MOST_TABS = 20
"""Of one session: a page that opens pop-up after pop-up takes no more of the machine."""


def watch(live: LiveSession) -> None:
    """Take every new tab of the context in; keep every dialog for a person (a listener stops Playwright from answering)."""
    live.context.on("page", lambda page: _adopt(live, page))
    byhand.watch(live)
    live.context.on("dialog", lambda dialog: _asked(live, dialog))


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
    if len(live.tabs) >= MOST_TABS:
        live.notice(f"Portunus closed a new tab: {MOST_TABS} of this portal are open. Close one that you need no more.")
        keep(closed(page), "close one tab too many")
        return
    _prepare(live, page)
    live.adopt(page, opener=live.active)


def _asked(live: LiveSession, dialog: Dialog) -> None:
    page = dialog.page
    if page is None or page.is_closed():
        return
    if live.leaving or (dialog.type == "alert" and live.lock.locked() and not live.held):
        keep(_yes(dialog), "answer a dialog")
        return
    live.dialogs[page] = dialog
    live.tell("dialog")
    if not live.held and not live.lock.locked():
        keep(leave_unanswered(live), "leave a dialog of an idle tab")


async def _yes(dialog: Dialog) -> None:
    """Leaving was decided already; an alert asks nothing."""
    with contextlib.suppress(Error):
        await dialog.accept()


async def leave_unanswered(live: LiveSession) -> None:
    """Nobody is there to answer: the page goes, its question with it. The session gets an empty tab if that was its last."""
    for page in list(live.dialogs):
        if len(live.tabs) == 1 and live.tabs[0].page is page:
            await live.context.new_page()
        await closed(page)
        live.dialogs.pop(page, None)


def _prepare(live: LiveSession, page: Page) -> None:
    watch_status(page)
    challenge.watch(live, page)
    page.on("download", lambda download: _handed_out(live, download))
    page.on("close", lambda _: live.forget(page))
    page.on("crash", lambda _: live.notice("This tab crashed. Reload it."))
    page.on("framenavigated", lambda frame: _check(live, page) if frame == page.main_frame else None)


def _handed_out(live: LiveSession, download: Download) -> None:
    """A file is for the holder who asked for it by hand; what a page sends by itself, or to nobody, is not even kept."""
    if live.takes_download is None:
        keep(_dropped(download), "drop a file for nobody")
    elif not byhand.asked_for(live, download):
        live.notice(
            "Portunus blocked a file that the portal sent by itself. Click where the portal offers it to have it."
        )
        live.tell("blocked_file")
        keep(_dropped(download), "drop a file nobody asked for")
    else:
        live.takes_download(download)


async def _dropped(download: Download) -> None:
    with contextlib.suppress(Error):
        await download.cancel()
        await download.delete()


def _check(live: LiveSession, page: Page) -> None:
    shown = urlsplit(page.url)
    if shown.scheme in ODD:
        keep(_leave(page), "leave an odd page")
        live.notice(
            f"Portunus blocked a {shown.scheme}: page: it belongs to the browser or its machine, not to the portal."
        )
    else:
        live.tell("navigated")


async def _leave(page: Page) -> None:
    try:
        await page.goto("about:blank")
    except Error:
        return


def denied(live: LiveSession, host: str) -> None:
    """The door refused a host: say so once, in words."""
    its_own = live.door.allows(host)
    why = (
        "a portal is reached by https at its public address only" if its_own else "it is not one of this portal's hosts"
    )
    live.notice(f"Portunus blocked {host}: {why}.")


async def clean(live: LiveSession) -> bool:
    """After a holder: only the first tab is left. False: another one could not be closed."""
    stay = live.hidden | {tab.page for tab in live.tabs[:1]}
    return all(await asyncio.gather(*(closed(page) for page in live.context.pages if page not in stay)))


async def forget_history(live: LiveSession) -> None:
    """Nobody goes back to the pages of the holder before her."""
    for tab in live.tabs:
        with contextlib.suppress(Error):
            cdp = await live.new_cdp(tab.page)
            await cdp.send("Page.resetNavigationHistory")
            await cdp.detach()
