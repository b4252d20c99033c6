"""The task that makes a film: in the name of who asked, whole or not at all; also when its worker is killed in the middle."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.base.actor import Actor
from broker.base.clock import SystemClock
from broker.base.db import Base
from broker.base.settings import Settings
from broker.directory.models import Organization
from broker.recordings import films
from broker.recordings.container import Message
from broker.recordings.films import BROKE_OFF, FilmState, Part
from broker.recordings.models import Film
from broker.wiring import Portunus, build
from tests import factories
from tests.conftest import acting
from tests.fakes.clock import ManualClock
from tests.fakes.queue import MemoryQueue
from tests.workers.films.test_export import HEIGHT, HOST, PAGES, WHY, WIDTH, entries, recorded, told
from workers import make_film, sweep
from workers.browser import messages
from workers.films import film

ROOT = Path(__file__).parents[3]
KILLED = """
import os, signal, sys
from broker.recordings import films
from broker.wiring import build
from workers import make_film
from workers.films import film

def dies(*_told, **_more):
    os.kill(os.getpid(), signal.SIGKILL)

def dies_at_the_third(picture, mark):
    seen.append(picture)
    return dies() if len(seen) == 3 else drawn(picture, mark)

seen, drawn = [], film._marked
if sys.argv[2] == "while it is drawn":
    film._marked = dies_at_the_third
else:
    films.finish = dies
