"""Writes a lease's stream before it is shown. What cannot be written is not shown: the stream ends."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import structlog
from sqlalchemy.exc import SQLAlchemyError

from broker.base.actor import system
from broker.base.errors import BrokerError
from broker.codes import service as codes
from broker.recordings import service as recordings
from broker.recordings.attestation import Attestation
from broker.recordings.container import Message, Writer, header
from broker.recordings.service import Subject
from broker.recordings.words import Heard
from broker.tabs import service as tabs
from broker.wiring import Portunus

ACTOR = system("browserhost")
BEAT_S = 5.0
log = structlog.get_logger("recorder")


class RecorderFailed(Exception):
    """Nothing more may be shown in this tab."""


class Recorder:
    """One recording. Messages go to the blob in the order they are given, each flushed before `write` returns."""

    def __init__(self, portunus: Portunus, recording_id: str, holder: str, blob: str, key: bytes) -> None:
        self.recording_id = recording_id
        self.holder = holder
        self._portunus = portunus
        self._blob = blob
        self._writer = Writer(recording_id, key)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"record {recording_id}")
        self._began = time.monotonic()
        self._beaten = 0.0
        self._size = self._messages = self._chunks = 0
        self._closed = False
        self.broken = False
        """Something could not be written: what came after it would not be readable, so nothing more is written here."""
        self._attestation = Attestation()
        self._heard = Heard()
        self.seq = 0

    @classmethod
    async def start(cls, portunus: Portunus, subject: Subject) -> "Recorder":
        """A new recording for this lease, linked from the code requests of the sign-in it asked for. Raises `RecorderFailed`."""

        def begin() -> "Recorder":
            with portunus.unit(ACTOR) as work:
                row, key = recordings.start(work, portunus.vault, subject)
                codes.shown_in_recording(work, tabs.attempts_for(work, subject.lease_id), row.id)
                recorder = cls(portunus, row.id, subject.holder_name, row.blob, key)
            portunus.blobs.append(row.blob, recorder._writer.header())
            return recorder

        try:
            return await asyncio.to_thread(begin)
        except (OSError, BrokerError) as failed:
            raise RecorderFailed("This tab cannot be recorded, so it is not shown.") from failed

    def joined(self) -> dict[str, str | int]:
        """Who looks on, since when, and how far the recording is: the player's timeline names her by it."""
        at = self._portunus.clock.now().isoformat(timespec="seconds")
        return {"recording": self.recording_id, "who": self.holder, "at": at, "ms": self.ms()}

    def ms(self) -> int:
        """Milliseconds since the recording began."""
        return int((time.monotonic() - self._began) * 1000)

    def next_seq(self) -> int:
        """The next message's number."""
        self.seq += 1
        return self.seq

    async def write(self, *messages: bytes) -> None:
        """Seal and flush. Raises `RecorderFailed`: then nothing of it may be shown."""
        ms = self.ms()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._append, [Message(ms, data) for data in messages])
        except (OSError, RuntimeError) as failed:
            log.exception("recording failed", recording=self.recording_id, kind=type(failed).__name__)
            raise RecorderFailed("This tab can no longer be recorded, so it is no longer shown.") from failed

    async def keep(self, data: bytes, ms: int) -> tuple[int, int]:
        """Write one message into a chunk of its own; (number of the chunk, where it begins). Raises `RecorderFailed`."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._append, [Message(ms, data)])
        except (OSError, RuntimeError) as failed:
            raise RecorderFailed("What lookups see can no longer be recorded, so they stop.") from failed

    def _append(self, messages: list[Message]) -> tuple[int, int]:
        if self.broken:
            raise OSError("this recording is over")
        kept = self._chunks, len(header(self.recording_id)) + self._size
        data = self._writer.chunk(messages)
        try:
            self._portunus.blobs.append(self._blob, data)
        except OSError:
            self.broken = True
            raise
        self._size += len(data)
        self._messages += len(messages)
        for message in messages:
            self._attestation.note(message)
            self._heard.note(message)
        self._chunks += 1
        if time.monotonic() - self._beaten > BEAT_S:
            self.beat()
        return kept

    def beat(self) -> None:
        """Tell SQL that the recording goes on (also while a still page writes nothing). A database that is away is told later."""
        if self.broken:
            return  # so that the sweep closes it with what is whole
        self._beaten = time.monotonic()
        heard = self._heard.unkept()
        try:
            with self._portunus.unit(ACTOR) as work:
                known = recordings.beat(
                    work,
                    self._portunus.vault,
                    self.recording_id,
                    size=self._size,
                    messages=self._messages,
                    duration_ms=self.ms(),
                    heard=heard,
                )
        except (BrokerError, SQLAlchemyError) as failed:
            log.warning("a recording's beat was not told", recording=self.recording_id, kind=type(failed).__name__)
        else:
            self.broken = not known
            self._heard.kept(heard)

    async def beat_soon(self) -> None:
        """`beat` in the recorder's own thread."""
        if not self._closed:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.beat)

    async def close(self) -> None:
        """The final chunk, and the digest into the audit log."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self.broken:
            return  # the sweep closes it as recovered
        try:
            final = self._writer.final()
            self._portunus.blobs.append(self._blob, final)
        except OSError:
            return  # the sweep closes it as recovered
        self.beat()  # the last words
        with self._portunus.unit(ACTOR) as work:
            recordings.close(
                work,
                self.recording_id,
                digest=self._writer.digest(),
                size=self._portunus.blobs.size(self._blob),
                messages=self._messages,
                duration_ms=self.ms(),
                attestation=self._attestation,
            )
