"""A host killed at any picture: what its viewer drew is in the recording, and the recording is closed as what it is."""

import json
import struct
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select

from broker.adapters.stored_blobs import FolderBlobs
from broker.base.actor import system
from broker.recordings import container, service
from broker.recordings.models import Recording
from broker.recordings.service import Subject
from tests.workers.browser import killable
from tests.workers.browser.test_recorder import subject as subject  # noqa: PLC0414 - a fixture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
HOST = system("browserhost")
KILLS, AT_ONCE = 200, 2
KEY = bytes(range(32))


def killed(portunus: Any, folder: Path, subject: Subject) -> list[tuple[int, str, int]]:
    """Each of 200 hosts, by the picture at which it was killed: its recording, and how many messages its viewer had."""
    told = [portunus.engine.url.render_as_string(hide_password=False), str(folder), KEY.hex()]
    told += [portunus.clock.now().isoformat(), json.dumps(astuple(subject))]
    # early kills are short and late ones long: the halves are equally so
    middle = round(KILLS / 2**0.5)
    parts = [(1, middle), (middle + 1, KILLS)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", killable.__name__, *told, str(first), str(last)], stdout=subprocess.PIPE, text=True
        )
        for first, last in parts
    ]
    lines = [line for one in running for line in one.communicate()[0].splitlines()]
    assert [one.returncode for one in running] == [0] * AT_ONCE
    return [tuple(json.loads(line)) for line in lines]


def drawn(folder: Path, pictures: int) -> list[bytes]:
    """The messages that the viewer of that host had."""
    kept, place, found = (folder / "shown" / str(pictures)).read_bytes(), 0, []
    while place < len(kept):
        (size,) = struct.unpack_from(">I", kept, place)
        found.append(kept[place + 4 : place + 4 + size])
        place += 4 + size
    return found


def test_every_picture_that_was_drawn_before_a_kill_at_any_of_200_is_in_a_recording_that_is_closed_as_cut_off(
    portunus: Any, subject: Subject, tmp_path: Path, clock: Any
) -> None:
    portunus.keyring._key = AESGCM(KEY)
    portunus.engine.dispose()
    kills = killed(portunus, tmp_path, subject)
    assert [at for at, _, _ in kills] == list(range(1, KILLS + 1))
    blobs = FolderBlobs(tmp_path)
    for pictures, recording_id, had in kills:
        with portunus.unit(HOST) as work:
            row = work.db.get_one(Recording, recording_id)
            key = portunus.vault.open_key(work, row.organization_id, "recording", row.id, row.wrapped_key)
        kept = container.read(blobs.read(row.blob), recording_id, key)
        assert had >= pictures
        assert [message.data for message in kept.messages[:had]] == drawn(tmp_path, pictures)
        assert not kept.complete
    clock.advance(seconds=31)
    with portunus.unit(HOST) as work:
        service.recover(work, portunus.vault, blobs)
    with portunus.reading(HOST) as work:
        states = set(work.db.scalars(select(Recording.end_state)))
    assert states == {"recovered"}
