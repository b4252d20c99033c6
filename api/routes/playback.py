"""A recording's messages for the player: for a reason, which is in the audit log before the first byte leaves."""

import json
import struct
from collections.abc import Iterator

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from api.access import HereNow, signed_in
from broker.base.errors import Refused
from broker.identity.policy import Permission
from broker.recordings import service
from broker.recordings.container import Contents
from broker.recordings.reader import Playback

router = APIRouter()

RECORD = struct.Struct(">II")
BATCH = 256 * 1024


class View(BaseModel):
    """Why somebody looks."""

    reason: str = Field(max_length=500)


@router.post("/api/v1/recordings/{recording_id}/view", dependencies=[signed_in("services decide whose recordings")])
def view(here: HereNow, recording_id: str, wanted: View) -> StreamingResponse:
    """Records of `u32 length, u32 ms, message` in the stream's own bytes; the last one is an event that says how it ends."""
    if not here.held & {Permission.RECORDING_VIEW_OWN, Permission.RECORDING_VIEW_ALL}:
        raise Refused("Your roles do not let you view recordings.")
    with here.unit() as work:
        row, key = service.open_for_view(work, here.portunus.vault, recording_id, wanted.reason)
        blob = row.blob
    playback = Playback(here.portunus.blobs, blob, recording_id, key)
    return StreamingResponse(_records(playback), media_type="application/octet-stream")


def _records(playback: Playback) -> Iterator[bytes]:
    """Batched: a chunk of the answer per quarter megabyte, not per key press."""
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
        words = "The recording was cut off here (the browser host stopped). What is above is unchanged."
        said = {"e": "end", "how": "cut", "words": words}
    return struct.pack(">BBHII", 3, 0, 0, 0, ms) + json.dumps(said).encode()
