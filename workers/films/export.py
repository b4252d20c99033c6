"""Giving a recording out of the house: for a reason, with a watermark, and a manifest that says what it is and is not."""

import json
from pathlib import Path
from typing import Any

from broker.base.actor import Actor
from broker.base.errors import Incomplete
from broker.recordings import service as recordings
from broker.recordings.attestation import attested
from broker.recordings.container import Contents
from broker.recordings.reader import Playback
from broker.wiring import Portunus
from workers.films import film

FORMAT = "portunus recording export 1"


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
        now = work.clock.now()
    playback = Playback(portunus.blobs, row.blob, row.id, key, closed)
    messages = list(playback.messages())
    ending = playback.ending
    whole = isinstance(ending, Contents)
    watermark = f"{actor.name} · {now:%Y-%m-%d %H:%M} UTC · {row.id[-12:]}"
    digest = film.write(output, messages, watermark)
    manifest = {
        "format": FORMAT,
        "film": {"file": output.name, "sha256": digest, "watermark": watermark},
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
        "exported": {"by": actor.name, "at": now.isoformat(), "reason": reason.strip()},
        "note": "The film is a copy made for viewing. The evidence is the recording whose sha256 the signed audit log holds.",
    }
    beside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    with portunus.unit(actor) as work:
        recordings.exported(work, recording_id, digest)
    return manifest
