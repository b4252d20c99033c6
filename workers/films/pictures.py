"""The pictures of a recording, drawn again as the viewer drew them."""

import struct
from collections.abc import Iterable, Iterator

import numpy as np

from broker.recordings.container import Message
from workers.browser import tiles
from workers.browser.messages import FRAME, HEAD, UPDATE, Move
from workers.browser.screen import Picture, apply

MOVE, TILE = struct.Struct(">HHHHh"), struct.Struct(">HHHHI")


def pictures(messages: Iterable[Message]) -> Iterator[tuple[int, Picture]]:
    """(milliseconds, what was shown from then on), from the first whole picture on."""
    shown: Picture | None = None
    for message in messages:
        kind = message.data[0]
        if kind == FRAME:
            width, height = struct.unpack_from(">HH", message.data, HEAD.size)
            shown = tiles.decode(message.data[HEAD.size + 4 :], width, height)
        elif kind == UPDATE and shown is not None:
            shown = _changed(shown, message.data)
        else:
            continue
        yield message.ms, shown


def _changed(shown: Picture, data: bytes) -> Picture:
    """Moves one after the other, then tiles: as `api/web/static/draw.js`."""
    place = HEAD.size + 1
    now = shown.copy()
    for _ in range(data[HEAD.size]):
        now = apply(now, [Move(*MOVE.unpack_from(data, place))])
        place += MOVE.size
    (count,) = struct.unpack_from(">H", data, place)
    place += 2
    for _ in range(count):
        x, y, width, height, length = TILE.unpack_from(data, place)
        place += TILE.size
        now[y : y + height, x : x + width] = tiles.decode(data[place : place + length], width, height)
        place += length
    return np.ascontiguousarray(now)
