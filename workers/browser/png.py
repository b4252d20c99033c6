"""PNG the short way: read what Chromium writes with one inflate and one sum a row, write what we send without filters.

Chromium stores every row as its difference from the row above (PNG filter "up"), so two pictures that differ in a few rows
differ in a few stored rows, and only those are summed up. Written pictures have no filter: flat areas pack smaller so.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint8]
"""Height x (1 + 3 x width): a filter byte, then the row as stored."""
Pixels = NDArray[np.uint8]
"""Height x width x 3, RGB."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2
RGB, INDEXED = 2, 3
LEVEL = 3
HEADER = struct.Struct(">IIBBBBB")


def stored_rows(png: bytes) -> Rows | None:
    """The rows as stored; None unless it is eight-bit RGB with every row filtered "up" (then somebody else must read it)."""
    if png[:8] != SIGNATURE or len(png) < 45:
        return None
    width, height, depth, colour, _, _, interlaced = HEADER.unpack_from(png, 16)
    if (depth, colour, interlaced) != (8, RGB, 0):
        return None
    stored = zlib.decompress(b"".join(_data(png)), bufsize=height * (1 + 3 * width))
    rows = np.frombuffer(stored, np.uint8).reshape(height, 1 + 3 * width)
    return rows if bool((rows[:, 0] == UP).all()) else None


def summed(rows: Rows) -> Pixels:
    """The picture of stored rows."""
    flat = np.empty((rows.shape[0], rows.shape[1] - 1), np.uint8)
    flat[0] = rows[0, 1:]
    for at in range(1, len(flat)):
        np.add(flat[at - 1], rows[at, 1:], out=flat[at])
    return flat.reshape(len(flat), -1, 3)


def resummed(old: Pixels, old_rows: Rows, rows: Rows) -> Pixels:
    """The picture of `rows`, given the one of `old_rows`; the very same array when nothing changed."""
    differing = _differing(old_rows, rows)
    if differing is None:
        return old
    first, last = differing
    flat = old.reshape(old.shape[0], -1).copy()
    for at in range(first, len(flat)):
        if at:
            np.add(flat[at - 1], rows[at, 1:], out=flat[at])
        else:
            flat[0] = rows[0, 1:]
        if at >= last and np.array_equal(flat[at], old[at].reshape(-1)):
            break
    return flat.reshape(old.shape)


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


def written(pixels: Pixels) -> bytes:
    """An RGB PNG."""
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    return _png(width, height, RGB, b"", rows)


def written_indexed(indices: NDArray[np.uint8], palette: Pixels) -> bytes:
    """A PNG of up to 256 colours: `indices` is height x width, `palette` colours x 3."""
    height, width = indices.shape
    rows = np.zeros((height, 1 + width), np.uint8)
    rows[:, 1:] = indices
    return _png(width, height, INDEXED, _chunk(b"PLTE", palette.tobytes()), rows)


def _png(width: int, height: int, colour: int, between: bytes, rows: Rows) -> bytes:
    head = _chunk(b"IHDR", HEADER.pack(width, height, 8, colour, 0, 0, 0))
    return SIGNATURE + head + between + _chunk(b"IDAT", zlib.compress(rows.tobytes(), LEVEL)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _data(png: bytes) -> list[bytes]:
    place, parts = 8, []
    while place + 8 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        if png[place + 4 : place + 8] == b"IDAT":
            parts.append(png[place + 8 : place + 8 + length])
        place += 12 + length
    return parts