make_film.look(build(), sys.argv[1])
"""


def audrey(portunus: Portunus) -> Actor:
    """Who governs recordings."""
    with portunus.unit(HOST) as work:
        org = work.db.scalars(select(Organization)).one()
        return acting(factories.user(work, org, "Audrey Auditor", role="compliance"))


def asked(portunus: Portunus, who: Actor, recording_id: str) -> str:
    with portunus.unit(who) as work:
        return films.ask(work, portunus.vault, recording_id, WHY).id


def row(portunus: Portunus, film_id: str) -> Film:
    with portunus.reading(HOST) as work:
        return work.db.get_one(Film, film_id)


def saved(portunus: Portunus, who: Actor, film_id: str, part: Part) -> bytes:
    with portunus.unit(who) as work:
        ticket = films.ticket(work, portunus.vault, film_id, part)
    with portunus.unit(HOST) as work:
        opened = films.open_ticket(work, portunus.vault, portunus.blobs, ticket)
    return b"".join(opened.pieces)


def with_mark(wanted: Any, words: str) -> Any:
    """A page as a film shows it."""
    mark = film._mark(WIDTH, HEIGHT, words)
    return film._marked(wanted, mark)


def test_the_film_shows_each_picture_at_its_time_and_in_each_who_exported_it_and_when(portunus: Portunus) -> None:
    recording_id = recorded(portunus, told())
    who = audrey(portunus)
    film_id = asked(portunus, who, recording_id)
    portunus.clock.advance(minutes=7)
    make_film.look(portunus, film_id)
    data = saved(portunus, who, film_id, Part.FILM)
    manifest = json.loads(saved(portunus, who, film_id, Part.MANIFEST))
    words = f"Audrey Auditor · 2026-11-20 15:00 UTC · {recording_id[-12:]}"
    assert manifest["film"]["watermark"] == words
    assert manifest["exported"]["reason"] == WHY
    (made,) = entries(portunus, Act.RECORDING_EXPORTED)
    digest = hashlib.sha256(data).hexdigest()
    assert made["detail"]["film_digest"] == manifest["film"]["sha256"] == row(portunus, film_id).digest == digest
    assert (made["actor"]["id"], made["detail"]["film"]) == (who.id, film_id)
    with av.open(io.BytesIO(data)) as shown:
        assert shown.format.name == "matroska,webm"
        frames = [(round(float(one.time) * 1000), one.to_ndarray(format="rgb24")) for one in shown.decode(video=0)]
    assert [ms for ms, _ in frames] == [0, 1000, 4000, 5000]
    for (_, frame), wanted in zip(frames, [*PAGES, PAGES[2]], strict=True):
        others = words.replace("Audrey Auditor", "Olga Officer")
        far, from_others = (
            np.abs(frame.astype(int) - with_mark(wanted, one).astype(int)).mean() for one in (words, others)
        )
        assert far < 6
        assert far < from_others * 0.8


def test_delivered_twice_it_is_made_once(portunus: Portunus) -> None:
    recording_id = recorded(portunus, told())
    film_id = asked(portunus, audrey(portunus), recording_id)
    make_film.look(portunus, film_id)
    make_film.look(portunus, film_id)
    make_film.look(portunus, "flm_unknown")
    assert len(entries(portunus, Act.RECORDING_EXPORTED)) == 1


def test_how_far_it_is_is_told_while_it_is_made(portunus: Portunus, monkeypatch: pytest.MonkeyPatch) -> None:
    recording_id = recorded(portunus, told())
    film_id = asked(portunus, audrey(portunus), recording_id)
    drawn, seen = film._marked, []

    def slowly(picture: Any, mark: Any) -> Any:
        portunus.clock.advance(seconds=6)
        seen.append(row(portunus, film_id).percent)
        return drawn(picture, mark)

    monkeypatch.setattr(film, "_marked", slowly)
    make_film.look(portunus, film_id)
    assert seen == [0, 12, 99, 99]
    assert row(portunus, film_id).percent == 100


def test_a_recording_without_a_picture_says_so(portunus: Portunus) -> None:
    recording_id = recorded(portunus, [Message(0, messages.event(0, 1, 0, {"e": "click", "x": 1, "y": 2}))])
    film_id = asked(portunus, audrey(portunus), recording_id)
    make_film.look(portunus, film_id)
    found = row(portunus, film_id)
    assert (found.state, found.words) == (FilmState.FAILED, "This recording has no picture: nothing was shown.")


def test_a_worker_without_pyav_says_what_to_install(portunus: Portunus, monkeypatch: pytest.MonkeyPatch) -> None:
    recording_id = recorded(portunus, told())
    film_id = asked(portunus, audrey(portunus), recording_id)
    monkeypatch.setitem(sys.modules, "av", None)
    make_film.look(portunus, film_id)
    assert row(portunus, film_id).words == films.NEEDS


def test_a_recording_that_was_destroyed_meanwhile_says_so(portunus: Portunus) -> None:
    recording_id = recorded(portunus, told())
    film_id = asked(portunus, audrey(portunus), recording_id)
    portunus.clock.advance(days=portunus.settings.retention_recordings_d + 1)
    sweep.run(portunus)
    make_film.look(portunus, film_id)
    found = row(portunus, film_id)
    assert found.state == FilmState.FAILED
    assert "destroyed" in (found.words or "")


def test_a_bug_in_the_middle_leaves_no_half_film_and_is_told(
    portunus: Portunus, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording_id = recorded(portunus, told())
    film_id = asked(portunus, audrey(portunus), recording_id)
    written: Callable[..., None] = films.keep

    def keeps_half(*told: Any) -> None:
        written(*told)
        raise OSError("disk full")

    monkeypatch.setattr(films, "keep", keeps_half)
    with pytest.raises(OSError, match="disk full"):
        make_film.look(portunus, film_id)
    found = row(portunus, film_id)
    assert (found.state, found.words, found.wrapped_key) == (FilmState.FAILED, BROKE_OFF, b"")
    assert found.blob not in portunus.blobs.kept


@pytest.mark.parametrize("where", ["while it is drawn", "when it is kept"])
def test_a_worker_that_is_killed_leaves_no_half_film_and_it_can_be_asked_for_again(tmp_path: Path, where: str) -> None:
    var = tmp_path / "var"
    var.mkdir()
    portunus = replace(build(Settings(data_dir=var)), queue=MemoryQueue())
    Base.metadata.create_all(portunus.engine)
    recording_id = recorded(portunus, told())
    who = audrey(portunus)
    film_id = asked(portunus, who, recording_id)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, film_id, where],
        cwd=ROOT,
        env={**os.environ, "PORTUNUS_DATA_DIR": str(var), "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert row(portunus, film_id).state == FilmState.MAKING
    assert bool(list(portunus.blobs.names("films/"))) is (where == "when it is kept")
    later = replace(portunus, clock=ManualClock(SystemClock().now() + timedelta(minutes=3)))
    sweep.run(later)
    assert (row(portunus, film_id).state, row(portunus, film_id).words) == (FilmState.FAILED, BROKE_OFF)
    assert list(portunus.blobs.names("films/")) == []
    again = asked(portunus, who, recording_id)
    make_film.look(portunus, again)
    assert row(portunus, again).state == FilmState.READY
    portunus.engine.dispose()
