"""A film of a recording: who has one made and saves it, for how long; what is left of one that is over or broke off."""

import json

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, NotFound, Refused, Unavailable
from broker.identity.models import Grant
from broker.recordings import films, retention, service
from broker.recordings.films import BROKE_OFF, KEPT, FilmState, Part
from broker.recordings.models import Film
from broker.recordings.service import Subject
from tests import factories
from tests.broker.recordings.test_retention import closed, expire  # noqa: F401 - a fixture
from tests.broker.recordings.test_service import HOST, acts, begun  # noqa: F401 - a fixture
from tests.conftest import acting

BOTH_DATABASES = True

WHY = "Asked for by the carrier's auditor"
FILM, MANIFEST = b"\x1aE\xdf\xa3 a film " * 200_000, {"format": "a film's manifest"}


class Cinema:
    """A finished recording of Maria's, and Audrey, who governs recordings."""

    def __init__(self, portunus, recording_id: str, people: dict) -> None:
        self.portunus, self.recording_id, self.people = portunus, recording_id, people
        self.audrey = acting(people["audrey"])

    def ask(self, who=None, recording_id=None, reason=WHY) -> str:
        with self.portunus.unit(acting(self.people[who]) if who else self.audrey) as work:
            return films.ask(work, self.portunus.vault, recording_id or self.recording_id, reason).id

    def begin(self, film_id: str):
        with self.portunus.unit(self.audrey) as work:
            return films.begin(work, self.portunus.vault, film_id)

    def finish(self, film_id: str) -> None:
        with self.portunus.unit(self.audrey) as work:
            films.finish(work, film_id, size=len(FILM), digest="f" * 64)

    def make(self, film_id: str) -> None:
        films.keep(self.portunus.blobs, self.begin(film_id), FILM, MANIFEST)
        self.finish(film_id)

    def ready(self) -> str:
        film_id = self.ask()
        self.make(film_id)
        return film_id

    def sweep(self) -> list[tuple[str, str]]:
        """What it hinted at."""
        before = len(self.portunus.queue.sent)
        with self.portunus.unit(HOST) as work:
            films.sweep(work, self.portunus.blobs)
        return self.portunus.queue.sent[before:]

    def ticket(self, film_id: str, part: Part = Part.FILM, who: str = "audrey") -> str:
        with self.portunus.unit(acting(self.people[who])) as work:
            return films.ticket(work, self.portunus.vault, film_id, part)

    def fetch(self, ticket: str) -> tuple[str, bytes]:
        with self.portunus.unit(HOST) as work:
            opened = films.open_ticket(work, self.portunus.vault, self.portunus.blobs, ticket)
        data = b"".join(opened.pieces)
        assert opened.size in (None, len(data))
        return opened.name, data

    def row(self, film_id: str) -> Film:
        with self.portunus.reading(HOST) as work:
            return work.db.get_one(Film, film_id)

    def nothing_is_left(self, film_id: str) -> bool:
        row = self.row(film_id)
        return row.wrapped_key == b"" and row.blob not in self.portunus.blobs.kept


@pytest.fixture
def cinema(portunus, closed) -> Cinema:  # noqa: F811
    recording_id, _, people = closed
    return Cinema(portunus, recording_id, people)


def another(cinema) -> str:
    """A second recording at the same place."""
    with cinema.portunus.unit(HOST) as work:
        first = work.db.get_one(service.Recording, cinema.recording_id)
        subject = Subject(
            first.organization_id, "lea_2", "ses_2", first.account_id, first.location_id,
            first.holder_kind, first.holder_id, first.holder_name,
        )  # fmt: skip
        return service.start(work, cinema.portunus.vault, subject)[0].id


# --- asking


