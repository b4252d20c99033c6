"""What a viewer still has of her stream's pictures: one that comes again is told by its name, not sent again.

Both sides keep count alike: every picture whose place has at least `LEAST_AREA` pixels and that is not a name itself, in the
order of the messages, the oldest forgotten beyond `KEPT_BYTES`. Names go backwards only, so a recording resolves by itself.

NAME    u8 `S`, u32 seq of the message that brought the picture, u16 which of its pictures
"""

import struct
from collections import OrderedDict
from collections.abc import Sequence

from workers.browser.messages import Tile
from workers.browser.screen import Patch

NAME = struct.Struct(">BIH")
MARK = 0x53
LEAST_AREA = 4096
KEPT_BYTES = 24 * 1024 * 1024


class Told:
    """The pictures of one stream so far."""

    def __init__(self) -> None:
        self.naming = True
        """Off while somebody looks on, who may have missed a picture."""
        self._pictures: OrderedDict[tuple[int, int], tuple[int, bytes]] = OrderedDict()
        self._names: dict[bytes, tuple[int, int]] = {}
        self._bytes = 0

    def weight(self, patch: Patch) -> int:
        """Bytes that it takes to tell; finds out what the patch weighs where it must."""
        return NAME.size if self._named(patch) is not None else len(patch.data)

    def tiles(self, seq: int, patches: Sequence[Patch | Tile]) -> list[Tile]:
        """The tiles of message `seq`, each by its name where she has it. A `Tile` is not what it stands for: sent as it is."""
        return [self._tile(seq, place, one) for place, one in enumerate(patches)]

    def picture(self, seq: int, patch: Patch, data: bytes | None) -> bytes:
        """The picture of FRAME `seq`: its name, or `data`, or what the patch packs to."""
        name = self._named(patch)
        if name is not None:
            return NAME.pack(MARK, *name)
        data = data if data is not None else patch.data
        self._keep(seq, 0, patch.w * patch.h, data, patch)
        return data

    def _named(self, patch: Patch) -> tuple[int, int] | None:
        return self._names.get(patch.digest) if self.naming and patch.w * patch.h >= LEAST_AREA else None

    def _tile(self, seq: int, place: int, one: Patch | Tile) -> Tile:
        patch = one if isinstance(one, Patch) else None
        name = self._named(patch) if patch is not None else None
        if name is not None:
            return Tile(one.x, one.y, one.w, one.h, NAME.pack(MARK, *name))
        self._keep(seq, place, one.w * one.h, one.data, patch)
        return Tile(one.x, one.y, one.w, one.h, one.data)

    def _keep(self, seq: int, place: int, area: int, data: bytes, patch: Patch | None) -> None:
        if area < LEAST_AREA:
            return
        digest = patch.digest if patch is not None else b""
        self._pictures[seq, place] = len(data), digest
        self._bytes += len(data)
        if digest:
            self._names[digest] = seq, place
        while self._bytes > KEPT_BYTES:
            gone, (size, digest) = self._pictures.popitem(last=False)
            self._bytes -= size
            if self._names.get(digest) == gone:
                del self._names[digest]
