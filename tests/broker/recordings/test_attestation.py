"""A recording says which messages it holds, and notices every one that is not there."""

import struct

import pytest

from broker.recordings.attestation import attested
from broker.recordings.container import Message


def message(seq: int, ms: int = 0, kind: int = 2) -> Message:
    return Message(ms, struct.pack(">BBHII", kind, 0, 0, seq, ms) + b"...")


def test_a_complete_one_has_nothing_missing() -> None:
    found = attested([message(1, 0, 3), message(2, 10, 1), message(3, 9000)])
    assert found.as_detail() == {
        "first_seq": 1,
        "last_seq": 3,
        "missing": 0,
        "pictures": 2,
        "events": 1,
        "longest_pause_ms": 8990,
    }
    assert "All 3 messages" in found.words()


@pytest.mark.parametrize(("numbers", "missing"), [((1, 2, 4), 1), ((1, 9), 7), ((1, 2, 2), 1), ((1, 3, 2), 3), ((), 0)])
def test_gaps_and_doubles_are_counted(numbers: tuple[int, ...], missing: int) -> None:
    assert attested(message(one) for one in numbers).missing == missing


def test_what_is_no_message_counts_as_missing() -> None:
    assert attested([Message(0, b"x")]).missing == 1