def test_it_is_asked_for_with_a_reason_and_the_worker_is_told_an_id_and_nothing_else(cinema):
    film_id = cinema.ask()
    assert cinema.portunus.queue.sent == [("make_film", film_id)]
    (entry,) = acts(cinema.portunus, Act.RECORDING_EXPORT_ASKED)
    assert (entry["reason"], entry["detail"], entry["actor"]["id"]) == (WHY, {"film": film_id}, cinema.audrey.id)
    assert cinema.row(film_id).state == FilmState.WAITING


@pytest.mark.parametrize(("who", "refusal"), [("maria", Refused), ("dan", NotFound)])
def test_only_who_governs_recordings_has_one_made(cinema, who, refusal):
    with pytest.raises(refusal):
        cinema.ask(who)
    assert cinema.portunus.queue.sent == []
    assert acts(cinema.portunus, Act.RECORDING_EXPORT_ASKED) == []


@pytest.mark.parametrize("reason", ["", "    ", " ab "])
def test_none_without_a_reason(cinema, reason):
    with pytest.raises(Incomplete):
        cinema.ask(reason=reason)


def test_a_recording_that_was_destroyed_is_not_exported_and_that_is_said(cinema, clock):
    clock.advance(days=366)
    assert expire(cinema.portunus) == 1
    with pytest.raises(Conflict, match="destroyed"):
        cinema.ask()


def test_where_pyav_is_missing_it_says_what_to_install(cinema, monkeypatch):
    monkeypatch.setattr(films.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="pip install av"):
        cinema.ask()
    assert acts(cinema.portunus, Act.RECORDING_EXPORT_ASKED) == []


def test_asked_twice_it_is_one_until_that_is_over(cinema, clock):
    first = cinema.ask()
    with pytest.raises(Conflict) as twice:
        cinema.ask()
    assert twice.value.code == "film-there"
    cinema.make(first)
    with pytest.raises(Conflict):
        cinema.ask()
    clock.advance(hours=24)
    cinema.sweep()
    assert cinema.ask() != first


def test_a_colleague_has_a_film_of_her_own(cinema):
    first = cinema.ask()
    with cinema.portunus.unit(HOST) as work:
        org = work.db.get_one(factories.Organization, cinema.row(first).organization_id)
        cinema.people["olga"] = factories.user(work, org, "Olga Officer", role="compliance")
    assert cinema.ask("olga") != first


# --- making


def test_it_is_taken_on_once_and_one_at_a_time(cinema):
    first, second = cinema.ask(), cinema.ask(recording_id=another(cinema))
    assert cinema.begin(first) is not None
    assert cinema.begin(first) is None
    assert cinema.begin(second) is None
    assert cinema.sweep() == []
    cinema.finish(first)
    assert cinema.sweep() == [("make_film", second)]
    assert cinema.begin(second) is not None


def test_a_hint_that_was_lost_is_given_again(cinema):
    film_id = cinema.ask()
    assert cinema.sweep() == [("make_film", film_id)]


def test_a_right_that_was_taken_back_makes_no_film(cinema):
    film_id = cinema.ask()
    with cinema.portunus.unit(HOST) as work:
        work.db.scalars(select(Grant).where(Grant.user_id == cinema.audrey.id)).one().revoked_at = work.clock.now()
    with pytest.raises(NotFound):
        cinema.begin(film_id)


def test_a_recording_that_is_destroyed_while_its_film_is_made_has_none(cinema, clock):
    film_id = cinema.ask()
    films.keep(cinema.portunus.blobs, cinema.begin(film_id), FILM, MANIFEST)
    clock.advance(days=366)
    assert expire(cinema.portunus) == 1
    with pytest.raises(Conflict, match="destroyed"):
        cinema.finish(film_id)
    assert acts(cinema.portunus, Act.RECORDING_EXPORTED) == []


