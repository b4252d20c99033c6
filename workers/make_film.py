"""Task: somebody asked for a film of a recording. Make it in memory, in the name of who asked, and keep it sealed for a day."""

from broker.base.actor import system
from broker.base.errors import BrokerError
from broker.recordings import films
from broker.recordings.films import Begun
from broker.wiring import Portunus

PERMISSION = "system"
LONGEST_S = 3600
"""Seconds one film may take: at a tenth of a second a picture, a recording of many hours."""
BEAT_S = 5


def look(portunus: Portunus, film_id: str) -> None:
    """Delivered twice it is made once. What goes wrong is told to who asked, and nothing is left of it."""
    with portunus.reading(system("worker")) as work:
        actor = films.asker(work, film_id)
    if actor is None:
        return
    try:
        with portunus.unit(actor) as work:
            begun = films.begin(work, portunus.vault, film_id)
    except BrokerError as no:
        _fail(portunus, film_id, no.message)
        return
    if begun is None:
        return
    wrong = films.BROKE_OFF
    try:
        from workers.films.export import Asked, make  # here: only the process that makes one needs numpy and Pillow

        made = make(
            portunus.blobs,
            begun.recording,
            begun.recording_key,
            begun.closed,
            Asked(begun.film.asker_name, begun.film.asked_at, begun.film.reason),
            films.file_name(begun.recording),
            _Beats(portunus, begun),
        )
        films.keep(portunus.blobs, begun, made.film, made.manifest)
        with portunus.unit(actor) as work:
            films.finish(work, film_id, size=len(made.film), digest=made.digest)
        wrong = ""
    except BrokerError as no:
        wrong = no.message
    finally:  # a bug and a soft time limit too
        if wrong:
            _fail(portunus, film_id, wrong)


def _fail(portunus: Portunus, film_id: str, words: str) -> None:
    with portunus.unit(system("worker")) as work:
        films.fail(work, portunus.blobs, film_id, words)


class _Beats:
    """Says every few seconds that the film is still being made, and how much of it is. Raises `Conflict` when it was given up."""

    def __init__(self, portunus: Portunus, begun: Begun) -> None:
        self._portunus, self._film_id = portunus, begun.film.id
        self._whole_ms = max(begun.recording.duration_ms, 1)
        self._last = portunus.clock.now()

    def __call__(self, ms: int) -> None:
        now = self._portunus.clock.now()
        if (now - self._last).total_seconds() < BEAT_S:
            return
        self._last = now
        with self._portunus.unit(system("worker")) as work:
            films.beat(work, self._film_id, ms * 100 // self._whole_ms)
