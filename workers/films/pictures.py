"""The pictures of a recording, drawn again as the viewer drew them."""

import struct
from collections.abc import Iterable, Iterator

import numpy as np

from broker.recordings.container import Message
from workers.browser import tiles
from workers.browser.messages import FRAME, HEAD, UPDATE, Move
from workers.browser.screen import Picture, apply
from workers.browser.told import MARK, NAME

MOVE, TILE = struct.Struct(">HHHHh"), struct.Struct(">HHHHI")


def pictures(messages: Iterable[Message]) -> Iterator[tuple[int, Picture]]:
    """(milliseconds, what was shown from then on), from the first whole picture on."""
    shown: Picture | None = None
    came: dict[tuple[int, int], bytes] = {}
    for message in messages:
        kind = message.data[0]
        if kind == FRAME:
            width, height = struct.unpack_from(">HH", message.data, HEAD.size)
            shown = tiles.decode(_named(came, message.data, 0, message.data[HEAD.size + 4 :]), width, height)
        elif kind == UPDATE and shown is not None:
            shown = _changed(shown, message.data, came)
        else:
            continue
        yield message.ms, shown


def _named(came: dict[tuple[int, int], bytes], data: bytes, place: int, picture: bytes) -> bytes:
    """The picture, also where it is only the name of one that came before (`workers/browser/told.py`)."""
    if picture[0] == MARK:
        _, seq, of = NAME.unpack(picture)
        return came[seq, of]
    came[HEAD.unpack_from(data)[3], place] = picture
    return picture


def _changed(shown: Picture, data: bytes, came: dict[tuple[int, int], bytes]) -> Picture:
    """Moves one after the other, then tiles: as `api/web/static/draw.js`."""
    place = HEAD.size + 1
    now = shown.copy()
    for _ in range(data[HEAD.size]):
        now = apply(now, [Move(*MOVE.unpack_from(data, place))])
        place += MOVE.size
    (count,) = struct.unpack_from(">H", data, place)
    place += 2
    for tile in range(count):
        x, y, width, height, length = TILE.unpack_from(data, place)
        place += TILE.size
        picture = _named(came, data, tile, data[place : place + length])
        now[y : y + height, x : x + width] = tiles.decode(picture, width, height)
        place += length
    return np.ascontiguousarray(now)
