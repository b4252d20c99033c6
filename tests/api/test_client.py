"""The client that programs copy: each call against the real application, its types as published, patience where it may ask twice."""

import ast
import io
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

import portunus_client
from api import shapes
from portunus_client import Client, Problem, claims_of, coverage_of, eligibility
from tests import client_types
from workers import read_batch

ASKED = eligibility("harborline", "phoenix", member_id="HD100042731", birth_date="1984-03-17")


class Answer(io.BytesIO):
    """What `urlopen` gives."""

    status = 200


@pytest.fixture
def client(robot, monkeypatch) -> Client:
    """The client, whose requests go to the application in this process."""

    def urlopen(request, timeout):
        path = request.full_url.removeprefix("http://portunus.test")
        headers = dict(request.header_items())
        told = robot.request(request.get_method(), path, content=request.data, headers=headers)
        if told.status_code >= 400:
            raise HTTPError(request.full_url, told.status_code, "no", Message(), io.BytesIO(told.content))
        answer = Answer(told.content)
        answer.status = told.status_code
        return answer

    monkeypatch.setattr(portunus_client, "urlopen", urlopen)
    return Client("http://portunus.test/", robot.headers["authorization"].removeprefix("Bearer "))


def test_a_lookup_is_asked_heard_and_read(client, lookup_office) -> None:
    asked = client.submit(ASKED)
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    assert [one["state"] for one in client.events(asked["id"])] == ["done"]
    done = client.wait(asked["id"])
    assert coverage_of(done)["accumulators"][0]["remaining"] == "1025"
    assert claims_of(done) is None
    assert client.fhir(asked["id"])["resourceType"] == "Bundle"
    assert client.previous(asked["id"]) is None
    assert client.payments(asked["id"]) == []
    assert [one["id"] for one in client.every(limit=1)] == [asked["id"]]


def test_a_batch_is_heard_and_taken_home(client, portunus, lookup_office) -> None:
    batch = client.batch("Monday", [ASKED, ASKED | {"birth_date": "never"}])
    read_batch.look(portunus, batch["id"])
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    assert [one["state"] for one in client.batch_events(batch["id"])] == ["done"]
    first, second = client.export(batch["id"])
    assert first["result"]["patient"]["member_id"] == "HD100042731"
    assert (second["row"], second["state"], second["result"]) == (3, "not_asked", None)
    assert client.export_file(batch["id"], "csv").startswith("\ufeffbirth_date".encode())
    assert client.change_batch(batch["id"], "cancel")["state"] == "cancelled"


def test_a_batch_that_may_be_answered_from_before_asks_nobody(client, portunus, lookup_office) -> None:
    client.submit(ASKED)
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    batch = client.batch("Again", [ASKED], max_age_s=600)
    read_batch.look(portunus, batch["id"])
    assert client.batch_state(batch["id"])["counts"]["done"] == 1


def test_what_waits_for_a_person_goes_on(client, lookup_office) -> None:
    asked = client.submit(ASKED)
    lookup_office.sign_in()
    lookup_office.fail(lookup_office.next(lookup_office.turn()), "needs_person")
    assert client.wait(asked["id"])["state"] == "needs_human"
    assert client.retry(asked["id"])["state"] == "queued"
    assert client.cancel(asked["id"])["state"] == "cancelled"


def test_webhooks_come_and_go(client) -> None:
    made = client.subscribe("https://rcm.example/hook")
    assert [one["id"] for one in client.webhooks()] == [made["id"]]
    client.unsubscribe(made["id"])
    assert client.webhooks() == []


def test_a_refusal_is_a_problem_with_its_code(client) -> None:
    with pytest.raises(Problem) as no:
        client.get("lkp_unknown")
    assert (no.value.status, no.value.code) == (404, "not-found")


@pytest.fixture
def busy(client, monkeypatch) -> list[str]:
    """Portunus does not answer twice; what was asked for meanwhile."""
    asked, real = [], portunus_client.urlopen

    def urlopen(request, timeout):
        asked.append(request.get_method())
        if len(asked) == 1:
            raise URLError("connection refused")
        if len(asked) == 2:
            raise HTTPError(request.full_url, 503, "no", Message(), io.BytesIO(b"{}"))
        return real(request, timeout)

    monkeypatch.setattr(portunus_client, "urlopen", urlopen)
    monkeypatch.setattr(portunus_client, "PAUSES_S", (0.0, 0.0, 0.0))
    return asked


def test_what_may_be_asked_twice_is_asked_until_it_is_answered(client, busy) -> None:
    assert client.submit(ASKED)["state"] == "queued"
    assert busy == ["POST"] * 3


def test_what_may_not_be_asked_twice_is_not(client, busy) -> None:
    with pytest.raises(Problem) as no:
        client.subscribe("https://rcm.example/hook")
    assert (no.value.status, busy) == (0, ["POST"])


def test_results_are_typed_as_they_are_published() -> None:
    assert client_types.FILE.read_text() == client_types.source(), "run: python -m tests.client_types"


@pytest.mark.parametrize(
    ("typed", "published"),
    [
        (portunus_client.Lookup, shapes.LookupAnswer),
        (portunus_client.Batch, shapes.Batch),
        (portunus_client.Question, shapes.NewLookup),
    ],
)
def test_other_types_have_the_published_fields(typed, published) -> None:
    unsaid = {"first_name", "last_name", "provider_npi"} if typed is portunus_client.Question else set()
    assert set(typed.__annotations__) | unsaid == set(published.model_fields)


def test_every_published_address_of_lookups_has_a_call(robot) -> None:
    source = Path(portunus_client.__file__).read_text()
    words = {
        one.value for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    paths = [
        path for path in robot.get("/api/v1/openapi.json").json()["paths"] if "lookup" in path or "webhook" in path
    ]
    last = {path.split("/")[-1].split("{")[0].rstrip(".") for path in paths if "recordings" not in path} - {""}
    assert [one for one in last if not any(one in word for word in words)] == []
