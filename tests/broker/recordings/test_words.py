"""By what a recording is found: which words it has, and that none of them can be read where they are kept."""

import json
import struct
from typing import Any

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.recordings import service, words
from broker.recordings.container import Message
from broker.recordings.models import RecordingWord
from broker.recordings.service import Subject
from tests import factories

HOST = system("browserhost")


def event(ms: int, **said: Any) -> Message:
    return Message(ms, struct.pack(">BBHII", 3, 0, 1, 1, ms) + json.dumps(said).encode())


def heard(*messages: Message) -> dict[str, int]:
    found = words.Heard()
    for message in messages:
        found.note(message)
    return found.unkept()


@pytest.fixture
def recording(portunus: Any) -> str:
    with portunus.unit(HOST) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [phoenix])
        row, _ = service.start(
            work, portunus.vault, Subject(org.id, "lea_1", "ses_1", account.id, phoenix.id, "user", "usr_1", "Maria")
        )
        return row.id


def test_a_page_is_known_by_its_name_title_and_path() -> None:
    tabs = [
        {"n": 1, "page": "Claim", "title": "Claim HL2629300015", "path": "/claims/HL2629300015"},
        {"n": 2, "title": "x"},
    ]
    assert set(heard(event(5, e="tabs", active=1, tabs=tabs))) == {
        "claim",
        "claims",
        "hl2629300015",
        "claimshl2629300015",
    }


def test_what_was_typed_counts_from_its_first_moment_and_a_secret_never() -> None:
    found = heard(
        event(10, e="typed", field="Member ID", v="HD1-0004-27"),
        event(20, e="typed", field="Member ID", v="HD1000427"),
        event(30, e="typed", field="Password", secret=True, v="hunter2hunter2"),
    )
    assert found["hd1000427"] == 10
    assert "hunter2hunter2" not in found


def test_words_are_kept_once_as_digests_and_go_with_the_recording(portunus: Any, recording: str) -> None:
    for ms in (100, 900):
        with portunus.unit(HOST) as work:
            service.beat(
                work, portunus.vault, recording, size=1, messages=1, duration_ms=ms, heard={"hd1000427315566": ms}
            )
    with portunus.reading(HOST) as work:
        (kept,) = work.db.scalars(select(RecordingWord)).all()
        assert (kept.ms, len(kept.digest)) == (100, words.DIGEST_BYTES)
        assert b"hd1000427315566" not in kept.digest
    with portunus.unit(HOST) as work:
        words.forget(work, recording)
        assert work.db.scalars(select(RecordingWord)).all() == []


def test_a_page_that_says_more_words_than_are_kept_stops_nothing() -> None:
    found = words.Heard()
    for number in range(3):
        title = " ".join(f"word{number}x{one}" for one in range(words.MOST))
        found.note(event(number, e="tabs", active=1, tabs=[{"n": 1, "title": title}]))
    assert len(found.unkept()) == words.MOST
