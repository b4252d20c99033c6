"""Hosts that show pictures until they are killed: the product's own stream and recorder, without a browser.

`python -m tests.workers.browser.killable DATABASE FOLDER KEY NOW SUBJECT FIRST LAST`: for each k from FIRST to LAST a host is
started, and killed as soon as its viewer has k pictures. What she had is kept in FOLDER/shown/k; a line of JSON tells of each.
"""

import asyncio
import io
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PIL import Image

from broker.adapters.stored_blobs import FolderBlobs
from broker.base.db import make_engine
from broker.base.settings import Settings
from broker.recordings.service import Subject
from broker.wiring import Portunus
from tests.fakes.browserhost import MemoryBrowserHost
from tests.fakes.clock import ManualClock
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.queue import MemoryQueue
from tests.fakes.signals import MemorySignals
from workers.browser.live import LiveSession
from workers.browser.recorder import Recorder
from workers.browser.screen import Sight
from workers.browser.stream import Stream

WIDE, HIGH, BLOCK = 64, 48, 8


class Window:
    """The viewer's end of the line: a pipe that outlives the host. What is in it has been shown."""

    def __init__(self, line: int) -> None:
        self._line = line
        self.drawn: Callable[[], None] = lambda: None

    async def send_bytes(self, data: bytes) -> None:
        os.write(self._line, struct.pack(">I", len(data)) + data)
        self.drawn()

    async def receive_text(self) -> str:
        raise NotImplementedError


class Pictures:
    """A page that never stands still: another block of it changes with each picture."""

    def __init__(self, arrived: asyncio.Event) -> None:
        self._arrived = arrived
        self._picture = np.zeros((HIGH, WIDE, 3), np.uint8)
        self._count = 0

    def take(self) -> bytes:
        x, y = self._count * BLOCK % WIDE, self._count * BLOCK // WIDE * BLOCK % HIGH
        self._count += 1
        self._picture[y : y + BLOCK, x : x + BLOCK] = self._count % 251, self._count // 251, 7
        out = io.BytesIO()
        Image.fromarray(self._picture).save(out, "PNG", compress_level=1)
        self._arrived.set()
        return out.getvalue()


async def host(database: str, folder: Path, key: bytes, now: datetime, subject: Subject, line: int) -> None:
    """Stream and record until somebody kills us."""
    keyring = MemoryKeyring()
    keyring._key = AESGCM(key)
    portunus = Portunus(
        settings=Settings(database_url=database), engine=make_engine(database), clock=ManualClock(now), queue=MemoryQueue(),
        signals=MemorySignals(), blobs=FolderBlobs(folder), keyring=keyring, host=MemoryBrowserHost(),
    )  # fmt: skip
    recorder = await Recorder.start(portunus, subject)
    window = Window(line)
    await window.send_bytes(recorder.recording_id.encode())
    nothing: Any = None
    live = LiveSession(claim=nothing, context=nothing, door=nothing, shard=nothing)
    stream = Stream(live, recorder, window, nothing, "https://portal.test/")
    window.drawn = stream._acknowledged
    showing = stream._showing
    view: Any = SimpleNamespace(
        tab=SimpleNamespace(number=1),
        cast=Pictures(showing.arrived),
        sight=Sight(),
        first=None,
        redrawn=lambda: None,
    )
    stream._view = view
    showing.arrived.set()
    await showing.run()


def shown(line: int) -> bytes | None:
    """The next message in the pipe; None when the host is gone and it holds no whole one any more."""
    head = _read(line, 4)
    return _read(line, struct.unpack(">I", head)[0]) if head is not None else None


def _read(line: int, size: int) -> bytes | None:
    got = b""
    while len(got) < size:
        more = os.read(line, size - len(got))
        if not more:
            return None
        got += more
    return got


def main() -> None:
    """See above."""
    database, folder, key, now, subject, first, last = sys.argv[1:]
    (Path(folder) / "shown").mkdir(exist_ok=True)
    for pictures in range(int(first), int(last) + 1):
        seen, show = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(seen)
            given = Subject(*json.loads(subject))
            asyncio.run(host(database, Path(folder), bytes.fromhex(key), datetime.fromisoformat(now), given, show))
            os._exit(1)
        os.close(show)
        recording_id, had = shown(seen), []
        while len(had) < pictures and (message := shown(seen)) is not None:
            had.append(message)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while (message := shown(seen)) is not None:
            had.append(message)
        os.close(seen)
        kept = b"".join(struct.pack(">I", len(one)) + one for one in had)
        (Path(folder) / "shown" / str(pictures)).write_bytes(kept)
        print(json.dumps([pictures, (recording_id or b"").decode(), len(had)]), flush=True)


if __name__ == "__main__":
    main()
