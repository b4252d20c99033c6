"""The view of a holder who is on her way: opened while her own page still loads, there when she joins."""

import asyncio

from playwright.async_api import Error

from workers.browser.live import LiveSession
from workers.browser.view import View

WAIT_S = 15.0
"""As long as a ticket is good: who has not joined by then is not coming, and nobody pays for pictures nobody sees."""


class Coming:
    """Opened views, by portal session. The caller has made sure that nothing of an earlier holder shows in them."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}

    async def open(self, live: LiveSession) -> None:
        """Open the active tab's view, with its first picture. What fails here fails again, and is told, when she joins."""
        tab = live.tab()
        if tab is None or live.id in self._views or live.dialog is not None:
            return
        try:
            view = await View.open(live, tab)
        except Error:
            return
        await view.see_first()
        self._views[live.id] = view
        asyncio.get_running_loop().call_later(WAIT_S, self._give_up, live, view)

    def take(self, live: LiveSession) -> View | None:
        """The view, for whoever joins; None when there is none."""
        return self._views.pop(live.id, None)

    def drop(self, live: LiveSession) -> None:
        """Close it unseen."""
        view = self.take(live)
        if view is not None:
            view.leave()

    def _give_up(self, live: LiveSession, view: View) -> None:
        if self._views.get(live.id) is view:
            self.drop(live)
