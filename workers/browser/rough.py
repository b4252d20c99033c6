"""What the viewer has on her canvas where it is rough for a moment, on a slow link.

A change is shown at once with fewer pixels, stretched; when the page has settled, what is rough is sent again without loss.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.browser import tiles
from workers.browser.messages import Tile
from workers.browser.screen import Change, Picture

QUALITY = 40
BAND = 48
"""Rows of one sharpened tile, so that a slow link carries something else in between."""


class Canvas:
    """The viewer's canvas: each pixel either exact or rough."""

    def __init__(self) -> None:
        self._known: Picture = np.zeros((0, 0, 3), np.uint8)
        self._exact: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)

    @property
    def rough(self) -> bool:
        """Whether there is anything to sharpen."""
        return not bool(self._exact.all())

    def whole(self, picture: Picture, *, exact: bool) -> None:
        """The whole canvas was drawn anew, from this picture of the tab."""
        self._known = picture.copy() if exact else np.zeros_like(picture)
        self._exact = np.full(picture.shape[:2], exact)

    def changed(self, change: Change, picture: Picture, *, exact: bool) -> None:
        """Moves and patches were drawn: `picture` is the tab after them."""
        for move in change.moves:
            to = slice(move.y, move.y + move.h), slice(move.x, move.x + move.w)
            source = slice(move.y + move.dy, move.y + move.dy + move.h), to[1]
            self._known[to], self._exact[to] = self._known[source].copy(), self._exact[source].copy()
        for patch in change.tiles:
            at = slice(patch.y, patch.y + patch.h), slice(patch.x, patch.x + patch.w)
            self._exact[at] = exact
            if exact:
                self._known[at] = picture[at]

    def tiles(self, change: Change, picture: Picture) -> list[Tile]:
        """The change's patches with a quarter of their pixels and with loss, where that is less."""
        found = []
        for patch in change.tiles:
            data = shortened(picture[patch.y : patch.y + patch.h, patch.x : patch.x + patch.w])
            found.append(Tile(patch.x, patch.y, patch.w, patch.h, min(data, patch.data, key=len)))
        return found

    def sharpened(self, sharp: Picture, most_bytes: int) -> list[Tile]:
        """Exact tiles for what is rough or has changed since, from the top, until they have so many bytes."""
        if sharp.shape[:2] != self._exact.shape:
            return []
        wrong: NDArray[np.bool_] = ~self._exact
        wrong |= np.any(self._known != sharp, axis=2)
        found, size, row = [], 0, 0
        rows: NDArray[np.bool_] = np.asarray(wrong.any(axis=1))
        while size < most_bytes and (ahead := np.flatnonzero(rows[row:])).size:
            top = row + int(ahead[0])
            bottom = min(top + BAND, len(rows))
            columns = np.flatnonzero(wrong[top:bottom].any(axis=0))
            left, right = int(columns[0]), int(columns[-1]) + 1
            at = slice(top, bottom), slice(left, right)
            data = tiles.encode(np.ascontiguousarray(sharp[at]))
            found.append(Tile(left, top, right - left, bottom - top, data))
            self._known[at], self._exact[at] = sharp[at], True
            size, row = size + len(data), bottom
        return found


def shortened(pixels: Picture) -> bytes:
    """Half as wide and high, with loss (JPEG)."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    small = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.BOX)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
