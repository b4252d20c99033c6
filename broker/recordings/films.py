"""Films of recordings for whoever may take them out: asked for with a reason, made by a worker, kept a day for who asked.

A film is a copy: the evidence is the recording. It has a key of its own, which is destroyed first, then the file, when its
day is over, when its recording is destroyed, or when its making broke off. A legal hold keeps the recording, not its films.
"""

import base64
import importlib.util
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.errors import Conflict, NotFound, Refused, Unavailable
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.ports.blobs import Blobs
from broker.recordings import service as recordings
from broker.recordings.container import Contents, Message, Writer
from broker.recordings.models import Film, Recording
from broker.recordings.reader import Closed, Playback
from broker.vault.service import Vault

NEEDS = "Films are written with PyAV, which is not installed: pip install av"
TASK = "make_film"
KEPT = timedelta(hours=24)
"""How long a film can be saved."""
SILENT = timedelta(minutes=2)
"""A worker that says nothing for so long is taken to be dead."""
TICKET_LIFE = timedelta(seconds=60)
PIECE = 1024 * 1024
BATCH = 50
BROKE_OFF = "The worker that made it stopped in the middle. Ask for it again."
NOT_THERE = "This film is not ready, or its time was over. Go back to the recording's page and look."
SAVE_AGAIN = "This cannot be had so. Go back to the recording's page and save it again."


class FilmState(StrEnum):
    """Where a film is on its way."""

    WAITING = "waiting"
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"


LIVING = (FilmState.WAITING, FilmState.MAKING, FilmState.READY)


class Part(StrEnum):
    """What can be saved."""

    FILM = "film"
    MANIFEST = "manifest"


@dataclass(frozen=True)
class Begun:
    """What the worker needs to make a film."""

    film: Film
    recording: Recording
    closed: Closed | None
    """What the audit log says of the recording's file."""
    recording_key: bytes = field(repr=False)
    film_key: bytes = field(repr=False)


@dataclass(frozen=True)
class Opened:
    """A film or its manifest on its way to who asked for it."""

    name: str
    size: int | None
    """Bytes, where they are known before it is read."""
    pieces: Iterator[bytes]


def possible() -> bool:
    """Whether films can be written here."""
    return importlib.util.find_spec("av") is not None


# --- asking


def ask(work: Unit, vault: Vault, recording_id: str, reason: str) -> Film:
    """Have a film made. Raises `NotFound`, `Refused`, `Incomplete` (no reason), `Unavailable` (no PyAV), `Conflict` (there is one)."""
    film_id, now = new_id("flm"), work.clock.now()
    recording = recordings.export_asked(work, recording_id, reason, film_id)
    if not possible():
        raise Unavailable(NEEDS)
    work.db.refresh(recording, with_for_update=True)  # two askings at once see each other
    before = newest(work, recording_id)
    if before is not None and before.state in LIVING:
        raise Conflict("You have a film of this recording already, or it is being made.", code="film-there")
    _, wrapped = vault.new_key(work, recording.organization_id, "film", film_id)
    row = Film(
        id=film_id,
        organization_id=recording.organization_id,
        recording_id=recording.id,
        asker_id=work.actor.id,
        asker_name=work.actor.name,
        reason=reason.strip(),
        asked_at=now,
        state=FilmState.WAITING,
        beat_at=None,
        words=None,
        until=None,
        blob=f"films/{now:%Y%m}/{film_id}",
        wrapped_key=wrapped,
        digest=None,
    )
    work.db.add(row)
    work.db.flush()
    work.enqueue(TASK, film_id)
    return row


def newest(work: Unit, recording_id: str) -> Film | None:
    """The film of this recording that the actor asked for last."""
    mine = select(Film).where(Film.recording_id == recording_id, Film.asker_id == work.actor.id)
    return work.db.scalars(mine.order_by(Film.id.desc()).limit(1)).one_or_none()


def own(work: Unit, film_id: str) -> Film:
    """A film the actor asked for. Raises `NotFound` otherwise: nobody else has it."""
    row = work.db.get(Film, film_id)
    if row is None or work.actor.kind is not ActorKind.USER or row.asker_id != work.actor.id:
        raise NotFound("There is no such film.")
    return row


# --- making


