"""A recording plays up to its last whole chunk, and nothing in it can be changed, dropped, doubled or reordered unnoticed."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.recordings import container
from broker.recordings.container import Contents, Damaged, Message, Writer
from broker.recordings.reader import Closed, Playback
from tests.fakes.blobs import MemoryBlobs

KEY, NAME = bytes(range(32)), "rec_0198"
SAID = [Message(n * 100, b"message %d " % n * n) for n in range(12)]


def parts(*, final: bool = True) -> list[bytes]:
    writer = Writer(NAME, KEY)
    made = [writer.header()] + [writer.chunk(SAID[at : at + 3]) for at in range(0, 12, 3)]
    return [*made, writer.final()] if final else made


def streamed(
    data: bytes, key: bytes = KEY, name: str = NAME, closed: Closed | None = None
) -> tuple[list[Message], Contents | Damaged | None]:
    blobs = MemoryBlobs()
    blobs.append("it", data)
    playback = Playback(blobs, "it", name, key, closed)
    return list(playback.messages()), playback.ending


def test_everything_written_is_read_and_known_to_be_complete():
    found = container.read(b"".join(parts()), NAME, KEY)
    assert found.messages == SAID
    assert found.complete
    assert found.lost_bytes == 0


def test_digest_is_that_of_the_file():
    writer = Writer(NAME, KEY)
    data = writer.header() + writer.chunk(SAID) + writer.final()
    assert writer.digest() == hashlib.sha256(data).hexdigest()


@given(st.integers(0, len(b"".join(parts())) - 1))
def test_cut_anywhere_plays_up_to_the_last_whole_chunk(cut: int):
    data = b"".join(parts())[:cut]
    whole, place = 0, len(parts()[0])
    if cut < place:
        with pytest.raises(Damaged):
            container.read(data, NAME, KEY)
        return
    for part in parts()[1:]:
        place += len(part)
        whole += 3 if place <= cut else 0
    found = container.read(data, NAME, KEY)
    assert found.messages == SAID[:whole]
    assert not found.complete
    assert streamed(data)[0] == SAID[:whole]


@given(st.integers(0, len(b"".join(parts())) - 1), st.integers(1, 255))
def test_a_changed_byte_never_yields_another_message_or_a_complete_file(place: int, change: int):
    data = bytearray(b"".join(parts()))
    data[place] ^= change
    messages, ending = streamed(bytes(data))
    assert messages == SAID[: len(messages)]
    assert not (isinstance(ending, Contents) and ending.complete)


@pytest.mark.parametrize("first", range(1, 5))
def test_chunks_in_another_order_are_damage_at_that_chunk(first: int):
    made = parts()
    made[first], made[first + 1] = made[first + 1], made[first]
    with pytest.raises(Damaged) as damaged:
        container.read(b"".join(made), NAME, KEY)
    assert damaged.value.chunk == first - 1


@pytest.mark.parametrize("gone", range(1, 5))
def test_a_missing_chunk_is_damage(gone: int):
    made = parts()
    del made[gone]
    with pytest.raises(Damaged):
        container.read(b"".join(made), NAME, KEY)


def test_a_doubled_chunk_is_damage():
    made = parts()
    with pytest.raises(Damaged):
        container.read(b"".join([*made[:2], made[1], *made[2:]]), NAME, KEY)


def test_anything_after_the_end_is_damage():
    writer = Writer(NAME, KEY)
    data = writer.header() + writer.chunk(SAID) + writer.final() + writer.chunk(SAID)
    with pytest.raises(Damaged):
        container.read(data, NAME, KEY)
    assert isinstance(streamed(data)[1], Damaged)


def test_another_key_or_another_recording_opens_nothing():
    data = b"".join(parts())
    assert streamed(data, key=bytes(32))[0] == []
    assert streamed(data, name="rec_0199")[0] == []


def test_the_same_message_never_looks_the_same_twice():
    writer = Writer(NAME, KEY)
    sealed = [writer.chunk([SAID[3]]) for _ in range(5)]
    assert all(one != other for one, other in pairwise(sealed))


def as_logged(data: bytes) -> Closed:
    return Closed(hashlib.sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize("final", [True, False], ids=["complete", "recovered"])
def test_a_file_that_is_the_one_of_the_log_ends_as_it_ends(final: bool):
    data = b"".join(parts(final=final)) + (b"" if final else b"torn")
    messages, ending = streamed(data, closed=as_logged(data))
    assert messages == SAID
    assert isinstance(ending, Contents)
    assert (ending.complete, ending.lost_bytes) == (final, 0 if final else 4)


@pytest.mark.parametrize("final", [True, False], ids=["complete", "recovered"])
@given(cut=st.integers(1, 200))
def test_an_end_cut_off_after_it_was_closed_is_noticed(final: bool, cut: int):
    data = b"".join(parts(final=final))
    _, ending = streamed(data[:-cut], closed=as_logged(data))
    assert isinstance(ending, Damaged)
    assert f"{cut} bytes shorter than the audit log says" in str(ending)


def test_what_was_written_after_a_recording_was_closed_is_noticed():
    data = b"".join(parts(final=False))
    _, ending = streamed(data, closed=as_logged(b"".join(parts(final=False)[:-1])))
    assert isinstance(ending, Damaged)
    assert "longer than the audit log says" in str(ending)


def test_another_whole_file_of_the_same_recording_is_noticed():
    data = b"".join(parts())
    writer = Writer(NAME, KEY)
    other = b"".join(
        [
            writer.header(),
            *(writer.chunk([Message(m.ms, m.data[::-1]) for m in SAID[at : at + 3]]) for at in range(0, 12, 3)),
            writer.final(),
        ]
    )
    _, ending = streamed(other, closed=as_logged(data))
    assert (len(other), isinstance(ending, Damaged)) == (len(data), True)
    assert "not the file that the audit log names" in str(ending)
