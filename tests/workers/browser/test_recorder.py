"""Written before shown: what a killed host leaves, and what happens when there is no room to write."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from broker.base.actor import system
from broker.recordings import container, service
from broker.recordings.models import Recording
from broker.recordings.reader import Playback
from broker.recordings.service import Subject
from tests import factories
from workers.browser.recorder import Recorder, RecorderFailed

HOST = system("browserhost")


@pytest.fixture
def subject(portunus: Any) -> Subject:
    with portunus.unit(HOST) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [phoenix])
        maria = factories.user(work, org, locations=[phoenix])
        return Subject(org.id, "lea_1", "ses_1", account.id, phoenix.id, "user", maria.id, maria.name)


def newest(portunus: Any) -> Recording:
    with portunus.reading(HOST) as work:
        row: Recording = work.db.scalars(select(Recording)).one()
        return row


def test_every_message_is_in_the_file_before_write_returns(portunus: Any, subject: Subject) -> None:
    async def play() -> None:
        recorder = await Recorder.start(portunus, subject)
        row = newest(portunus)
        with portunus.unit(HOST) as work:
            key = portunus.vault.open_key(work, row.organization_id, "recording", row.id, row.wrapped_key)
        for number in range(20):
            await recorder.write(b"%d" % number)
            kept = container.read(portunus.blobs.read(row.blob), row.id, key).messages
            assert [message.data for message in kept] == [b"%d" % one for one in range(number + 1)]
        await recorder.close()
        assert container.read(portunus.blobs.read(row.blob), row.id, key).complete

    asyncio.run(play())
    assert newest(portunus).end_state == "complete"


def test_no_room_to_write_means_nothing_more_is_shown(portunus: Any, subject: Subject, monkeypatch: Any) -> None:
    def full(name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    async def play() -> None:
        recorder = await Recorder.start(portunus, subject)
        monkeypatch.setattr(portunus.blobs, "append", full)
        with pytest.raises(RecorderFailed):
            await recorder.write(b"picture")

    asyncio.run(play())


def test_after_a_message_that_could_not_be_written_nothing_more_is_and_what_was_is_whole(
    portunus: Any, subject: Subject, monkeypatch: Any, clock: Any
) -> None:
    append = portunus.blobs.append

    def torn(name: str, data: bytes) -> None:
        append(name, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    async def play() -> None:
        recorder = await Recorder.start(portunus, subject)
        await recorder.write(b"first")
        monkeypatch.setattr(portunus.blobs, "append", torn)
        with pytest.raises(RecorderFailed):
            await recorder.write(b"second")
        monkeypatch.setattr(portunus.blobs, "append", append)
        with pytest.raises(RecorderFailed):
            await recorder.write(b"third")
        await recorder.beat_soon()
        await recorder.close()

    asyncio.run(play())
    clock.advance(seconds=31)
    with portunus.unit(HOST) as work:
        service.recover(work, portunus.vault, portunus.blobs)
        row = work.db.scalars(select(Recording)).one()
        key = portunus.vault.open_key(work, row.organization_id, "recording", row.id, row.wrapped_key)
        playback = Playback(portunus.blobs, row.blob, row.id, key, service.closed(work, row))
        assert [message.data for message in playback.messages()] == [b"first"]
        assert (row.end_state, isinstance(playback.ending, container.Contents)) == ("recovered", True)


def test_a_host_that_was_silent_for_too_long_writes_no_more_into_what_the_sweep_has_closed(
    portunus: Any, subject: Subject, clock: Any
) -> None:
    async def play() -> None:
        recorder = await Recorder.start(portunus, subject)
        await recorder.write(b"first")
        clock.advance(seconds=31)
        with portunus.unit(HOST) as work:
            service.recover(work, portunus.vault, portunus.blobs)
        await recorder.beat_soon()
        with pytest.raises(RecorderFailed):
            await recorder.write(b"second")
        await recorder.close()

    asyncio.run(play())
    assert (newest(portunus).end_state, newest(portunus).messages) == ("recovered", 1)


def test_a_database_that_is_away_for_a_moment_stops_no_picture(
    portunus: Any, subject: Subject, monkeypatch: Any
) -> None:
    def away(*_: object, **__: object) -> bool:
        raise OperationalError("UPDATE recording", {}, Exception("database is locked"))

    async def play() -> None:
        recorder = await Recorder.start(portunus, subject)
        with monkeypatch.context() as gone:
            gone.setattr(service, "beat", away)
            await recorder.write(b"first")
        await recorder.write(b"second")
        await recorder.close()

    asyncio.run(play())
    assert (newest(portunus).end_state, newest(portunus).messages) == ("complete", 2)


def test_closing_twice_closes_once(portunus: Any, subject: Subject) -> None:
    async def play() -> None:
        recorder = await Recorder.start(portunus, subject)
        await asyncio.gather(recorder.close(), recorder.close())

    asyncio.run(play())
    assert newest(portunus).messages == 0