def test_a_worker_that_died_is_found_out_and_nothing_of_it_is_left(cinema, clock):
    film_id = cinema.ask()
    films.keep(cinema.portunus.blobs, cinema.begin(film_id), FILM, MANIFEST)
    clock.advance(seconds=119)
    cinema.sweep()
    assert cinema.row(film_id).state == FilmState.MAKING
    clock.advance(seconds=2)
    cinema.sweep()
    assert (cinema.row(film_id).state, cinema.row(film_id).words) == (FilmState.FAILED, BROKE_OFF)
    assert cinema.nothing_is_left(film_id)
    (entry,) = acts(cinema.portunus, Act.FILM_FAILED)
    assert (entry["outcome"], entry["detail"]) == ("failed", {"film": film_id})
    with pytest.raises(Conflict):
        cinema.finish(film_id)
    assert cinema.ask() != film_id


def test_one_that_beats_is_left_alone_and_tells_how_far_it_is(cinema, clock):
    film_id = cinema.ask()
    cinema.begin(film_id)
    for percent in (30, 60, 100):
        clock.advance(seconds=119)
        with cinema.portunus.unit(HOST) as work:
            films.beat(work, film_id, percent)
        cinema.sweep()
    assert (cinema.row(film_id).state, cinema.row(film_id).percent) == (FilmState.MAKING, 99)


def test_what_cannot_be_made_says_why_and_can_be_asked_for_again(cinema):
    film_id = cinema.ask()
    cinema.begin(film_id)
    with cinema.portunus.unit(HOST) as work:
        films.fail(work, cinema.portunus.blobs, film_id, "This recording has no picture: nothing was shown.")
    assert cinema.row(film_id).words == "This recording has no picture: nothing was shown."
    assert cinema.nothing_is_left(film_id)
    with cinema.portunus.unit(HOST) as work, pytest.raises(Conflict):
        films.beat(work, film_id, 50)
    assert cinema.ask() != film_id


def test_a_film_that_is_ready_does_not_fail_any_more(cinema):
    film_id = cinema.ready()
    with cinema.portunus.unit(HOST) as work:
        films.fail(work, cinema.portunus.blobs, film_id, BROKE_OFF)
    assert cinema.fetch(cinema.ticket(film_id))[1] == FILM


# --- keeping and saving


def test_it_is_kept_sealed_for_a_day_and_is_on_record(cinema, clock):
    film_id = cinema.ready()
    row = cinema.row(film_id)
    assert (row.state, row.until) == (FilmState.READY, clock.now() + KEPT)
    stored = bytes(cinema.portunus.blobs.kept[row.blob])
    assert len(stored) > len(FILM)
    assert FILM[:60] not in stored
    assert b"manifest" not in stored
    (entry,) = acts(cinema.portunus, Act.RECORDING_EXPORTED)
    assert (entry["detail"]["film"], entry["detail"]["film_digest"]) == (film_id, "f" * 64)
    assert entry["actor"]["id"] == cinema.audrey.id


def test_who_asked_saves_film_and_manifest_and_each_time_is_on_record(cinema):
    film_id = cinema.ready()
    name, data = cinema.fetch(cinema.ticket(film_id))
    assert data == FILM
    assert name == f"recording-20261120-1500-{cinema.recording_id[-12:]}.webm"
    beside, manifest = cinema.fetch(cinema.ticket(film_id, Part.MANIFEST))
    assert (beside, json.loads(manifest)) == (f"{name}.manifest.json", MANIFEST)
    cinema.fetch(cinema.ticket(film_id))
    saved = acts(cinema.portunus, Act.FILM_SAVED)
    assert [one["detail"]["part"] for one in saved] == ["film", "manifest", "film"]
    assert {one["detail"]["film_digest"] for one in saved} == {"f" * 64}


def test_a_ticket_is_good_once_and_for_a_minute(cinema, clock):
    film_id = cinema.ready()
    once, late = cinema.ticket(film_id), cinema.ticket(film_id)
    cinema.fetch(once)
    with pytest.raises(Refused):
        cinema.fetch(once)
    clock.advance(seconds=61)
    with pytest.raises(Refused):
        cinema.fetch(late)


