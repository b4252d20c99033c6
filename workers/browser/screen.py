"""What changed between two pictures of a tab: scrolled rows, then patches, else the whole. Pure."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from workers.browser import png, tiles
from workers.browser.messages import Move

Picture = NDArray[np.uint8]
"""Height x width x 3, RGB."""
WHOLE_SHARE = 0.6
"""More than this share of the pixels changed: send the whole picture."""
BAND_GAP = 24
"""Changed rows nearer than this go into one patch."""
MAX_TILES = 24
LEAST_SCROLL_ROWS = 48
COLUMN_GAP = 24
"""Unchanged columns between two patches that may be told apart."""
EVERY = 7
"""One row in so many tells whether a column has scrolled (eight milliseconds less of a picture's way)."""
SAVING = 0.7
"""Two patches are told for one when they have at most this share of its pixels."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""
_KEY = secrets.token_bytes(32)


@dataclass(frozen=True, eq=False)
class Patch:
    """Newly painted pixels and their place. What they weigh and what they are called is found out when it is asked."""

    x: int
    y: int
    pixels: Picture

    @property
    def w(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def h(self) -> int:
        return int(self.pixels.shape[0])

    @cached_property
    def data(self) -> bytes:
        """As in `tiles.py`."""
        return tiles.encode(self.pixels)

    @cached_property
    def digest(self) -> bytes:
        """The same for the same pixels, wherever they are; keyed, so that no page can make two pictures that share one."""
        told = hashlib.blake2b(self.pixels.shape[1].to_bytes(4), digest_size=16, key=_KEY)
        told.update(np.ascontiguousarray(self.pixels).data)
        return told.digest()


@dataclass(frozen=True)
class Change:
    """`whole` says that tiles would not pay."""

    moves: list[Move]
    tiles: list[Patch]
    whole: bool = False

    @property
    def nothing(self) -> bool:
        return not self.whole and not self.moves and not self.tiles


class Sight:
    """The picture of one tab, and how each new one differs from it."""

    def __init__(self) -> None:
        self.picture: Picture | None = None
        self._rows: png.Rows | None = None

    def see(self, data: bytes) -> Change:
        """Take the next PNG in. Raises `zlib.error` or Pillow's `OSError` for what is none."""
        rows, old = png.stored_rows(data), self.picture
        span = None
        if rows is None:
            new = tiles.decode(data, 0, 0)
        elif old is None or self._rows is None or self._rows.shape != rows.shape:
            new = png.summed(rows)
        else:
            new, *span = png.resummed(old, self._rows, rows)
        self.picture, self._rows = new, rows
        return Change([], []) if new is old else difference(old, new, span)


def difference(old: Picture | None, new: Picture, span: Sequence[int] | None = None) -> Change:
    """How to get from the old picture to the new one; `span`: between which rows they may differ."""
    if old is None or old.shape != new.shape:
        return Change([], [], whole=True)
    first, last = span or (0, len(new))
    rows = _changed_rows(old[first:last], new[first:last]) + first
    if rows.size == 0:
        return Change([], [])
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = _columns(old[top:bottom], new[top:bottom])
    move = _scroll(old[top:bottom, left:right], new[top:bottom, left:right], left, top)
    if move is not None:
        move = _beside_bars(old, new, move, top, bottom) or move
        old = apply(old, [move])
        rows = _changed_rows(old[top:bottom], new[top:bottom]) + top
    found = _patches(old, new, rows)
    if sum(patch.w * patch.h for patch in found) > WHOLE_SHARE * new.shape[0] * new.shape[1] and move is None:
        return Change([], [], whole=True)
    return Change([move] if move else [], found)


def apply(picture: Picture, moves: list[Move]) -> Picture:
    """The picture after the moves, as the viewer draws them."""
    moved = picture.copy()
    for move in moves:
        source = slice(move.y + move.dy, move.y + move.dy + move.h)
        moved[move.y : move.y + move.h, move.x : move.x + move.w] = picture[source, move.x : move.x + move.w]
    return moved


def _changed_rows(old: Picture, new: Picture) -> NDArray[np.intp]:
    """Numbers of the rows that differ; compared eight bytes at a time where the width allows (20 times as fast)."""
    one, other = (np.ascontiguousarray(picture).reshape(picture.shape[0], -1) for picture in (old, new))
    if one.shape[1] % 8 == 0:
        return np.flatnonzero((one.view(np.uint64) != other.view(np.uint64)).any(axis=1))
    return np.flatnonzero((one != other).any(axis=1))


def _columns(old: Picture, new: Picture) -> tuple[int, int]:
    columns = np.flatnonzero(np.bitwise_or.reduce(old ^ new, axis=0).any(axis=1))
    return int(columns[0]), int(columns[-1]) + 1


def _scroll(old: Picture, new: Picture, left: int, top: int) -> Move | None:
    """One vertical shift that explains most of the changed rows, found by comparing row hashes."""
    height = new.shape[0]
    if height < LEAST_SCROLL_ROWS:
        return None
    before, after = _row_hashes(old), _row_hashes(new)
    places: dict[int, int] = {}
    for index, value in enumerate(before):
        places[value] = -1 if value in places else index  # rows that repeat (blank ones) tell nothing
    votes: dict[int, int] = {}
    for index, value in enumerate(after):
        origin = places.get(value, -1)
        if origin >= 0 and origin != index:
            votes[origin - index] = votes.get(origin - index, 0) + 1
    if not votes:
        return None
    dy = max(votes, key=lambda shift: votes[shift])
    if votes[dy] < LEAST_SCROLL_ROWS // 2:
        return None
    first, last = max(0, -dy), min(height, height - dy)
    fitting = [at for at in range(first, last) if before[at + dy] == after[at]]
    if 2 * len(fitting) < last - first:
        return None
    start, end = fitting[0], fitting[-1] + 1
    return Move(x=left, y=top + start, w=new.shape[1], h=end - start, dy=dy)


def _beside_bars(old: Picture, new: Picture, move: Move, top: int, bottom: int) -> Move | None:
    """The same scroll in the columns that it explains better than standing still does: a scroll bar's thumb moves otherwise.

    Left out, the rows beside the thumb are whole, and the move is as high as the page shows.
    """
    first, last = max(top, top - move.dy), min(bottom, bottom - move.dy)
    columns = slice(move.x, move.x + move.w)
    now = new[first:last, columns]
    moved = _unlike(old[first + move.dy : last + move.dy, columns], now)
    explained = np.flatnonzero(moved < _unlike(old[first:last, columns], now))
    if explained.size == 0:
        return None
    left, right = move.x + int(explained[0]), move.x + int(explained[-1]) + 1
    return _scroll(old[top:bottom, left:right], new[top:bottom, left:right], left, top)


def _unlike(one: Picture, other: Picture) -> NDArray[np.intp]:
    """In each column, how many pixels differ, by a look at some of its rows."""
    counts: NDArray[np.intp] = np.count_nonzero(one[::EVERY] != other[::EVERY], axis=0).max(axis=1)
    return counts


def _row_hashes(picture: Picture) -> list[int]:
    """A check sum per row. A guess that patches correct."""
    rows = np.ascontiguousarray(picture).reshape(len(picture), -1)
    return [crc32(row) for row in rows]


def _patches(old: Picture, new: Picture, rows: NDArray[np.intp]) -> list[Patch]:
    """The changed rows in bands, each as wide as it needs to be."""
    if rows.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(rows) > BAND_GAP)
    starts = [int(rows[0]), *(int(rows[at + 1]) for at in breaks)]
    ends = [*(int(rows[at]) + 1 for at in breaks), int(rows[-1]) + 1]
    if len(starts) > MAX_TILES:
        starts, ends = [starts[0]], [ends[-1]]
    found = []
    for top, bottom in zip(starts, ends, strict=True):
        left, right = _columns(old[top:bottom], new[top:bottom])
        found += [
            Patch(part[0], part[1], np.ascontiguousarray(new[part[1] : part[3], part[0] : part[2]]))
            for part in _apart(old, new, (left, top, right, bottom))
        ]
    return found


