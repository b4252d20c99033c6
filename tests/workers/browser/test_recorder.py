"""Written before shown: what a killed host leaves, and what happens when there is no room to write."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from broker.adapters.stored_blobs import FolderBlobs
from broker.base.actor import system
from broker.recordings import container, service
from broker.recordings.models import Recording
from broker.recordings.reader import Playback
from broker.recordings.service import Subject
from tests import factories
from workers.browser.recorder import Recorder, RecorderFailed

HOST = system("browserhost")
SHOW = """
import os, sys
from pathlib import Path
from broker.adapters.stored_blobs import FolderBlobs
from broker.recordings.container import Message, Writer
folder, recording_id, key, last = sys.argv[1:]
for drawn in range(1, int(last) + 1):
    seen, show = os.pipe()
    host = os.fork()
    if host == 0:
        blobs, writer = FolderBlobs(Path(folder)), Writer(recording_id, bytes.fromhex(key))
        blobs.append(f"killed/{drawn}", writer.header())
        for number in range(1, 4000):
            blobs.append(f"killed/{drawn}", writer.chunk([Message(number, b"picture %d" % number)]))
            os.write(show, b".")  # shown: only after it is written
        os._exit(1)
    os.close(show)
    shown = 0
    while shown < drawn:
        shown += len(os.read(seen, drawn - shown))
    os.kill(host, 9)
    os.waitpid(host, 0)
    while more := os.read(seen, 65536):
        shown += len(more)
    os.close(seen)
    print(drawn, shown, flush=True)
"""
"""Hosts that are killed when the viewer has drawn its k-th picture, each with a file of its own."""
KILLS = 200


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


def test_a_host_killed_at_any_of_200_pictures_has_every_picture_the_viewer_drew_on_disk(
    portunus: Any, subject: Subject, tmp_path: Path, clock: Any
) -> None:
    with portunus.unit(HOST) as work:
        row, key = service.start(work, portunus.vault, subject)
        recording_id = row.id
    arguments = [str(tmp_path), recording_id, key.hex(), str(KILLS)]
    told = subprocess.run([sys.executable, "-c", SHOW, *arguments], check=True, capture_output=True, text=True)
    blobs, kills = FolderBlobs(tmp_path), [tuple(map(int, line.split())) for line in told.stdout.splitlines()]
    assert [drawn for drawn, _ in kills] == list(range(1, KILLS + 1))
    for drawn, shown in kills:
        kept = container.read(blobs.read(f"killed/{drawn}"), recording_id, key)
        assert [message.data for message in kept.messages[:shown]] == [
            b"picture %d" % one for one in range(1, shown + 1)
        ]
        assert not kept.complete
    with portunus.unit(HOST) as work:
        work.db.get_one(Recording, recording_id).blob = f"killed/{KILLS}"
    clock.advance(seconds=31)
    with portunus.unit(HOST) as work:
        service.recover(work, portunus.vault, blobs)
    closed = newest(portunus)
    assert (closed.end_state, closed.messages) == ("recovered", len(kept.messages))
