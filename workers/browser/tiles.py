"""A tile's bytes: runs of palette colours when it is small and plain (drawn at once, without a decoder), else lossless WebP.

RUNS    u8 `P`, u8 colours - 1, colours x (u8 r, g, b), then per run u8 colour, u8 length (1 to 255), row by row

Measured on portal pages (a core of this kind, November 2026). The strip that a notch of the wheel brings in: method 1 with effort
0 11.2 KB in 1.2 ms, effort 50 8.7 KB in 3.1 ms, method 0 17 KB. A whole page of 1280x800: method 0 with effort 60 24 to 91 KB in 22
to 25 ms, method 1 with effort 50 26 to 73 KB in 38 to 47 ms, with effort 0 100 to 183 KB. Chromium's own PNG of it has 60 to 322 KB.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.browser.png import Pixels

RUNS = 0x50
LARGEST_RUNS = 4096
"""Bytes; beyond that a WebP is smaller."""
STRIP, PAGE = {"method": 1, "quality": 0}, {"method": 0, "quality": 60}
"""How hard WebP tries, for a part of the picture and for most of it."""
PAGE_AREA = 256 * 1024
LARGEST_AREA = 32 * 1024
"""Pixels of a tile that is worth the try."""
COLOURS = 256
SAMPLE = 20
"""One row in so many tells soon that a picture has too many colours."""
SPREADS = tuple(np.uint32(factor) for factor in (2654435761, 2246822519, 3266489917))
"""Multiplicative hashes (Knuth's, then xxHash's primes): when two colours meet in one slot, the next is tried."""


def encode(pixels: Pixels) -> bytes:
    """The tile without loss, whichever way is short."""
    found = _palette(pixels) if pixels.shape[0] * pixels.shape[1] <= LARGEST_AREA else None
    return (_runs(*found) if found is not None else None) or packed(pixels)


def packed(pixels: Pixels) -> bytes:
    """A WebP without loss, whatever its size: it can be stretched, which runs cannot."""
    out = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(out, "WEBP", lossless=True, **(PAGE if image.width * image.height >= PAGE_AREA else STRIP))
    return out.getvalue()


def decode(data: bytes, width: int, height: int) -> Pixels:
    """What the viewer draws (for tests, export and bench)."""
    if data[0] != RUNS:
        with Image.open(io.BytesIO(data)) as image:
            plain = image.convert("RGB")
            stretched = width and height and plain.size != (width, height)
            return np.asarray(plain.resize((width, height)) if stretched else plain)
    colours = np.frombuffer(data, np.uint8, 3 * (data[1] + 1), 2).reshape(-1, 3)
    runs = np.frombuffer(data, np.uint8, offset=2 + colours.size).reshape(-1, 2)
    return np.repeat(colours[runs[:, 0]], runs[:, 1], axis=0).reshape(height, width, 3)


def _palette(pixels: Pixels) -> tuple[NDArray[np.uint8], Pixels] | None:
    """Each pixel's place in the list of colours, and the list; None when there are more than 256."""
    if len(pixels) > SAMPLE and np.unique(_packed(pixels[::SAMPLE])).size > COLOURS:
        return None
    packed = _packed(pixels)
    for spread in SPREADS:
        slots = (packed * spread) >> np.uint32(16)
        table = np.full(1 << 16, 0xFFFFFFFF, np.uint32)
        table[slots] = packed
        used = np.flatnonzero(table != 0xFFFFFFFF)
        if used.size > COLOURS:
            return None
        if np.array_equal(table[slots], packed):
            places = np.zeros(1 << 16, np.uint8)
            places[used] = np.arange(used.size)
            colours = table[used]
            shades = np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8)
            return places[slots], shades
    return None


def _packed(pixels: Pixels) -> NDArray[np.uint32]:
    red, green, blue = (pixels[..., part].astype(np.uint32) for part in range(3))
    return (red << np.uint32(16)) | (green << np.uint32(8)) | blue


def _runs(indices: NDArray[np.uint8], colours: Pixels) -> bytes | None:
    flat = indices.reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    if 2 + colours.size + 2 * starts.size > LARGEST_RUNS:
        return None
    lengths = np.diff(np.append(starts, flat.size))
    pieces = (lengths + 254) // 255
    out = np.empty((int(pieces.sum()), 2), np.uint8)
    out[:, 0] = np.repeat(flat[starts], pieces)
    out[:, 1] = 255
    out[np.cumsum(pieces) - 1, 1] = lengths - 255 * (pieces - 1)
    data = bytes((RUNS, len(colours) - 1)) + colours.tobytes() + out.tobytes()
    return data if len(data) <= LARGEST_RUNS else None
