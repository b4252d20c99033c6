"""What changed between two pictures of a tab: scrolled rows, then tiles, else the whole. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.browser import png, tiles
from workers.browser.messages import Move, Tile

Picture = NDArray[np.uint8]
"""Height x width x 3, RGB."""
WHOLE_SHARE = 0.6
"""More than this share of the pixels changed: send the whole picture."""
BAND_GAP = 24
"""Changed rows nearer than this go into one tile."""
MAX_TILES = 24
LEAST_SCROLL_ROWS = 48


@dataclass(frozen=True)
class Change:
    """`whole` says that tiles would not pay."""

    moves: list[Move]
    tiles: list[Tile]
    whole: bool = False

    @property
    def nothing(self) -> bool:
        return not self.whole and not self.moves and not self.tiles


class Sight:
    """The picture of one tab, and how each new one differs from it."""

    def __init__(self) -> None:
        self.picture: Picture | None = None
        self._rows: png.Rows | None = None

    def whole(self, data: bytes) -> bytes:
        """The present picture as one PNG: `data`, or a shorter one of up to 256 colours."""
        found = tiles.palette(self.picture) if self.picture is not None else None
        return png.written_indexed(*found) if found is not None else data

    def see(self, data: bytes) -> Change:
        """Take the next PNG in. Raises `zlib.error` or Pillow's `OSError` for what is none."""
        rows, old = png.stored_rows(data), self.picture
        if rows is None:
            new = tiles.decode(data, 0, 0)
        elif old is None or self._rows is None or self._rows.shape != rows.shape:
            new = png.summed(rows)
        else:
            new = png.resummed(old, self._rows, rows)
        self.picture, self._rows = new, rows
        return Change([], []) if new is old else difference(old, new)


def difference(old: Picture | None, new: Picture) -> Change:
    """How to get from the old picture to the new one."""
    if old is None or old.shape != new.shape:
        return Change([], [], whole=True)
    rows = _changed_rows(old, new)
    if rows.size == 0:
        return Change([], [])
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = _columns(old[top:bottom], new[top:bottom])
    move = _scroll(old[top:bottom, left:right], new[top:bottom, left:right], left, top)
    base = old
    if move is not None:
        base = apply(old, [move])
    found = _changed_tiles(base, new)
    if sum(tile.w * tile.h for tile in found) > WHOLE_SHARE * new.shape[0] * new.shape[1] and move is None:
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
    for index, value in enumerate(before.tolist()):
        places[value] = -1 if value in places else index  # rows that repeat (blank ones) tell nothing
    votes: dict[int, int] = {}
    for index, value in enumerate(after.tolist()):
        origin = places.get(value, -1)
        if origin >= 0 and origin != index:
            votes[origin - index] = votes.get(origin - index, 0) + 1
    if not votes:
        return None
    dy = max(votes, key=lambda shift: votes[shift])
    if votes[dy] < LEAST_SCROLL_ROWS // 2:
        return None
    first, last = max(0, -dy), min(height, height - dy)
    same = before[first + dy : last + dy] == after[first:last]
    if same.mean() < 0.5:
        return None
    fitting = np.flatnonzero(same)
    start, end = first + int(fitting[0]), first + int(fitting[-1]) + 1
    return Move(x=left, y=top + start, w=new.shape[1], h=end - start, dy=dy)


def _row_hashes(picture: Picture) -> NDArray[np.uint64]:
    """A hash per row over every fifth byte: fixed random weights, summed with wrap-around. A guess that tiles correct."""
    flat = picture.reshape(picture.shape[0], -1)[:, ::5]
    weights = _weights(flat.shape[1])
    return flat.astype(np.uint64) @ weights


_known_weights: dict[int, NDArray[np.uint64]] = {}


def _weights(length: int) -> NDArray[np.uint64]:
    if length not in _known_weights:
        _known_weights.clear() if len(_known_weights) > 64 else None
        _known_weights[length] = np.random.default_rng(7).integers(1, 2**63, length, dtype=np.uint64)
    return _known_weights[length]


def _changed_tiles(old: Picture, new: Picture) -> list[Tile]:
    rows = _changed_rows(old, new)
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
        cut = np.ascontiguousarray(new[top:bottom, left:right])
        found.append(Tile(left, top, right - left, bottom - top, tiles.encode(cut)))
    return found