@pytest.mark.parametrize("made_up", ["flm_unknown.AAAA", "flm_", "{id}.AAAA", "{id}.not base64 at all", "{id}"])
def test_a_ticket_that_is_none_opens_nothing(cinema, made_up):
    film_id = cinema.ready()
    with pytest.raises(Refused):
        cinema.fetch(made_up.format(id=film_id))


def test_a_ticket_of_one_film_opens_no_other(cinema):
    first = cinema.ready()
    second = cinema.ask(recording_id=another(cinema))
    cinema.make(second)
    with pytest.raises(Refused):
        cinema.fetch(cinema.ticket(first).replace(first, second))


@pytest.mark.parametrize("who", ["maria", "dan", "olga"])
def test_nobody_else_saves_it(cinema, who):
    film_id = cinema.ready()
    with cinema.portunus.unit(HOST) as work:
        org = work.db.get_one(factories.Organization, cinema.row(film_id).organization_id)
        cinema.people["olga"] = factories.user(work, org, "Olga Officer", role="compliance")
    with pytest.raises(NotFound):
        cinema.ticket(film_id, who=who)
    with cinema.portunus.reading(acting(cinema.people[who])) as work:
        assert films.newest(work, cinema.recording_id) is None
    assert acts(cinema.portunus, Act.FILM_SAVED) == []


def test_a_film_that_is_not_ready_cannot_be_saved(cinema):
    film_id = cinema.ask()
    with pytest.raises(Conflict):
        cinema.ticket(film_id)


def test_after_a_day_it_is_gone_for_good(cinema, clock):
    film_id = cinema.ready()
    clock.advance(hours=23, minutes=59, seconds=30)
    cinema.sweep()
    taken = cinema.ticket(film_id)
    clock.advance(seconds=30)
    with pytest.raises(Refused):
        cinema.fetch(taken)
    with pytest.raises(Conflict):
        cinema.ticket(film_id)
    cinema.sweep()
    assert cinema.row(film_id).state == FilmState.GONE
    assert cinema.nothing_is_left(film_id)
    (entry,) = acts(cinema.portunus, Act.FILM_DESTROYED)
    assert (entry["detail"]["film_digest"], entry["detail"]["key"]) == ("f" * 64, "destroyed")
    cinema.sweep()
    assert len(acts(cinema.portunus, Act.FILM_DESTROYED)) == 1


def test_a_recording_takes_its_films_with_it(cinema, clock):
    clock.advance(days=364, hours=12)
    film_id = cinema.ready()
    clock.advance(hours=13)
    assert cinema.row(film_id).until > clock.now()
    assert expire(cinema.portunus) == 1
    assert cinema.nothing_is_left(film_id)
    with pytest.raises(Conflict):
        cinema.ticket(film_id)


def test_a_legal_hold_lets_it_be_exported_and_keeps_no_film(cinema, clock):
    with cinema.portunus.unit(cinema.audrey) as work:
        retention.hold(work, cinema.recording_id, "Subpoena 4711")
    clock.advance(days=4000)
    film_id = cinema.ready()
    clock.advance(hours=24)
    assert expire(cinema.portunus) == 0
    cinema.sweep()
    assert cinema.nothing_is_left(film_id)
    assert cinema.ask() != film_id


@pytest.mark.parametrize("part", list(Part))
def test_a_film_that_was_changed_breaks_off(cinema, part):
    film_id = cinema.ready()
    stored = cinema.portunus.blobs.kept[cinema.row(film_id).blob]
    stored[-100] ^= 1
    with pytest.raises(Unavailable, match="changed"):
        cinema.fetch(cinema.ticket(film_id, part))


def test_a_film_that_was_cut_off_is_not_whole(cinema):
    film_id = cinema.ready()
    stored = cinema.portunus.blobs.kept[cinema.row(film_id).blob]
    del stored[-20:]
    with pytest.raises(Unavailable, match="not whole"):
        cinema.fetch(cinema.ticket(film_id))
