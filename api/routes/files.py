"""Files between a portal and the holder: uploads for the tab, and downloads from an origin of their own that has no cookie."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, permits, public
from broker.base.errors import Incomplete
from broker.identity.policy import Permission
from broker.recordings import films
from broker.tabs import files
from broker.tabs import service as tabs

router = APIRouter()
HOLDERS = [permits(Permission.TAB_OPEN)]
TICKET_HOLDERS = [public("a ticket of the holder, good for a minute", foreign=True)]


class FileTicket(BaseModel):
    """`inline`: to look at (PDF and pictures), not to save."""

    model_config = ConfigDict(extra="forbid", strict=True)

    inline: bool = False


@router.post("/api/v1/tabs/{lease_id}/uploads", status_code=201, dependencies=HOLDERS)
async def upload(request: Request, here: HereNow, lease_id: str) -> dict[str, str]:
    """The body is the file, at most 50 MB, its name (percent-encoded) the header `x-file-name`, since addresses are logged.

    The answer's `id` goes to the tab by the stream.
    """
    name = unquote(request.headers.get("x-file-name", ""))[:300] or "file"
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > files.LARGEST:
            raise Incomplete("The file is larger than 50 MB. Choose a smaller one.")

    def keep() -> str:
        with here.unit() as work:
            lease = tabs.uncovered(work, lease_id)
            return files.keep_upload(work, here.portunus.vault, here.portunus.blobs, lease, bytes(data), name)

    return {"id": await run_in_threadpool(keep)}


@router.post("/api/v1/tabs/{lease_id}/files/{file_id}/ticket", dependencies=HOLDERS)
def ticket(here: HereNow, lease_id: str, file_id: str, asked: FileTicket) -> dict[str, Any]:
    """Where to fetch a downloaded file, and with what; to be posted there within a minute."""
    settings = here.portunus.settings
    inline = asked.inline and settings.download_url != settings.public_url
    with here.unit() as work:
        lease = tabs.uncovered(work, lease_id)
        token = files.ticket(work, here.portunus.vault, here.portunus.blobs, lease, file_id, inline=inline)
    return {"url": f"{settings.download_url}/files", "ticket": token, "inline": inline}


@router.post("/files", dependencies=TICKET_HOLDERS)
def fetch(here: HereNow, ticket: Annotated[str, Form(max_length=1000)]) -> Response:
    """The file. Only PDF and pictures are ever shown, and only here, where there is nothing to steal."""
    if films.is_ticket(ticket):
        return _film(here, ticket)
    with here.reading() as work:
        opened = files.open_ticket(work, here.portunus.vault, here.portunus.blobs, ticket)
    way = "inline" if opened.inline else "attachment"
    kind = opened.kind if opened.inline else "application/octet-stream"
    headers = {"Content-Disposition": f'{way}; filename="{opened.name}"', "X-Content-Type-Options": "nosniff"}
    return Response(opened.data, media_type=kind, headers=headers)


def _film(here: Here, ticket: str) -> Response:
    """Piece by piece, as it is unsealed. One that was changed breaks off before its end."""
    with here.unit() as work:
        opened = films.open_ticket(work, here.portunus.vault, here.portunus.blobs, ticket)
    headers = {
        "Content-Disposition": f'attachment; filename="{opened.name}"',
        "X-Content-Type-Options": "nosniff",
    } | ({"Content-Length": str(opened.size)} if opened.size is not None else {})
    return StreamingResponse(opened.pieces, media_type="application/octet-stream", headers=headers)
