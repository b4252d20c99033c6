"""PNG the short way: read what Chromium writes with one inflate and one sum a row.

Chromium stores every row as its difference from the row above (PNG filter "up"), so two pictures that differ in a few rows
differ in a few stored rows, and only those are summed up.
"""

import struct

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

Rows = NDArray[np.uint8]
"""Height x (1 + 3 x width): a filter byte, then the row as stored."""
Pixels = NDArray[np.uint8]
"""Height x width x 3, RGB."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2
RGB = 2
HEADER = struct.Struct(">IIBBBBB")


def stored_rows(png: bytes) -> Rows | None:
    """The rows as stored; None unless it is eight-bit RGB with every row filtered "up" (then somebody else must read it).

    Raises `zlib.error` for damaged data.
    """
    if png[:8] != SIGNATURE or len(png) < 45:
        return None
    width, height, depth, colour, _, _, interlaced = HEADER.unpack_from(png, 16)
    if (depth, colour, interlaced) != (8, RGB, 0):
        return None
    stored = isal_zlib.decompress(b"".join(_data(png)), bufsize=height * (1 + 3 * width))
    rows = np.frombuffer(stored, np.uint8).reshape(height, 1 + 3 * width)
    return rows if bool((rows[:, 0] == UP).all()) else None


def summed(rows: Rows) -> Pixels:
    """The picture of stored rows."""
    flat = np.empty((rows.shape[0], rows.shape[1] - 1), np.uint8)
    flat[0] = rows[0, 1:]
    for at in range(1, len(flat)):
        np.add(flat[at - 1], rows[at, 1:], out=flat[at])
    return flat.reshape(len(flat), -1, 3)


def resummed(old: Pixels, old_rows: Rows, rows: Rows) -> tuple[Pixels, int, int]:
    """The picture of `rows`, given the one of `old_rows`, and between which rows they may differ; the very same array when nowhere."""
    differing = _differing(old_rows, rows)
    if differing is None:
        return old, 0, 0
    first, last = differing
    flat = old.reshape(old.shape[0], -1).copy()
    for at in range(first, len(flat)):
        if at:
            np.add(flat[at - 1], rows[at, 1:], out=flat[at])
        else:
            flat[0] = rows[0, 1:]
        if at >= last and np.array_equal(flat[at], old[at].reshape(-1)):
            break
    return flat.reshape(old.shape), first, at + 1


def _differing(one: Rows, other: Rows) -> tuple[int, int] | None:
    """First and last row that differ; eight bytes at a time where the size allows."""
    left, right = one.reshape(-1), other.reshape(-1)
    step = 8 if left.size % 8 == 0 else 1
    if step == 8:
        left, right = left.view(np.uint64), right.view(np.uint64)
    places = np.flatnonzero(left != right)
    if places.size == 0:
        return None
    return int(places[0]) * step // one.shape[1], (int(places[-1]) * step + step - 1) // one.shape[1]


def _data(png: bytes) -> list[bytes]:
    place, parts = 8, []
    while place + 8 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        if png[place + 4 : place + 8] == b"IDAT":
            parts.append(png[place + 8 : place + 8 + length])
        place += 12 + length
    return parts
