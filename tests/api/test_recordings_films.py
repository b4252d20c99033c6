"""A recording as a film, by the page and as data: asked for, made, told, and saved by who asked for it and nobody else."""

import hashlib
import json

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.recordings import films
from broker.recordings.models import Recording
from tests import factories
from tests.api.test_docs import example, fields
from tests.api.test_recordings import SYSTEM, practice  # noqa: F401 - a fixture
from tests.workers.films.test_export import told
from workers import make_film

WHY = "Asked for by the carrier's auditor"


@pytest.fixture
def recording(practice) -> str:  # noqa: F811
    """Maria's, with three pictures."""
    return practice.record("Maria", "harborline", "phoenix", told())


def ask(browser, recording: str, reason: str = WHY):
    return browser.post_json(f"/api/v1/recordings/{recording}/films", {"reason": reason})


def make(practice) -> str:  # noqa: F811
    """The worker gets the newest hint, which is a task's name and an id."""
    task, film_id = practice.portunus.queue.sent[-1]
    assert task == "make_film"
    make_film.look(practice.portunus, film_id)
    return film_id


def entry(practice, act: Act) -> dict:  # noqa: F811
    with practice.portunus.reading(SYSTEM) as work:
        newest = select(AuditEntry).where(AuditEntry.act == act.value).order_by(AuditEntry.index.desc()).limit(1)
        return json.loads(work.db.scalars(newest).one().leaf)


def ticket(browser, film_id: str, part: str = "film"):
    return browser.post_json(f"/api/v1/films/{film_id}/ticket", {"part": part})


def test_a_film_is_asked_for_made_and_saved_by_who_asked(practice, recording):  # noqa: F811
    answer = ask(practice.audrey, recording)
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    film_id = make(practice)
    now = practice.audrey.get(f"/api/v1/films/{film_id}").json()
    assert (now["state"], now["words"]) == ("ready", "Ready until 2026-11-21 15:00 UTC.")
    asked = ticket(practice.audrey, film_id).json()
    assert asked["url"] == f"{practice.portunus.settings.download_url}/files"
    got = practice.audrey.post("/files", {"ticket": asked["ticket"]})
    assert hashlib.sha256(got.content).hexdigest() == now["sha256"]
    assert entry(practice, Act.RECORDING_EXPORTED)["detail"]["film_digest"] == now["sha256"]
    assert entry(practice, Act.FILM_SAVED)["detail"]["film_digest"] == now["sha256"]
    name = f"recording-20261120-1500-{recording[-12:]}.webm"
    assert got.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert got.headers["content-type"] == "application/octet-stream"
    assert int(got.headers["content-length"]) == now["bytes"] == len(got.content)
    assert practice.audrey.post("/files", {"ticket": asked["ticket"]}).status_code == 403
    beside = practice.audrey.post("/files", {"ticket": ticket(practice.audrey, film_id, "manifest").json()["ticket"]})
    assert json.loads(beside.content)["film"] == {
        "file": name,
        "sha256": now["sha256"],
        "watermark": f"Audrey Chen · 2026-11-20 15:00 UTC · {recording[-12:]}",
    }


def test_the_page_asks_for_it_and_tells_how_far_it_is(practice, recording):  # noqa: F811
    page = f"/recordings/{recording}"
    assert "Export as film" in practice.audrey.get(page).text
    for _ in range(2):  # a second click
        sent = practice.audrey.post(f"{page}/film", {"reason": WHY})
        assert (sent.status_code, sent.headers["location"]) == (303, f"{page}#film")
    assert "Waiting for its turn." in practice.audrey.get(page).text
    assert "Export as film" not in practice.audrey.get(page).text
    assert len([task for task, _ in practice.portunus.queue.sent if task == "make_film"]) == 1
    make(practice)
    part = practice.audrey.get(f"{page}/film").text
    assert "Ready until 2026-11-21 15:00 UTC." in part
    assert "Save the film" in part


def test_what_could_not_be_made_says_why_and_is_offered_again(practice):  # noqa: F811
    recording = practice.record("Maria", "harborline", "phoenix")
    practice.audrey.post(f"/recordings/{recording}/film", {"reason": WHY})
    make(practice)
    text = practice.audrey.get(f"/recordings/{recording}").text
    assert "It could not be made: This recording has no picture: nothing was shown." in text
    assert "Export as film" in text


def test_where_pyav_is_missing_the_page_says_what_to_install(practice, recording, monkeypatch):  # noqa: F811
    monkeypatch.setattr(films, "possible", lambda: False)
    text = practice.audrey.get(f"/recordings/{recording}").text
    assert "pip install av" in text
    assert "Export as film" not in text
    refused = ask(practice.audrey, recording)
    assert (refused.status_code, "pip install av" in refused.json()["detail"]) == (503, True)


def test_a_destroyed_recording_is_not_exported_and_the_page_says_so(practice, recording):  # noqa: F811
    with practice.portunus.unit(SYSTEM) as work:
        row = work.db.get_one(Recording, recording)
        row.destroyed_at, row.wrapped_key = work.clock.now(), b""
    text = practice.audrey.get(f"/recordings/{recording}").text
    assert "Nobody can view it or make a film of it any more." in text
    assert "Export as film" not in text
    refused = ask(practice.audrey, recording)
    assert (refused.status_code, "destroyed" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize("reason", ["", " ab ", "x" * 301])
def test_it_needs_a_reason(practice, recording, reason):  # noqa: F811
    assert ask(practice.audrey, recording, reason).status_code == 422
    assert practice.portunus.queue.sent == []


def test_its_holder_neither_sees_nor_has_it(practice, recording):  # noqa: F811
    ask(practice.audrey, recording)
    film_id = make(practice)
    assert "Export as film" not in practice.maria.get(f"/recordings/{recording}").text
    assert ask(practice.maria, recording).status_code == 403
    assert ticket(practice.maria, film_id).status_code == 403
    assert practice.maria.get(f"/api/v1/films/{film_id}").status_code == 403


def test_another_with_the_same_right_does_not_have_it(practice, recording):  # noqa: F811
    ask(practice.audrey, recording)
    film_id = make(practice)
    with practice.portunus.unit(SYSTEM) as work:
        olga = factories.user(work, practice.org, "Olga Officer", role="compliance")
    other = practice.sign_in(olga)
    assert other.get(f"/api/v1/films/{film_id}").status_code == 404
    assert ticket(other, film_id).status_code == 404
    text = other.get(f"/recordings/{recording}").text
    assert film_id not in text
    assert "Export as film" in text


@pytest.mark.parametrize("body", [{"part": "both"}, {"part": "film", "inline": True}])
def test_only_the_film_or_its_manifest_can_be_saved(practice, recording, body):  # noqa: F811
    ask(practice.audrey, recording)
    film_id = make(practice)
    assert practice.audrey.post_json(f"/api/v1/films/{film_id}/ticket", body).status_code == 422


def test_its_example_has_the_fields_that_are_answered(practice, recording):  # noqa: F811
    shown = ask(practice.audrey, recording).json()
    assert fields(shown) == fields(example("POST /api/v1/recordings/{recording_id}/films"))
