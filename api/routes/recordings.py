"""Recordings: a list, and playback for a reason that is written down before the first byte leaves."""

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from api.access import Here, HereNow, signed_in
from api.code_ways import in_words
from api.days import day
from api.pages import page
from api.routes.recordings_films import of_recording
from broker.base.errors import Incomplete, Refused
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.directory.models import Location, PortalAccount
from broker.identity.policy import Permission
from broker.recordings import finding, words
from broker.recordings import service as recordings
from broker.recordings.attestation import Attestation
from broker.recordings.container import Contents
from broker.recordings.finding import Wanted
from broker.recordings.models import Recording
from broker.recordings.reader import Playback

router = APIRouter()
VIEWERS = [signed_in("one's own recordings, or others' by right: the service decides")]
PAGE = 50
RECORD = struct.Struct(">II")
BATCH = 256 * 1024
Reason = Annotated[str, Form(max_length=300)]
Text = Annotated[str, Query(max_length=100)]
Filled = Annotated[str, Form(max_length=100)]
SEARCHED = 200


class Search(BaseModel):
    """What recordings are looked for by. All of the words must have come up."""

    model_config = ConfigDict(extra="forbid")

    words: str = Field(max_length=200, description="member id, claim number or page, up to six words")
    person: str = Field("", max_length=100)
    portal: str = Field("", max_length=100)
    location: str = Field("", max_length=100)
    since: str = Field("", max_length=100)
    until: str = Field("", max_length=100)
    limit: int = Field(PAGE, ge=1, le=SEARCHED)


@router.get("/recordings", dependencies=VIEWERS)
def listing(
    request: Request,
    here: HereNow,
    person: Text = "",
    portal: Text = "",
    location: Text = "",
    since: Text = "",
    until: Text = "",
    before: Text = "",
) -> Response:
    """Newest first, 50 a page."""
    chosen = {"person": person, "portal": portal, "location": location, "since": since, "until": until}
    _check(here)
    error = ""
    try:
        wanted, last = _wanted(**chosen), _cursor(before)
    except Incomplete as no:
        wanted, last, error = Wanted(), None, no.message
    rows = _rows(here, wanted, last, PAGE)
    with here.reading() as work:
        offered = finding.choices(work)
    following = _next(rows, PAGE)
    return page(
        request,
        "recordings.html",
        status=422 if error else 200,
        rows=rows,
        chosen=chosen,
        offered=offered,
        following=following,
        error=error,
    )


@router.post("/recordings/search", dependencies=VIEWERS)
def search(
    request: Request,
    here: HereNow,
    words: Annotated[str, Form(max_length=200)] = "",
    person: Filled = "",
    portal: Filled = "",
    location: Filled = "",
    since: Filled = "",
    until: Filled = "",
) -> Response:
    """Those in which a member, a claim or a page came up. By POST: what is looked for stands in no address and no log."""
    chosen = {"person": person, "portal": portal, "location": location, "since": since, "until": until}
    _check(here)
    rows, error = [], ""
    try:
        rows = _searched(here, words, _wanted(**chosen), SEARCHED)
    except Incomplete as no:
        error = no.message
    with here.reading() as work:
        offered = finding.choices(work)
    return page(
        request,
        "recordings.html",
        status=422 if error else 200,
        rows=rows,
        chosen=chosen,
        offered=offered,
        following=None,
        error=error,
        words=words,
    )


@router.post("/api/v1/recordings/search", dependencies=VIEWERS)
def search_data(here: HereNow, asked: Search) -> dict[str, Any]:
    """The newest of them as data; `at_ms` is when all of the words had come up."""
    _check(here)
    wanted = _wanted(asked.person, asked.portal, asked.location, asked.since, asked.until)
    return {"data": _searched(here, asked.words, wanted, asked.limit)}


@router.get("/recordings/{recording_id}", dependencies=VIEWERS)
def ask(request: Request, here: HereNow, recording_id: str, at: int = 0) -> Response:
    """Why do you want to see it?"""
    _check(here)
    governs = Permission.RECORDING_GOVERN in here.held
    with here.reading() as work:
        row, what = _asked_for(work, recording_id)
        film = of_recording(work, row.id) if governs else None
    shown: dict[str, Any] = {"row": row, "what": what, "at": max(at, 0), "governs": governs, "film": film}
    return page(request, "recording.html", playing=False, error="", **shown)


@router.post("/recordings/{recording_id}", dependencies=VIEWERS)
def play(
    request: Request, here: HereNow, recording_id: str, reason: Reason = "", at: Annotated[int, Form(ge=0)] = 0
) -> Response:
    """The player; it asks for the messages with this reason, which then goes into the log."""
    _check(here)
    with here.reading() as work:
        row, what = _asked_for(work, recording_id)
        opened_by = [_code(one) for one in codes.codes_of_recording(work, row.id)]
    shown: dict[str, Any] = {"row": row, "what": what, "at": at, "governs": False, "codes": opened_by, "film": None}
    try:
        recordings.check_reason(reason)
    except Incomplete as no:
        return page(request, "recording.html", status=422, playing=False, error=no.message, **shown)
    return page(request, "recording.html", playing=True, error="", reason=reason, **shown)


