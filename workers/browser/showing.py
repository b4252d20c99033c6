"""Which pictures a viewer is sent: whole ones and changes, by name where she has them, roughly first where her link is slow."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from workers.browser import messages
from workers.browser.live import LiveSession
from workers.browser.messages import Tile
from workers.browser.pace import Pace
from workers.browser.rough import Canvas, shortened
from workers.browser.screen import Change, Patch
from workers.browser.told import Told
from workers.browser.view import View

ON_THE_WAY = 2
ACK_PATIENCE_S = 5.0
WHOLE_EVERY_S = 10.0
WHOLE_AFTER_BYTES = 400_000
"""A whole picture is due when so many bytes of changes have come since the last one, and ten seconds: seeking stays quick."""
SETTLED_S, ROUGH_S = 0.15, 2.0
"""After the last rough picture, or so long after the first, it is sharpened."""


class Emit(Protocol):
    """Writes a message, then sends it; the number and the milliseconds are given to what makes it."""

    def __call__(self, make: Callable[[int, int], bytes]) -> Awaitable[None]: ...


class Showing:
    """From join to leave. At most two pictures are on their way; one that was not sent in time is forgotten, never queued."""

    def __init__(self, live: LiveSession, pace: Pace, emit: Emit, view: Callable[[], View | None]) -> None:
        """`view`: the tab that is shown now."""
        self._live = live
        self._pace = pace
        self._emit = emit
        self._view = view
        self.arrived = asyncio.Event()
        """Set by each new picture of the tab."""
        self.acks = asyncio.Event()
        """Set by each of the viewer's acknowledgements."""
        self.shown = asyncio.Event()
        """Set once she has had a whole picture."""
        self.answered = asyncio.Event()
        """Set by each picture that goes; whoever acts clears it."""
        self.looked_at = asyncio.Event()
        """Cleared while nobody sees what is sent: her tab is in the background of her own browser."""
        self.looked_at.set()
        self.whole_wanted = False
        """Somebody who looks on has seen nothing yet: the next picture is a whole one."""
        self._whole_at = 0.0
        self._since_whole = 0
        self._told = Told()
        self._canvas: Canvas | None = None
        """What she has where it is not simply the tab's picture: rough in places."""
        self._canvas_of: View | None = None
        self._roughed = (0.0, 0.0)
        """When the canvas became rough, and when it last did."""

    async def run(self) -> None:
        """Until it is cancelled, or what `emit` raises."""
        while True:
            settled = False
            try:
                async with asyncio.timeout(self._settles_in()):
                    await self.arrived.wait()
            except TimeoutError:
                settled = True
            await self.looked_at.wait()
            self.arrived.clear()
            await self._until_paced(1 if settled else ON_THE_WAY)
            view = self._view()
            if view is None:
                continue
            if settled and not self.arrived.is_set():
                await self._sharpen(view)
                continue
            first, view.first = view.first, None
            if first is not None:
                await self._whole_out(view, first)
                self.arrived.set()  # there may be a newer one by now
            elif (png := view.cast.take()) is not None:
                await self._picture_out(view, png)
            self.answered.set()

    async def _until_paced(self, most: int = ON_THE_WAY) -> None:
        """Wait until the viewer has drawn what is on its way; one that never answers is waited for 5 s at a time."""
        while self._pace.pictures >= most:
            self.acks.clear()
            try:
                async with asyncio.timeout(ACK_PATIENCE_S):
                    await self.acks.wait()
            except TimeoutError:
                self._pace.forget()

    async def _picture_out(self, view: View, png: bytes) -> None:
        change = await asyncio.to_thread(self._seen, view, png)
        if (change.nothing and not self.whole_wanted) or view is not self._view():
            return  # a still page, or another tab is shown by now
        other_canvas = self._canvas is not None and self._canvas_of is not view
        if change.whole or self._whole_due() or self.whole_wanted or other_canvas:
            await self._whole_out(view)
        else:
            view.redrawn()
            await self._changes_out(view, change)

    def _seen(self, view: View, png: bytes) -> Change:
        """Look, and pack what she has not got."""
        self._told.naming = not self._live.watchers
        change = view.sight.see(png)
        for patch in change.tiles:
            self._told.weight(patch)
        return change

    def _whole_due(self) -> bool:
        late = self._since_whole > WHOLE_AFTER_BYTES and time.monotonic() - self._whole_at > WHOLE_EVERY_S
        return late and not self._pace.slow

    async def _changes_out(self, view: View, change: Change) -> None:
        moves, picture = change.moves, view.sight.picture
        painted: Sequence[Patch | Tile] = change.tiles
        weight = sum(self._told.weight(patch) for patch in change.tiles)
        rough = self._pace.too_much(weight)
        if rough and self._canvas is None and picture is not None:
            self._canvas, self._canvas_of = Canvas(), view
            self._canvas.whole(picture, exact=True)
        if self._canvas is not None and picture is not None:
            if rough:
                painted = await asyncio.to_thread(self._canvas.tiles, change, picture)
                self._roughened()
            self._canvas.changed(change, picture, exact=not rough)
        self._since_whole += weight
        await self._emit(
            lambda seq, ms: messages.update(view.tab.number, seq, ms, moves, self._told.tiles(seq, painted))
        )

    async def _whole_out(self, view: View, data: bytes | None = None) -> None:
        """The whole picture: `data`, where it is packed already."""
        picture = view.sight.picture
        if picture is None:
            return
        view.redrawn()
        self._whole_at, self._since_whole, self.whole_wanted = time.monotonic(), 0, False
        patch = Patch(0, 0, picture)
        weight = len(data) if data is not None else await asyncio.to_thread(self._told.weight, patch)
        self._canvas, stands_in = None, None
        if self._pace.too_much(weight):
            stands_in = Tile(0, 0, patch.w, patch.h, await asyncio.to_thread(shortened, picture))
            self._canvas, self._canvas_of = Canvas(), view
            self._canvas.whole(picture, exact=False)
            self._roughened()

        def made(seq: int, ms: int) -> bytes:
            shown = self._told.tiles(seq, [stands_in])[0].data if stands_in else self._told.picture(seq, patch, data)
            return messages.frame(view.tab.number, seq, ms, patch.w, patch.h, shown)

        await self._emit(made)
        self.shown.set()

    # --- rough first, sharp when the page has settled

    def _roughened(self) -> None:
        now = time.monotonic()
        self._roughed = (self._roughed[0] or now, now)

    def _settles_in(self) -> float | None:
        """Seconds until what is rough is worth sharpening; None while nothing is."""
        first, last = self._roughed
        return max(0.0, min(last + SETTLED_S, first + ROUGH_S) - time.monotonic()) if first else None

    async def _sharpen(self, view: View) -> None:
        """Send what is rough again without loss, as much at once as keeps nobody waiting."""
        canvas, picture = self._canvas, view.sight.picture
        self._roughed = (0.0, 0.0)
        if canvas is None or picture is None or self._canvas_of is not view or self._live.dialog is not None:
            return
        found = await asyncio.to_thread(canvas.sharpened, picture, self._pace.portion())
        if found:
            await self._emit(
                lambda seq, ms: messages.update(view.tab.number, seq, ms, [], self._told.tiles(seq, found))
            )
        if canvas.rough:
            self._roughened()
        else:
            self._canvas = None
