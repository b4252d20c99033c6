"""A recording read piece by piece, so that a long one plays at once and never fills the memory."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from broker.base.errors import NotFound
from broker.ports.blobs import Blobs
from broker.recordings import container
from broker.recordings.container import FINAL, Contents, Damaged, Message

AHEAD = 1024 * 1024
"""Bytes fetched at a time: an object store lists a recording's parts at each read."""


@dataclass(frozen=True)
class Closed:
    """What the audit log says of the file of a recording that is over."""

    digest: str
    """SHA-256 of the whole file, in hexadecimal."""
    size: int


class Playback:
    """The messages of one file in order. After them, `ending` says how the file ends.

    `closed` is what it must be by the log: another file, a shorter or a longer one, is damaged, however whole it looks by itself.
    """

    def __init__(self, blobs: Blobs, blob: str, recording_id: str, key: bytes, closed: Closed | None = None) -> None:
        self._blobs = blobs
        self._blob = blob
        self._id = recording_id
        self._key = key
        self.closed = closed
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
            ahead = _Ahead(self._blobs, self._blob, size)
        except NotFound:
            raise Damaged("the file is gone", 0) from None
        head = container.header(self._id)
        if ahead.read(0, len(head)) != head:
            raise Damaged("this is not that recording", 0)
        digest = hashlib.sha256(head)
        place, complete = len(head), False
        while place + 5 <= size:
            begun = ahead.read(place, 5)
            length, kind = struct.unpack(">IB", begun)
            if length < 1 or length > container.LARGEST_CHUNK:
                raise Damaged("a chunk's length is impossible", opener.number)
            if place + 4 + length > size:
                break
            if complete:
                raise Damaged("there is more after the end", opener.number)
            sealed = ahead.read(place + 5, length - 1)
            plain = opener.opened(kind, sealed)
            digest.update(begun + sealed)
            place += 4 + length
            if kind == FINAL:
                complete = True
            else:
                yield from container.messages_in(plain)
        if self.closed is not None:
            digest.update(ahead.read(place, size - place))
            _compare(self.closed, size, digest.hexdigest(), opener.number)
        self.ending = Contents(messages=[], complete=complete, chunks=opener.number, lost_bytes=size - place)


class _Ahead:
    """Reads one blob in order, a large piece at a time; never more than `size` bytes of it."""

    def __init__(self, blobs: Blobs, blob: str, size: int) -> None:
        self._blobs = blobs
        self._blob = blob
        self._size = size
        self._start = 0
        self._piece = b""

    def read(self, start: int, length: int) -> bytes:
        at = start - self._start
        if at < 0 or at + length > len(self._piece):
            self._piece = self._blobs.read(self._blob, start, min(max(length, AHEAD), self._size - start))
            self._start, at = start, 0
        return self._piece[at : at + length]


def _compare(closed: Closed, size: int, digest: str, chunks: int) -> None:
    """Raises `Damaged` for a file that is not the one that the log names."""
    if size != closed.size:
        more = "longer" if size > closed.size else "shorter"
        raise Damaged(f"it is {abs(size - closed.size):,} bytes {more} than the audit log says", chunks)
    if digest != closed.digest:
        raise Damaged("it is not the file that the audit log names", chunks)