@router.post("/api/v1/recordings/{recording_id}/messages", dependencies=VIEWERS)
def messages(
    here: HereNow, recording_id: str, reason: Reason = "", after: Annotated[int, Form(ge=0)] = 0
) -> StreamingResponse:
    """Records of `u32 length, u32 ms, message` in the stream's own bytes; the last is an event that says how it ends.

    `after`: so many of its messages are there already, of one that was still running then.
    """
    _check(here)
    with here.unit() as work:
        row, key = recordings.open_for_view(work, here.portunus.vault, recording_id, reason)
        playback = Playback(here.portunus.blobs, row.blob, row.id, key, recordings.closed(work, row))
        running = recordings.running(work, row)
    return StreamingResponse(_records(playback, after, running=running), media_type="application/octet-stream")


@router.get("/api/v1/recordings", dependencies=VIEWERS)
def data(
    here: HereNow,
    person: Text = "",
    portal: Text = "",
    location: Text = "",
    since: Text = "",
    until: Text = "",
    before: Text = "",
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
) -> dict[str, Any]:
    """The list as data; `next_before` leads to the next page."""
    _check(here)
    rows = _rows(here, _wanted(person, portal, location, since, until), _cursor(before), limit)
    return {"data": rows, "next_before": _next(rows, limit)}


def _asked_for(work: Unit, recording_id: str) -> tuple[Recording, str]:
    """The recording, and of which portal and place it is. Raises `NotFound`."""
    row = recordings.visible(work, recording_id)
    account, place = work.db.get(PortalAccount, row.account_id), work.db.get(Location, row.location_id)
    return row, " · ".join(one.name for one in (account.portal if account else None, place) if one)


def _code(row: CodeRequest) -> dict[str, Any]:
    """A code on the timeline, before its beginning: recordings begin once the portal is signed in."""
    typed = f", typed at {row.typed_at:%H:%M:%S} UTC" if row.typed_at else ""
    words = f"{in_words(row.channel)}: code {row.state.replace('_', ' ')}{typed}"
    return {"id": row.id, "words": words, "ms": row.recording_offset_ms or 0}


def _check(here: Here) -> None:
    if not here.held & {Permission.RECORDING_VIEW_OWN, Permission.RECORDING_VIEW_ALL}:
        raise Refused("Your roles do not let you view recordings.")


def _wanted(person: str, portal: str, location: str, since: str, until: str) -> Wanted:
    """Raises `Incomplete` for a day that is none."""
    first, last = day(since), day(until)
    return Wanted(person, portal, location, first, last + timedelta(days=1) if last else None)


def _cursor(before: str) -> tuple[datetime, str] | None:
    """Start and id of the last recording of the page before. Raises `Incomplete`."""
    at, _, recording_id = before.partition("_")
    try:
        return (datetime.fromisoformat(at).astimezone(UTC), recording_id) if before else None
    except ValueError as wrong:
        raise Incomplete("Ask again from the first page.") from wrong


def _next(rows: list[dict[str, Any]], limit: int) -> str | None:
    return f"{rows[-1]['started_at'].replace('+00:00', 'Z')}_{rows[-1]['id']}" if len(rows) == limit else None


def _rows(here: Here, wanted: Wanted, before: tuple[datetime, str] | None, limit: int) -> list[dict[str, Any]]:
    with here.reading() as work:
        return [_shown(*one) for one in finding.found(work, wanted, before=before, limit=limit)]


def _searched(here: Here, text: str, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """Raises `Incomplete` for words that cannot be looked for."""
    if here.login is None:
        raise Refused("Sign in as a person to look through recordings.")
    organization_id = here.login.user.organization_id
    with here.unit() as work:
        digests = words.asked(work, here.portunus.vault, organization_id, text)
        rows = finding.found(work, replace(wanted, words=digests), limit=limit)
        moments = words.moments(work, digests, [row.id for row, _, _ in rows])
        words.searched(work, organization_id, len(rows))
        return [{**_shown(*one), "at_ms": moments.get(one[0].id, 0)} for one in rows]


def _shown(row: Recording, portal: str, location: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "portal": portal,
        "location": location,
        "person": row.holder_name,
        "started_at": row.started_at.isoformat(),
        "duration_s": row.duration_ms // 1000,
        "state": row.end_state or "running",
        "digest": row.digest,
    }


def _records(playback: Playback, after: int, *, running: bool) -> Iterator[bytes]:
    """Batched: a piece of the answer per quarter megabyte, not per key press."""
    batch, last, found = bytearray(), 0, Attestation()
    for number, message in enumerate(playback.messages()):
        found.note(message)
        if number < after:
            continue
        batch += RECORD.pack(len(message.data), message.ms) + message.data
        last = message.ms
        if len(batch) >= BATCH:
            yield bytes(batch)
            batch.clear()
    end = _ending(playback, last, found, running=running)
    yield bytes(batch) + RECORD.pack(len(end), last) + end


def _ending(playback: Playback, ms: int, found: Attestation, *, running: bool) -> bytes:
    ending = playback.ending
    if not isinstance(ending, Contents):
        said = {"e": "end", "how": "damaged", "words": f"The file was changed after it was written: {ending}."}
    elif ending.complete:
        said = {"e": "end", "how": "complete", "words": f"{found.words()} {_by_the_log(playback)}".strip()}
    elif running:
        said = {
            "e": "end",
            "how": "running",
            "words": f"It is still running: this is what came so far. {found.words()}",
        }
    else:
        words = f"It ends here, with the last whole part: the browser host stopped. {found.words()} {_by_the_log(playback)}".strip()
        said = {"e": "end", "how": "cut", "words": words}
    return struct.pack(">BBHII", 3, 0, 0, 0, ms) + json.dumps(said).encode()


def _by_the_log(playback: Playback) -> str:
    return "It is the file that the audit log names." if playback.closed else ""
