"""A recording is read in large pieces, whatever its chunks are: an object store lists all parts at each read."""

import pytest
from obstore.store import MemoryStore

from broker.adapters.stored_blobs import StoreBlobs
from broker.recordings import reader
from broker.recordings.container import Message, Writer
from broker.recordings.reader import Closed, Playback

NAME, KEY = "recordings/202611/rec_1", b"k" * 32
CHUNKS = 60
SAID = [Message(n, bytes([n]) * (n * 7)) for n in range(CHUNKS)]


class Counted(StoreBlobs):
    reads = 0

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self.reads += 1
        return super().read(name, start, length)


@pytest.fixture
def kept() -> tuple[Counted, Closed]:
    """A closed recording of 60 chunks, each an object of its own, and what the log says of it."""
    blobs, writer = Counted(MemoryStore()), Writer("rec_1", KEY)  # type: ignore[arg-type]
    for piece in (writer.header(), *(writer.chunk([one]) for one in SAID), writer.final()):
        blobs.append(NAME, piece)
    return blobs, Closed(writer.digest(), blobs.size(NAME))


def played(blobs: Counted, closed: Closed) -> tuple[list[Message], object]:
    playback = Playback(blobs, NAME, "rec_1", KEY, closed)
    return list(playback.messages()), playback.ending


def test_a_recording_of_many_small_chunks_is_fetched_at_once(kept: tuple[Counted, Closed]) -> None:
    blobs, closed = kept
    messages, ending = played(blobs, closed)
    assert (messages, getattr(ending, "complete", ending)) == (SAID, True)
    assert blobs.reads <= 2


@pytest.mark.parametrize("ahead", [1, 7, 64, 500])
def test_chunks_across_the_edge_of_a_piece_are_whole(
    kept: tuple[Counted, Closed], monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    monkeypatch.setattr(reader, "AHEAD", ahead)
    messages, ending = played(*kept)
    assert (messages, getattr(ending, "complete", ending)) == (SAID, True)
