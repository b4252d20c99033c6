"""What the viewer has on her canvas where it is rough for a moment: on a slow link, or on a screen of twice as many pixels.

A change is shown at once with fewer pixels, stretched; when the page has settled, what is rough is sent again without loss.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.browser import tiles
from workers.browser.messages import Move, Tile
from workers.browser.screen import Change, Picture

QUALITY = 40
BAND = 48
"""Rows of one sharpened tile, so that a slow link carries something else in between."""


class Canvas:
    """The viewer's canvas: `scale` of its pixels to one of the tab's, each either exact or rough."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self._known: Picture = np.zeros((0, 0, 3), np.uint8)
        self._exact: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self._exact.shape[1], self._exact.shape[0]

    @property
    def rough(self) -> bool:
        """Whether there is anything to sharpen."""
        return not bool(self._exact.all())

    def whole(self, picture: Picture, *, exact: bool) -> None:
        """The whole canvas was drawn anew, from this picture of the tab."""
        height, width = picture.shape[0] * self.scale, picture.shape[1] * self.scale
        exact = exact and self.scale == 1
        self._known = picture.copy() if exact else np.zeros((height, width, 3), np.uint8)
        self._exact = np.full((height, width), exact)

    def changed(self, change: Change, picture: Picture, *, exact: bool) -> None:
        """Moves and tiles were drawn: `picture` is the tab after them."""
        for move in self.moves(change):
            to = slice(move.y, move.y + move.h), slice(move.x, move.x + move.w)
            source = slice(move.y + move.dy, move.y + move.dy + move.h), to[1]
            self._known[to], self._exact[to] = self._known[source].copy(), self._exact[source].copy()
        for tile in change.tiles:
            x, y, w, h = (self.scale * one for one in (tile.x, tile.y, tile.w, tile.h))
            at = slice(y, y + h), slice(x, x + w)
            self._exact[at] = exact and self.scale == 1
            if exact and self.scale == 1:
                self._known[at] = picture[at]

    def moves(self, change: Change) -> list[Move]:
        """The tab's moves in the canvas's pixels."""
        s = self.scale
        return [Move(one.x * s, one.y * s, one.w * s, one.h * s, one.dy * s) for one in change.moves]

    def tiles(self, change: Change, picture: Picture, *, lossy: bool) -> list[Tile]:
        """The tab's tiles, stretched over the canvas's pixels; with `lossy` with a quarter of them."""
        found = []
        for tile in change.tiles:
            pixels = picture[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w]
            data = shortened(pixels) if lossy else tiles.packed(pixels)
            x, y, w, h = (self.scale * one for one in (tile.x, tile.y, tile.w, tile.h))
            found.append(Tile(x, y, w, h, data if len(data) < len(tile.data) or self.scale > 1 else tile.data))
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
            bottom = min(top + BAND * self.scale, len(rows))
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
