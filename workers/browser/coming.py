"""The view of a holder who is on her way: opened while her own page still loads, there when she joins."""

import asyncio

from playwright.async_api import Error

from workers.browser.live import LiveSession
from workers.browser.tasks import cancelled, keep
from workers.browser.view import View

WAIT_S = 15.0
"""As long as a ticket is good: who has not joined by then is not coming, and nobody pays for pictures nobody sees."""

PATIENCE_S = 3.0


class Coming:
    """Opened views, by portal session. The caller has made sure that nothing of an earlier holder shows in them."""

    def __init__(self) -> None:
        self._opening: dict[str, asyncio.Task[View | None]] = {}

    def open(self, live: LiveSession) -> None:
        """Begin to open the active tab's view and to take its first picture in. Whoever joins waits for it."""
        if live.id not in self._opening and live.tab() is not None and live.dialog is None:
            opening = self._opening[live.id] = keep(_opened(live), "open a view ahead")
            asyncio.get_running_loop().call_later(WAIT_S, self._give_up, live, opening)

    async def take(self, live: LiveSession) -> View | None:
        """The view, for whoever joins; None when there is none."""
        opening = self._opening.pop(live.id, None)
        if opening is None:
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await opening
        except TimeoutError:
            return None  # the page asks something, or hangs: her own stream tells her

    async def drop(self, live: LiveSession) -> None:
        """Close it unseen."""
        opening = self._opening.pop(live.id, None)
        if opening is None:
            return
        await cancelled(opening)
        if opening.cancelled() or opening.exception() is not None:
            return
        view = opening.result()
        if view is not None:
            view.leave()

    def _give_up(self, live: LiveSession, opening: "asyncio.Task[View | None]") -> None:
        if self._opening.get(live.id) is opening:
            keep(self.drop(live), "close a view that nobody came for")


async def _opened(live: LiveSession) -> View | None:
    """None when it cannot be opened: that fails again, and is told, when she joins."""
    tab = live.tab()
    if tab is None:
        return None
    try:
        view = await View.open(live, tab)
    except Error:
        return None
    try:
        await view.see_first()
    except BaseException:
        view.leave()
        raise
    return view
