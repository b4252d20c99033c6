r"""The recording's file: a header, then sealed chunks, each readable as soon as it is whole; a final chunk says "complete".

    header   magic `PTNREC1\n`, u16 length of the recording id, the id
    chunk    u32 length of what follows, u8 kind (0 messages, 1 final), AES-256-GCM ciphertext
    inside   messages, each u32 length, u32 milliseconds since the start, the stream's own bytes

A chunk's nonce is its number; its number, kind and the recording's id are its associated data, so that chunks cannot be
dropped, doubled, reordered or moved to another recording unnoticed. A file that ends in mid chunk (a crash) plays up to
the last whole one, and says so.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"PTNREC1\n"
MESSAGES, FINAL = 0, 1
LARGEST_CHUNK = 64 * 1024 * 1024


class Damaged(ValueError):
    """The file is not what was written; `chunk` is the number of the first bad one."""

    def __init__(self, words: str, chunk: int) -> None:
        super().__init__(words)
        self.chunk = chunk


@dataclass(frozen=True)
class Message:
    """One recorded message: when, and the stream's own bytes."""

    ms: int
    data: bytes


class Writer:
    """Turns messages into bytes to append. Holds no file: the caller appends, then shows."""

    def __init__(self, recording_id: str, key: bytes) -> None:
        self._id = recording_id.encode()
        self._cipher = AESGCM(key)
        self._number = 0
        self._digest = hashlib.sha256()

    def header(self) -> bytes:
        """The file's first bytes."""
        return self._counted(header(self._id.decode()))

    def chunk(self, messages: list[Message]) -> bytes:
        """The next chunk."""
        return self._sealed(MESSAGES, b"".join(struct.pack(">II", len(m.data), m.ms) + m.data for m in messages))

    def final(self) -> bytes:
        """The last chunk; it holds the number of those before it."""
        return self._sealed(FINAL, struct.pack(">Q", self._number))

    def digest(self) -> str:
        """SHA-256 of everything so far, in hexadecimal."""
        return self._digest.hexdigest()

    def _sealed(self, kind: int, plain: bytes) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number), plain, _bound(self._id, self._number, kind))
        self._number += 1
        return self._counted(struct.pack(">IB", len(sealed) + 1, kind) + sealed)

    def _counted(self, data: bytes) -> bytes:
        self._digest.update(data)
        return data


@dataclass
class Contents:
    """What a file holds."""

    messages: list[Message]
    complete: bool
    """Whether the final chunk is there; if not, the recording was cut off and ends with the last whole chunk."""
    chunks: int
    lost_bytes: int
    """Bytes of a chunk that was not written to its end."""


def read(data: bytes, recording_id: str, key: bytes) -> Contents:
    """Everything that is whole. Raises `Damaged` for anything that was changed after it was written."""
    messages: list[Message] = []
    complete, chunks, end = False, 0, 0
    for kind, plain, place in chunks_of(data, recording_id, key):
        if complete:
            raise Damaged("there is more after the end", chunks)
        if kind == FINAL:
            complete = True
        else:
            messages.extend(messages_in(plain))
        chunks += 1
        end = place
    return Contents(messages=messages, complete=complete, chunks=chunks, lost_bytes=len(data) - end)


def header(recording_id: str) -> bytes:
    """The first bytes of that recording's file."""
    name = recording_id.encode()
    return MAGIC + struct.pack(">H", len(name)) + name


class Opener:
    """Opens the chunks of one recording in their order."""

    def __init__(self, recording_id: str, key: bytes) -> None:
        self._id = recording_id.encode()
        self._cipher = AESGCM(key)
        self.number = 0
        """Of the next chunk."""

    def opened(self, kind: int, sealed: bytes) -> bytes:
        """The next chunk's plain bytes. Raises `Damaged`."""
        number = self.number
        try:
            plain = self._cipher.decrypt(_nonce(number), sealed, _bound(self._id, number, kind))
        except InvalidTag as wrong:
            raise Damaged(f"chunk {number} was changed", number) from wrong
        if kind == FINAL and plain != struct.pack(">Q", number):
            raise Damaged("chunks are missing", number)
        self.number += 1
        return plain


def chunks_of(data: bytes, recording_id: str, key: bytes) -> Iterator[tuple[int, bytes, int]]:
    """(kind, plain bytes, where it ends) of each whole chunk. Raises `Damaged`."""
    head = header(recording_id)
    if data[: len(head)] != head:
        raise Damaged("this is not that recording", 0)
    opener, place = Opener(recording_id, key), len(head)
    while place + 5 <= len(data):
        length, kind = struct.unpack(">IB", data[place : place + 5])
        if length < 1 or length > LARGEST_CHUNK:
            raise Damaged("a chunk's length is impossible", opener.number)
        if place + 4 + length > len(data):
            return
        plain = opener.opened(kind, data[place + 5 : place + 4 + length])
        place += 4 + length
        yield kind, plain, place


def messages_in(plain: bytes) -> Iterator[Message]:
    """The messages of an opened chunk."""
    place = 0
    while place + 8 <= len(plain):
        length, ms = struct.unpack(">II", plain[place : place + 8])
        yield Message(ms, plain[place + 8 : place + 8 + length])
        place += 8 + length


def _nonce(number: int) -> bytes:
    return struct.pack(">4xQ", number)


def _bound(recording_id: bytes, number: int, kind: int) -> bytes:
    return (
        b"portunus recording" + struct.pack(">H", len(recording_id)) + recording_id + struct.pack(">QB", number, kind)
    )
