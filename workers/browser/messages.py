"""The stream's messages to the viewer, byte for byte as the recording keeps them (big-endian).

all     u8 kind, u8 flags, u16 tab, u32 seq, u32 ms
FRAME   u16 w, u16 h, picture of the whole tab
UPDATE  u8 moves, then per move u16 x, y, w, h, i16 dy; u16 tiles, then per tile u16 x, y, w, h, u32 length, picture (`tiles.py`: runs, WebP, PNG or JPEG; `told.py`: the name of an earlier one)
One with fewer pixels than its place is stretched over it.
EVENT   JSON
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FRAME, UPDATE, EVENT = 1, 2, 3
HEAD = struct.Struct(">BBHII")


@dataclass(frozen=True)
class Move:
    """The rows of this rectangle now show what stood `dy` pixels lower (a scroll)."""

    x: int
    y: int
    w: int
    h: int
    dy: int


@dataclass(frozen=True)
class Tile:
    """Newly painted pixels; `data` as in `tiles.py`."""

    x: int
    y: int
    w: int
    h: int
    data: bytes


def frame(tab: int, seq: int, ms: int, w: int, h: int, picture: bytes) -> bytes:
    """The whole tab, on a canvas of w x h pixels."""
    return HEAD.pack(FRAME, 0, tab, seq, ms) + struct.pack(">HH", w, h) + picture


def update(tab: int, seq: int, ms: int, moves: Sequence[Move], tiles: Sequence[Tile]) -> bytes:
    """What changed: moves first, then tiles."""
    parts = [HEAD.pack(UPDATE, 0, tab, seq, ms), struct.pack(">B", len(moves))]
    parts += [struct.pack(">HHHHh", move.x, move.y, move.w, move.h, move.dy) for move in moves]
    parts.append(struct.pack(">H", len(tiles)))
    for tile in tiles:
        parts += [struct.pack(">HHHHI", tile.x, tile.y, tile.w, tile.h, len(tile.data)), tile.data]
    return b"".join(parts)


def event(tab: int, seq: int, ms: int, what: dict[str, Any]) -> bytes:
    """Something to draw beside the picture, or to mark on the timeline."""
    return HEAD.pack(EVENT, 0, tab, seq, ms) + json.dumps(what, separators=(",", ":")).encode()
