"""Server-sent events of lookups and batches: any EventSource hears them, takes them up again, and is told when all is told."""

import json

from sqlalchemy import update

from api.routes import lookup_events
from api.routes.lookup_events import as_data
from broker.base.actor import system
from broker.identity.models import ApiKey
from tests.api.lookup_office import QUESTION
from workers import read_batch


def messages(text: str) -> list[tuple[str, dict]]:
    """(id, data) of each message, as an EventSource reads them."""
    found = []
    for part in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in part.splitlines() if not line.startswith(":"))
        assert "event" not in lines  # a named one would not reach `onmessage`
        if "data" in lines:
            found.append((lines["id"], json.loads(lines["data"])))
    return found


def test_an_ended_lookup_is_told_once_and_then_there_is_nothing_more(robot, lookup_office) -> None:
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()["id"]
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    answer = robot.get(f"/api/v1/lookups/{asked}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    ((number, told),) = messages(answer.text)
    assert (told["id"], told["state"]) == (asked, "done")
    assert "HD100042731" not in answer.text
    again = robot.get(f"/api/v1/lookups/{asked}/events", headers={"last-event-id": number})
    assert (again.status_code, again.text) == (204, "")


def test_a_silent_stream_says_that_it_is_there_and_does_not_repeat_itself(robot, monkeypatch) -> None:
    monkeypatch.setattr(lookup_events, "BEAT_S", 0.0)
    monkeypatch.setattr(lookup_events, "GAP_S", 0.01)
    monkeypatch.setattr(lookup_events, "TICK_S", 0.01)
    monkeypatch.setattr(lookup_events, "LONGEST_S", 0.5)
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()["id"]
    whole = robot.get(f"/api/v1/lookups/{asked}/events").text
    assert ": nothing new\n\n" in whole
    ((number, told),) = messages(whole)
    assert told["state"] == "queued"
    later = robot.get(f"/api/v1/lookups/{asked}/events", headers={"last-event-id": number}).text
    assert messages(later) == []


def test_a_revoked_key_hears_no_more(robot, portunus, monkeypatch) -> None:
    monkeypatch.setattr(lookup_events, "GAP_S", 0.01)
    monkeypatch.setattr(lookup_events, "LONGEST_S", 30.0)
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()["id"]
    looks = 0

    def revoked_meanwhile(work, lookup):
        nonlocal looks
        looks += 1
        if looks == 2:
            with portunus.unit(system("test")) as other:
                other.db.execute(update(ApiKey).values(revoked_at=portunus.clock.now()))
        return as_data(work, lookup)

    monkeypatch.setattr(lookup_events, "TICK_S", 0.01)
    monkeypatch.setattr(lookup_events, "as_data", revoked_meanwhile)
    told = messages(robot.get(f"/api/v1/lookups/{asked}/events").text)
    assert (len(told), looks) == (1, 2)


def test_a_batch_is_told_with_its_counts_until_every_row_is_through(robot, portunus, lookup_office) -> None:
    rows = [QUESTION, QUESTION | {"birth_date": "never"}]
    batch = robot.post("/api/v1/lookup-batches", json={"name": "x", "rows": rows}).json()["id"]
    read_batch.look(portunus, batch)
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    ((number, told),) = messages(robot.get(f"/api/v1/lookup-batches/{batch}/events").text)
    assert (told["state"], told["counts"]["done"], told["counts"]["problems"]) == ("done", 1, 1)
    again = robot.get(f"/api/v1/lookup-batches/{batch}/events", headers={"last-event-id": number})
    assert again.status_code == 204
