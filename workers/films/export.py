"""Giving a recording out of the house: for a reason, with a watermark, and a manifest that says what it is and is not."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from broker.base.actor import Actor
from broker.base.errors import Incomplete
from broker.ports.blobs import Blobs
from broker.recordings import films
from broker.recordings import service as recordings
from broker.recordings.attestation import attested
from broker.recordings.container import Contents, Message
from broker.recordings.models import Recording
from broker.recordings.reader import Closed, Playback
from broker.wiring import Portunus
from workers.films import film

FORMAT = "portunus recording export 1"


@dataclass(frozen=True)
class Asked:
    """Who wants a film, when and why: in its watermark and its manifest."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Made:
    """A film, in memory only, and what is said about it."""

    film: bytes
    manifest: dict[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the film in hexadecimal."""
        return str(self.manifest["film"]["sha256"])


def export(portunus: Portunus, actor: Actor, recording_id: str, output: Path, reason: str) -> dict[str, Any]:
    """Write `output` and, beside it, its manifest, which is also returned; the act and the film's digest go into the log.

    Raises `NotFound`, `Refused`, `Incomplete` (no reason, another kind of file, a file that is there), `Conflict`
    (destroyed), `Unavailable` (no PyAV, damaged).
    """
    beside = output.with_name(output.name + ".manifest.json")
    if output.exists() or beside.exists():
        raise Incomplete(f"{output.name} is there already: choose another name.")
    with portunus.unit(actor) as work:
        row, key = recordings.open_for_export(work, portunus.vault, recording_id, reason)
        closed = recordings.closed(work, row)
        asked = Asked(actor.name, work.clock.now(), reason.strip())
    made = make(portunus.blobs, row, key, closed, asked, output.name)
    with portunus.unit(actor) as work:
        recordings.exported(work, recording_id, made.digest)
    output.write_bytes(made.film)
    beside.write_bytes(films.written(made.manifest))
    return made.manifest


def make(
    blobs: Blobs,
    row: Recording,
    key: bytes,
    closed: Closed | None,
    asked: Asked,
    name: str,
    tick: Callable[[int], None] | None = None,
) -> Made:
    """The film of a recording, and its manifest. `closed`: what the audit log says of its file. `tick` hears the milliseconds of the recording that it has come to.

    Raises `Incomplete` (no picture, another kind of file), `Unavailable` (no PyAV).
    """
    playback = Playback(blobs, row.blob, row.id, key, closed)
    messages = list(playback.messages())
    ending = playback.ending
    whole = isinstance(ending, Contents)
    watermark = f"{asked.by} · {asked.at:%Y-%m-%d %H:%M} UTC · {row.id[-12:]}"
    drawn = film.drawn(name, _told(messages, tick), watermark)
    manifest = {
        "format": FORMAT,
        "film": {"file": name, "sha256": hashlib.sha256(drawn).hexdigest(), "watermark": watermark},
        "recording": {
            "id": row.id,
            "sha256": row.digest,
            "holder": row.holder_name,
            "started_at": row.started_at.isoformat(),
            "ended_at": row.ended_at.isoformat() if row.ended_at else None,
            "state": row.end_state or "running",
            "complete": isinstance(ending, Contents) and ending.complete,
            "damaged": None if whole else str(ending),
            **attested(messages).as_detail(),
        },
        "exported": {"by": asked.by, "at": asked.at.isoformat(), "reason": asked.reason},
        "note": "The film is a copy made for viewing. The evidence is the recording whose sha256 the signed audit log holds.",
    }
    return Made(drawn, manifest)


def _told(messages: Iterable[Message], tick: Callable[[int], None] | None) -> Iterator[Message]:
    for message in messages:
        if tick is not None:
            tick(message.ms)
        yield message
