"""What a lookup kept: pictures in which only what it read can be seen, files by their kind, its own moments of the recording."""

import json
import math
import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from PIL import Image
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, permits
from api.pages import page
from api.shapes import streams
from broker.base.errors import Incomplete, Unavailable
from broker.identity.policy import Permission
from broker.lookups import proof
from broker.lookups import service as lookups
from broker.lookups.models import LookupArtifact
from broker.lookups.proof import Box
from broker.lookups.submitting import own
from broker.recordings import service as recordings
from broker.recordings.models import Recording

router = APIRouter()
ASKERS = [permits(Permission.LOOKUP_RUN, keys=True)]
PEOPLE = [permits(Permission.LOOKUP_RUN)]
MARGIN = 60
"""Pixels above and below a row that are shown grey, so that its place on the page is seen."""
AIR = 3
GREY = (226, 228, 232)
RECORD = struct.Struct(">II")
FILES = {
    "pdf": ("application/pdf", "explanation-of-benefits-{}.pdf"),
    "edi835": ("application/edi-x12", "remittance-{}.835"),
    "csv": ("text/csv", "table-{}.csv"),
}
KEPT = streams("image/png", *(media for media, _ in FILES.values()), words="the picture, or the file")
At = Annotated[int, Query(ge=0)]
Reason = Annotated[str, Form(max_length=300)]


@router.get("/api/v1/lookups/{lookup_id}/artifacts/{artifact_id}", dependencies=ASKERS, **KEPT)
def artifact(
    here: HereNow, lookup_id: str, artifact_id: str, box: Annotated[str | None, Query(max_length=80)] = None
) -> Response:
    """A kept file; or a picture in which all is grey but the rows that this lookup read. `box` (x,y,width,height): that row."""
    wanted = _box(box) if box else None
    with here.unit() as work:
        kept, data = lookups.artifact(work, here.portunus.vault, here.portunus.blobs, lookup_id, artifact_id)
        kind = kept.kind
        parts = proof.read_parts(work, here.portunus.vault, own(work, lookup_id), artifact_id)
    if kind == "screenshot":
        return Response(_part(data, wanted, parts) if wanted else _rows(data, parts), media_type="image/png")
    media, name = FILES[kind]
    headers = {
        "content-disposition": f'attachment; filename="{name.format(artifact_id[-8:])}"',
        "x-content-type-options": "nosniff",
    }
    return Response(data, media_type=media, headers=headers)


def _box(told: str) -> Box:
    """Raises `Incomplete` for anything but four numbers."""
    try:
        x, y, w, h = (float(part) for part in told.split(","))
    except ValueError as wrong:
        raise Incomplete("box is x,y,width,height.") from wrong
    if not all(math.isfinite(one) and 0 <= one < 100_000 for one in (x, y, w, h)):
        raise Incomplete("box is x,y,width,height.")
    return x, y, w, h


def _part(png: bytes, box: Box, parts: list[Box]) -> bytes:
    """The row of one value and a little above and below it. Raises `Incomplete` for a place this lookup did not read."""
    if box not in parts:
        raise Incomplete("The lookup read nothing at that place.")
    with Image.open(BytesIO(png)) as whole:
        top, bottom = max(0, int(box[1]) - MARGIN), min(whole.height, int(box[1] + box[3]) + MARGIN)
        if bottom <= top or box[0] >= whole.width:
            raise Incomplete("That part is not on the picture.")
        return _png(_only(whole, [box]).crop((0, top, whole.width, bottom)))


def _rows(png: bytes, parts: list[Box]) -> bytes:
    with Image.open(BytesIO(png)) as whole:
        return _png(_only(whole, parts))


def _only(whole: Image.Image, parts: list[Box]) -> Image.Image:
    """All grey but the rows of these parts: next to them stands what is about somebody else."""
    shown = Image.new("RGB", whole.size, GREY)
    for _, y, _, h in parts:
        row = (0, max(0, int(y) - AIR), whole.width, min(whole.height, int(y + h) + AIR))
        if row[3] > row[1]:
            shown.paste(whole.crop(row).convert("RGB"), row[:2])
    return shown


def _png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@router.get("/lookups/{lookup_id}/recordings/{recording_id}", dependencies=PEOPLE)
def ask(request: Request, here: HereNow, lookup_id: str, recording_id: str, at: At = 0) -> Response:
    """Why do you want to see the whole pages?"""
    return _player(request, here, lookup_id, recording_id, at)


@router.post("/lookups/{lookup_id}/recordings/{recording_id}", dependencies=PEOPLE)
def play(
    request: Request,
    here: HereNow,
    lookup_id: str,
    recording_id: str,
    reason: Reason = "",
    at: Annotated[int, Form(ge=0)] = 0,
) -> Response:
    """The player; it asks for the pictures with this reason, which then goes into the log."""
    try:
        recordings.check_reason(reason)
    except Incomplete as no:
        return _player(request, here, lookup_id, recording_id, at, error=no.message)
    return _player(request, here, lookup_id, recording_id, at, reason=reason)


def _player(
    request: Request, here: Here, lookup_id: str, recording_id: str, at: int, *, reason: str = "", error: str = ""
) -> Response:
    with here.reading() as work:
        row = proof.has_moments(work, lookup_id, recording_id)
        what = f"{row.portal.name} · {row.location.name}"
    return page(
        request, "lookup_moments.html", status=422 if error else 200, lookup_id=lookup_id, recording_id=recording_id, what=what,
        at=at, reason=reason, error=error,
    )  # fmt: skip


@router.post(
    "/api/v1/lookups/{lookup_id}/recordings/{recording_id}/messages",
    dependencies=PEOPLE,
    **streams("application/octet-stream", words="records of `u32 length, u32 ms, message`, as of a recording"),
)
def moments(here: HereNow, lookup_id: str, recording_id: str, reason: Reason = "") -> StreamingResponse:
    """The pages this lookup saw, whole, for a reason that goes into the log first; nothing of other lookups."""
    with here.unit() as work:
        recording, kept = proof.open_moments(work, lookup_id, recording_id, reason)
    return StreamingResponse(_records(here, recording, kept), media_type="application/octet-stream")


def _records(here: Here, recording: Recording, kept: list[LookupArtifact]) -> Iterator[bytes]:
    last, said = 0, {"e": "end", "how": "complete", "words": "Only the pages that this lookup read."}
    try:
        with here.reading() as work:
            for ms, message in proof.moments(work, here.portunus.vault, here.portunus.blobs, recording, kept):
                yield RECORD.pack(len(message), ms) + message
                last = ms
    except Unavailable as damaged:
        said = {"e": "end", "how": "damaged", "words": damaged.message}
    end = struct.pack(">BBHII", 3, 0, 0, 0, last) + json.dumps(said).encode()
    yield RECORD.pack(len(end), last) + end