def _apart(old: Picture, new: Picture, box: Box) -> list[Box]:
    """In two, at the gap between changed columns where that leaves least to paint, when it saves much: a thumb beside a strip."""
    left, top, right, bottom = box
    changed = old[top:bottom, left:right] ^ new[top:bottom, left:right]
    differs = (changed[..., 0] | changed[..., 1] | changed[..., 2]) != 0
    columns = np.flatnonzero(differs.any(axis=0))
    gaps = np.flatnonzero(np.diff(columns) > COLUMN_GAP)
    if gaps.size == 0:
        return [box]
    firsts = differs.argmax(axis=0)[columns]
    lasts = len(differs) - differs[::-1].argmax(axis=0)[columns]
    tops, bottoms = np.minimum.accumulate(firsts), np.maximum.accumulate(lasts)
    tops_after, bottoms_after = np.minimum.accumulate(firsts[::-1])[::-1], np.maximum.accumulate(lasts[::-1])[::-1]
    area, parts = int(SAVING * differs.size), [box]
    for gap in gaps:
        after = gap + 1
        sides = [
            (left, top + int(tops[gap]), left + int(columns[gap]) + 1, top + int(bottoms[gap])),
            (left + int(columns[after]), top + int(tops_after[after]), right, top + int(bottoms_after[after])),
        ]
        if (size := sum((one[2] - one[0]) * (one[3] - one[1]) for one in sides)) < area:
            area, parts = size, sides
    return parts
