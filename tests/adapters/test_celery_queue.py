"""A task message is a signed hint: whatever somebody else puts into the message broker is dropped without an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.adapters.celery_queue import STALE_S, CeleryQueue
from tests.fakes.clock import ManualClock
from tests.fakes.keyring import MemoryKeyring


def queue(clock: ManualClock | None = None) -> CeleryQueue:
    return CeleryQueue("redis://127.0.0.1:1", MemoryKeyring(), clock or ManualClock())


def test_our_own_message_is_genuine_for_an_hour(clock: ManualClock) -> None:
    ours = queue(clock)
    sent = int(clock.now().timestamp())
    signature = ours.signature("open_tab", "att_1", sent)
    assert ours.genuine("open_tab", "att_1", sent, signature)
    clock.advance(seconds=STALE_S + 1)
    assert not ours.genuine("open_tab", "att_1", sent, signature)


@pytest.mark.parametrize(
    ("row_id", "sent", "signature"),
    [
        ("att_2", 0, None),
        (None, 0, "x"),
        ("att_1", "0", "x"),
        ("att_1", 10**400, "x"),
        ("att_1", True, "x"),
        ("att_1", float("nan"), "x"),
        ("att_1", 0, b"x"),
        ("\ud800", 0, "\ud800"),
        (["att_1"], {}, []),
    ],
)
def test_anything_else_is_not_and_raises_nothing(row_id, sent, signature) -> None:
    assert queue().genuine("open_tab", row_id, sent, signature) is False


@given(st.text(), st.integers(), st.text())
def test_no_guess_is_genuine(row_id: str, sent: int, signature: str) -> None:
    assert not queue().genuine("open_tab", row_id, sent, signature)


def test_a_signature_holds_for_its_own_task_and_row_only(clock: ManualClock) -> None:
    ours = queue(clock)
    sent = int(clock.now().timestamp())
    signature = ours.signature("open_tab", "att_1", sent)
    assert not ours.genuine("end_session", "att_1", sent, signature)
    assert not ours.genuine("open_tab", "att_2", sent, signature)


def test_a_message_broker_that_is_away_delays_and_raises_nothing() -> None:
    queue().enqueue("open_tab", "att_1")
