"""Written before shown: what a killed host leaves, and what happens when there is no room to write."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broker.adapters.stored_blobs import FolderBlobs
from broker.base.actor import system
from broker.recordings import container, service
from broker.recordings.models import Recording
from broker.recordings.service import Subject
from tests import factories
from workers.browser.recorder import Recorder, RecorderFailed

HOST = system("browserhost")
SHOW = """
import os, sys
from broker.adapters.stored_blobs import FolderBlobs
from broker.recordings.container import Message, Writer
folder, recording_id, blob, key, die_at = sys.argv[1:]
blobs, writer = FolderBlobs(__import__("pathlib").Path(folder)), Writer(recording_id, bytes.fromhex(key))
blobs.append(blob, writer.header())
for number in range(1, 400):
    blobs.append(blob, writer.chunk([Message(number, b"picture %d" % number)]))
    os.write(1, b"%d\\n" % number)  # shown: only after it is written
"""


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


def test_closing_twice_closes_once(portunus: Any, subject: Subject) -> None:
    async def play() -> None:
        recorder = await Recorder.start(portunus, subject)
        await asyncio.gather(recorder.close(), recorder.close())

    asyncio.run(play())
    assert newest(portunus).messages == 0


@pytest.mark.parametrize("drawn", [1, 2, 3, 10, 50, 120, 200])
def test_host_killed_after_the_viewer_drew_k_pictures_has_them_all_on_disk(
    portunus: Any, subject: Subject, tmp_path: Path, clock: Any, drawn: int
) -> None:
    with portunus.unit(HOST) as work:
        row, key = service.start(work, portunus.vault, subject)
        recording_id, blob = row.id, row.blob
    arguments = [str(tmp_path), recording_id, blob, key.hex(), str(drawn)]
    with subprocess.Popen([sys.executable, "-c", SHOW, *arguments], stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        for _ in range(drawn):
            seen = int(host.stdout.readline())
        os.kill(host.pid, signal.SIGKILL)
        seen = max([seen, *(int(line) for line in host.stdout.read().split())])
    blobs = FolderBlobs(tmp_path)
    contents = container.read(blobs.read(blob), recording_id, key)
    assert [message.data for message in contents.messages[:seen]] == [b"picture %d" % one for one in range(1, seen + 1)]
    clock.advance(seconds=31)
    with portunus.unit(HOST) as work:
        service.recover(work, portunus.vault, blobs)
    closed = newest(portunus)
    assert (closed.end_state, closed.messages) == (
        "recovered" if not contents.complete else "complete",
        len(contents.messages),
    )
