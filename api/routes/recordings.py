"""Recordings: a list, and playback for a reason that is written down before the first byte leaves."""

import json
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, signed_in
from api.pages import page
from broker.base.errors import Incomplete, Refused
from broker.directory.models import Location, PortalAccount
from broker.identity.policy import Permission
from broker.recordings import service as recordings
from broker.recordings.container import Contents
from broker.recordings.models import Recording
from broker.recordings.reader import Playback

router = APIRouter()
VIEWERS = [signed_in("one's own recordings, or others' by right: the service decides")]
PAGE = 50
RECORD = struct.Struct(">II")
BATCH = 256 * 1024
Reason = Annotated[str, Form(max_length=300)]


@router.get("/recordings", dependencies=VIEWERS)
def listing(request: Request, here: HereNow, before: datetime | None = None) -> Response:
    """Newest first, 50 a page."""
    return page(request, "recordings.html", rows=_rows(here, before))


@router.get("/recordings/{recording_id}", dependencies=VIEWERS)
def ask(request: Request, here: HereNow, recording_id: str, at: int = 0) -> Response:
    """Why do you want to see it?"""
    _check(here)
    with here.reading() as work:
        row = recordings.visible(work, recording_id)
    return page(request, "recording.html", row=row, playing=False, error="", at=max(at, 0))


@router.post("/recordings/{recording_id}", dependencies=VIEWERS)
def play(
    request: Request, here: HereNow, recording_id: str, reason: Reason = "", at: Annotated[int, Form(ge=0)] = 0
) -> Response:
    """The player; it asks for the messages with this reason, which then goes into the log."""
    _check(here)
    with here.reading() as work:
        row = recordings.visible(work, recording_id)
    try:
        recordings.check_reason(reason)
    except Incomplete as no:
        return page(request, "recording.html", status=422, row=row, playing=False, error=no.message, at=at)
    return page(request, "recording.html", row=row, playing=True, error="", at=at, reason=reason)


@router.post("/api/v1/recordings/{recording_id}/messages", dependencies=VIEWERS)
def messages(here: HereNow, recording_id: str, reason: Reason = "") -> StreamingResponse:
    """Records of `u32 length, u32 ms, message` in the stream's own bytes; the last is an event that says how it ends."""
    _check(here)
    with here.unit() as work:
        row, key = recordings.open_for_view(work, here.portunus.vault, recording_id, reason)
        playback = Playback(here.portunus.blobs, row.blob, row.id, key)
    return StreamingResponse(_records(playback), media_type="application/octet-stream")


@router.get("/api/v1/recordings", dependencies=VIEWERS)
def data(here: HereNow, before: datetime | None = None) -> dict[str, Any]:
    """The list as data; `next_before` leads to the next page."""
    rows = _rows(here, before)
    return {"data": rows, "next_before": rows[-1]["started_at"] if len(rows) == PAGE else None}


def _check(here: Here) -> None:
    if not here.held & {Permission.RECORDING_VIEW_OWN, Permission.RECORDING_VIEW_ALL}:
        raise Refused("Your roles do not let you view recordings.")


def _rows(here: Here, before: datetime | None) -> list[dict[str, Any]]:
    _check(here)
    with here.reading() as work:
        return [
            _shown(row, work.db.get(PortalAccount, row.account_id), work.db.get(Location, row.location_id))
            for row in recordings.listed(work, before=before, limit=PAGE)
        ]


def _shown(row: Recording, account: PortalAccount | None, location: Location | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "portal": account.portal.name if account else "",
        "location": location.name if location else "",
        "person": row.holder_name,
        "started_at": row.started_at.isoformat(),
        "duration_s": row.duration_ms // 1000,
        "state": row.end_state or "running",
        "digest": row.digest,
    }


def _records(playback: Playback) -> Iterator[bytes]:
    """Batched: a piece of the answer per quarter megabyte, not per key press."""
    batch, last = bytearray(), 0
    for message in playback.messages():
        batch += RECORD.pack(len(message.data), message.ms) + message.data
        last = message.ms
        if len(batch) >= BATCH:
            yield bytes(batch)
            batch.clear()
    end = _ending(playback, last)
    yield bytes(batch) + RECORD.pack(len(end), last) + end


def _ending(playback: Playback, ms: int) -> bytes:
    ending = playback.ending
    if not isinstance(ending, Contents):
        said = {"e": "end", "how": "damaged", "words": f"The file was changed after it was written: {ending}."}
    elif ending.complete:
        said = {"e": "end", "how": "complete", "words": ""}
    else:
        words = "It ends here, with the last whole part: it is still running, or the browser host stopped."
        said = {"e": "end", "how": "cut", "words": words}
    return struct.pack(">BBHII", 3, 0, 0, 0, ms) + json.dumps(said).encode()
