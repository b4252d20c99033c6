"""Films of recordings: asked for with a reason by who may take recordings out, made by a worker, saved for a day by who asked."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from api.access import HereNow, permits
from api.pages import page
from broker.base.errors import Conflict, Incomplete
from broker.base.unit import Unit
from broker.identity.policy import Permission
from broker.recordings import films
from broker.recordings import service as recordings
from broker.recordings.films import FilmState, Part
from broker.recordings.models import Film

router = APIRouter()
GOVERNORS = [permits(Permission.RECORDING_GOVERN)]
WATCHERS = [permits(Permission.RECORDING_GOVERN, watching=True)]
Reason = Annotated[str, Form(max_length=300)]
WORDS = {
    FilmState.WAITING: "Waiting for its turn.",
    FilmState.MAKING: "It is being made: {percent} %.",
    FilmState.READY: "Ready until {until:%Y-%m-%d %H:%M} UTC.",
    FilmState.FAILED: "It could not be made: {words}",
    FilmState.GONE: "The film of before is destroyed: its time was over.",
}


class NewFilm(BaseModel):
    """Why the recording leaves the house."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(max_length=300)


class FilmTicket(BaseModel):
    """Which part is to be saved: `film` or `manifest`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    part: str = "film"


@router.post("/api/v1/recordings/{recording_id}/films", status_code=202, dependencies=GOVERNORS)
def ask(here: HereNow, recording_id: str, asked: NewFilm) -> dict[str, Any]:
    """Have a film made; its state is asked for by its id."""
    with here.unit() as work:
        return as_data(films.ask(work, here.portunus.vault, recording_id, asked.reason))


@router.get("/api/v1/films/{film_id}", dependencies=WATCHERS)
def state(here: HereNow, film_id: str) -> dict[str, Any]:
    """How far it is, or why it could not be made."""
    with here.reading() as work:
        return as_data(films.own(work, film_id))


@router.post("/api/v1/films/{film_id}/ticket", dependencies=GOVERNORS)
def ticket(here: HereNow, film_id: str, asked: FilmTicket) -> dict[str, str]:
    """Where to fetch it, and with what; to be posted there once within a minute."""
    if asked.part not in tuple(Part):
        raise Incomplete("Choose what to save: film or manifest.")
    with here.unit() as work:
        token = films.ticket(work, here.portunus.vault, film_id, Part(asked.part))
    return {"url": f"{here.portunus.settings.download_url}/files", "ticket": token}


@router.post("/recordings/{recording_id}/film", dependencies=GOVERNORS)
def ask_form(here: HereNow, recording_id: str, reason: Reason = "") -> Response:
    """The same from the recording's page. A second click finds the film of the first."""
    try:
        with here.unit() as work:
            films.ask(work, here.portunus.vault, recording_id, reason)
    except Conflict as there:
        if there.code != "film-there":
            raise
    return RedirectResponse(f"/recordings/{recording_id}#film", 303)


@router.get("/recordings/{recording_id}/film", dependencies=WATCHERS)
def part(request: Request, here: HereNow, recording_id: str) -> Response:
    """The page's part about its film alone, for the page that watches it."""
    with here.reading() as work:
        row = recordings.visible(work, recording_id)
        shown = of_recording(work, row.id)
    return page(request, "_film.html", row=row, film=shown)


def of_recording(work: Unit, recording_id: str) -> dict[str, Any]:
    """For the recording's page: what to install first, the actor's newest film, whether another may be asked for."""
    row = films.newest(work, recording_id)
    return {
        "needs": "" if films.possible() else films.NEEDS,
        "newest": as_data(row) if row else None,
        "offered": row is None or row.state not in films.LIVING,
    }


def as_data(row: Film) -> dict[str, Any]:
    """A film as who asked for it sees it."""
    return {
        "id": row.id,
        "recording_id": row.recording_id,
        "state": row.state,
        "words": WORDS[FilmState(row.state)].format(percent=row.percent, until=row.until, words=row.words),
        "percent": row.percent,
        "asked_at": row.asked_at.isoformat(),
        "ready_until": row.until.isoformat() if row.until else None,
        "bytes": row.bytes,
        "sha256": row.digest,
    }
