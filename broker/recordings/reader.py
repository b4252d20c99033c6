"""A recording read piece by piece, so that a long one plays at once and never fills the memory."""

import struct
from collections.abc import Iterator

from broker.base.errors import NotFound
from broker.ports.blobs import Blobs
from broker.recordings import container
from broker.recordings.container import FINAL, Contents, Damaged, Message


class Playback:
    """The messages of one file in order. After them, `ending` says how the file ends."""

    def __init__(self, blobs: Blobs, blob: str, recording_id: str, key: bytes) -> None:
        self._blobs = blobs
        self._blob = blob
        self._id = recording_id
        self._key = key
        self.ending: Contents | Damaged | None = None
        """A `Contents` without messages, or what is wrong; None while the file is read."""

    def messages(self) -> Iterator[Message]:
        """Every message up to the last whole chunk before any damage."""
        try:
            yield from self._messages()
        except Damaged as damaged:
            self.ending = damaged

    def _messages(self) -> Iterator[Message]:
        opener = container.Opener(self._id, self._key)
        try:
            size = self._blobs.size(self._blob)
        except NotFound:
            raise Damaged("the file is gone", 0) from None
        head = container.header(self._id)
        if self._blobs.read(self._blob, 0, len(head)) != head:
            raise Damaged("this is not that recording", 0)
        place, complete = len(head), False
        while place + 5 <= size:
            length, kind = struct.unpack(">IB", self._blobs.read(self._blob, place, 5))
            if length < 1 or length > container.LARGEST_CHUNK:
                raise Damaged("a chunk's length is impossible", opener.number)
            if place + 4 + length > size:
                break
            if complete:
                raise Damaged("there is more after the end", opener.number)
            sealed = self._blobs.read(self._blob, place + 5, length - 1)
            plain = opener.opened(kind, sealed)
            place += 4 + length
            if kind == FINAL:
                complete = True
            else:
                yield from container.messages_in(plain)
        self.ending = Contents(messages=[], complete=complete, chunks=opener.number, lost_bytes=size - place)