def asker(work: Unit, film_id: str) -> Actor | None:
    """In whose name it is made; None when there is no such film."""
    row = work.db.get(Film, film_id)
    return Actor(kind=ActorKind.USER, id=row.asker_id, name=row.asker_name) if row is not None else None


def begin(work: Unit, vault: Vault, film_id: str) -> Begun | None:
    """Take it on, as who asked. None when it does not wait, or another is being made: one at a time leaves room for tabs.

    Raises `NotFound`, `Refused`, `Conflict` when the recording cannot be taken out any more.
    """
    going = (FilmState.WAITING, FilmState.MAKING)
    rows = work.db.scalars(
        select(Film).where(Film.state.in_(going)).order_by(Film.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    row = next((one for one in rows if one.id == film_id and one.state == FilmState.WAITING), None)
    if row is None or any(one.state == FilmState.MAKING for one in rows):
        return None
    recording = recordings.exportable(work, row.recording_id)
    row.state, row.beat_at = FilmState.MAKING, work.clock.now()
    return Begun(
        row,
        recording,
        recordings.closed(work, recording),
        vault.open_key(work, recording.organization_id, "recording", recording.id, recording.wrapped_key),
        _key(work, vault, row),
    )


def beat(work: Unit, film_id: str, percent: int) -> None:
    """The worker is at it, and so far. Raises `Conflict` when it was given up meanwhile."""
    row = _making(work, film_id)
    row.beat_at, row.percent = work.clock.now(), max(0, min(percent, 99))


def keep(blobs: Blobs, begun: Begun, film: bytes, manifest: dict[str, Any]) -> None:
    """Seal film and manifest into one file, in pieces that bind each other: the container that recordings have."""
    writer = Writer(begun.film.id, begun.film_key)
    blobs.append(begun.film.blob, writer.header() + writer.chunk([Message(0, written(manifest))]))
    for start in range(0, len(film), PIECE):
        blobs.append(begun.film.blob, writer.chunk([Message(0, film[start : start + PIECE])]))
    blobs.append(begun.film.blob, writer.final())


def written(manifest: dict[str, Any]) -> bytes:
    """The manifest as a file."""
    return (json.dumps(manifest, indent=2) + "\n").encode()


def finish(work: Unit, film_id: str, *, size: int, digest: str) -> None:
    """It is made and kept. Raises `Conflict` when it was given up meanwhile, and as `recordings.service.exported`."""
    row = _making(work, film_id)
    recordings.exported(work, row.recording_id, digest, row.id)
    row.state, row.percent, row.bytes, row.digest = FilmState.READY, 100, size, digest
    row.until = work.clock.now() + KEPT


def fail(work: Unit, blobs: Blobs, film_id: str, words: str) -> None:
    """It cannot be made: said to who asked, and nothing of it stays."""
    row = _locked(work, film_id)
    if row.state in (FilmState.WAITING, FilmState.MAKING):
        _record(work, Act.FILM_FAILED, row, outcome="failed", detail={"film": row.id})
        row.state, row.words = FilmState.FAILED, words[:300]
    if row.state != FilmState.READY:
        _shred(work, blobs, row)


# --- keeping


def sweep(work: Unit, blobs: Blobs) -> None:
    """Give up what no worker makes any more, destroy what was kept long enough, and hint at the one whose turn it is."""
    now = work.clock.now()
    dead = select(Film).where(Film.state == FilmState.MAKING, Film.beat_at < now - SILENT)
    for row in work.db.scalars(dead.limit(BATCH).with_for_update()).all():
        fail(work, blobs, row.id, BROKE_OFF)
    over = select(Film).where(Film.state == FilmState.READY, Film.until <= now)
    for row in work.db.scalars(over.limit(BATCH).with_for_update()).all():
        _destroy(work, blobs, row)
    work.db.flush()
    if work.db.scalar(select(Film.id).where(Film.state == FilmState.MAKING).limit(1)) is None:
        following = work.db.scalar(select(Film.id).where(Film.state == FilmState.WAITING).order_by(Film.id).limit(1))
        if following is not None:
            work.enqueue(TASK, following)


def forget(work: Unit, blobs: Blobs, recording_id: str) -> None:
    """The recording is destroyed: so is every film of it. (One that is being made ends when it finds that out.)"""
    ready = select(Film).where(Film.recording_id == recording_id, Film.state == FilmState.READY)
    for row in work.db.scalars(ready).all():
        _destroy(work, blobs, row)


# --- saving


def ticket(work: Unit, vault: Vault, film_id: str, part: Part) -> str:
    """Fetches the film or its manifest once, within a minute, from an origin without cookies; who saves it is on record.

    Raises `NotFound`, `Refused`, `Conflict`.
    """
    row = own(work, film_id)
    recordings.exportable(work, row.recording_id)
    now = work.clock.now()
    if row.state != FilmState.READY or row.until is None or row.until <= now:
        raise Conflict(NOT_THERE, code="film-not-ready")
    _record(work, Act.FILM_SAVED, row, detail={"film": row.id, "part": part.value, "film_digest": row.digest})
    told = {"part": part.value, "until": (now + TICKET_LIFE).timestamp(), "number": secrets.token_hex(8)}
    sealed = vault.seal(work, row.organization_id, ("film ticket", row.id), json.dumps(told).encode())
    return f"{row.id}.{base64.urlsafe_b64encode(sealed).decode()}"


def is_ticket(token: str) -> bool:
    """Whether this is a film's ticket, and no other file's."""
    return token.startswith("flm_")


def open_ticket(work: Unit, vault: Vault, blobs: Blobs, token: str) -> Opened:
    """What the ticket stands for, once. Raises `Refused` when it is old, used, or no such ticket."""
    film_id, _, sealed = token.partition(".")
    try:
        row = _locked(work, film_id)
        told = json.loads(
            vault.unseal(work, row.organization_id, ("film ticket", row.id), base64.urlsafe_b64decode(sealed))
        )
    except (NotFound, Unavailable, ValueError):
        raise Refused(SAVE_AGAIN) from None
    now = work.clock.now()
    if row.state != FilmState.READY or row.until is None or row.until <= now:
        raise Refused(NOT_THERE)
    if now.timestamp() > told["until"] or told["number"] in row.used:
        raise Refused(SAVE_AGAIN)
    row.used = [*row.used, told["number"]]
    messages = Playback(blobs, row.blob, row.id, _key(work, vault, row))
    name = file_name(work.db.get_one(Recording, row.recording_id))
    if told["part"] == Part.MANIFEST:
        return Opened(f"{name}.manifest.json", None, _pieces(messages, Part.MANIFEST))
    return Opened(name, row.bytes, _pieces(messages, Part.FILM))


def file_name(recording: Recording) -> str:
    """What a film is called: when, and of what; never of whom."""
    return f"recording-{recording.started_at:%Y%m%d-%H%M}-{recording.id[-12:]}.webm"


def _pieces(playback: Playback, part: Part) -> Iterator[bytes]:
    """The first message is the manifest, the others the film. Raises `Unavailable` before a changed file is whole."""
    for number, message in enumerate(playback.messages()):
        if (number == 0) is (part is Part.MANIFEST):
            yield message.data
    if not isinstance(playback.ending, Contents) or not playback.ending.complete:
        raise Unavailable("The stored film was changed or is not whole: ask for another.")


def _destroy(work: Unit, blobs: Blobs, row: Film) -> None:
    detail = {"film": row.id, "film_digest": row.digest, "bytes": row.bytes, "key": "destroyed"}
    _record(work, Act.FILM_DESTROYED, row, detail=detail)
    row.state = FilmState.GONE
    _shred(work, blobs, row)


def _shred(work: Unit, blobs: Blobs, row: Film) -> None:
    row.wrapped_key = b""
    work.db.flush()
    blobs.delete(row.blob)


def _making(work: Unit, film_id: str) -> Film:
    row = _locked(work, film_id)
    if row.state != FilmState.MAKING:
        raise Conflict("It was given up meanwhile.")
    return row


def _locked(work: Unit, film_id: str) -> Film:
    row = work.db.get(Film, film_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such film.")
    return row


def _key(work: Unit, vault: Vault, row: Film) -> bytes:
    return vault.open_key(work, row.organization_id, "film", row.id, row.wrapped_key)


def _record(work: Unit, act: Act, row: Film, *, outcome: str = "ok", detail: dict[str, Any]) -> None:
    recording = work.db.get_one(Recording, row.recording_id)
    audit.record(
        work,
        act,
        "recording",
        recording.id,
        account_id=recording.account_id,
        location_id=recording.location_id,
        outcome=outcome,
        detail=detail,
    )
