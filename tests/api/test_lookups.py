"""The lookup API: asked once, listed by cursor, told by events; other practices see nothing."""

import hashlib
import json

import pytest
from sqlalchemy import select

from broker.identity import service as identity
from broker.identity.models import OneTimeUse
from broker.identity.policy import Role
from broker.lookups import service as lookups
from tests import factories
from tests.api.lookup_office import QUESTION


def test_asked_with_a_key_it_is_asked_once(robot) -> None:
    headers = {"idempotency-key": "appointment-17"}
    first = robot.post("/api/v1/lookups", json=QUESTION, headers=headers)
    assert (first.status_code, first.json()["state"]) == (202, "queued")
    assert first.headers["location"] == f"/api/v1/lookups/{first.json()['id']}"
    assert robot.post("/api/v1/lookups", json=QUESTION, headers=headers).json()["id"] == first.json()["id"]
    other = robot.post("/api/v1/lookups", json=QUESTION | {"member_id": "HD2222222"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"birth_date": "1984-02-30"}, 422),
        ({"portal": "nowhere"}, 404),
        ({"location": "nowhere"}, 404),
        ({"deadline": "2026-11-21T10:00:00"}, 422),
        ({"deadline": "2020-11-21T10:00:00Z"}, 422),
        ({"max_age_s": -1}, 422),
        ({"priority": "now"}, 422),
        ({"member_id": None}, 422),
    ],
)
def test_what_cannot_be_asked_is_a_problem_without_the_patient(robot, changed: dict, status: int) -> None:
    answer = robot.post("/api/v1/lookups", json=QUESTION | changed)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "HD100042731" not in answer.text


def test_result_with_evidence_state_without_patient_and_fhir(robot, lookup_office) -> None:
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()["id"]
    assert robot.get(f"/api/v1/lookups/{asked}/fhir").status_code == 409
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    whole = robot.get(f"/api/v1/lookups/{asked}").json()
    assert whole["result"]["accumulators"][0]["remaining"] == "1025"
    assert whole["result"]["provenance"]["fields"]["/accumulators/0/remaining"][0]["raw_text"] == "$1,025.00"
    told = robot.get(f"/api/v1/lookups/{asked}/state").text
    assert '"done"' in told
    assert "HD100042731" not in told
    bundle = robot.get(f"/api/v1/lookups/{asked}/fhir").json()
    assert bundle["entry"][0]["resource"]["resourceType"] == "CoverageEligibilityResponse"


def test_the_list_is_read_by_cursor(robot) -> None:
    ids = [
        robot.post("/api/v1/lookups", json=QUESTION | {"member_id": f"HD10004273{n}"}).json()["id"] for n in range(5)
    ]
    seen, cursor = [], ""
    while cursor is not None:
        page = robot.get("/api/v1/lookups", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [one["id"] for one in page["data"]]
        cursor = page["next_cursor"]
    assert seen == ids[::-1]


def test_cancelled_and_not_twice(robot) -> None:
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()["id"]
    assert robot.post(f"/api/v1/lookups/{asked}/cancel").json()["state"] == "cancelled"
    assert robot.post(f"/api/v1/lookups/{asked}/retry").status_code == 409


def test_another_practice_sees_nothing(robot, portunus, with_key) -> None:
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()["id"]
    batch = robot.post("/api/v1/lookup-batches", json={"name": "x", "rows": [QUESTION]}).json()["id"]
    with portunus.unit(lookups.HOLDER) as work:
        other = factories.organization(work, "Other Dental")
        factories.location(work, other, "elsewhere")
        account = identity.create_service_account(work, other.id, "other robot")
        identity.give_grant(work, role=Role.SERVICE, service_account_id=account.id)
    stranger = with_key(account)
    for path in ("", "/state", "/events", "/previous", "/fhir", "/artifacts/art_1"):
        assert stranger.get(f"/api/v1/lookups/{asked}{path}").status_code == 404
    assert stranger.get(f"/api/v1/lookup-batches/{batch}").status_code == 404
    assert stranger.get(f"/api/v1/lookup-batches/{batch}/export.csv").status_code == 404
    assert stranger.get("/api/v1/lookups").json()["data"] == []


def test_webhooks_come_and_go(robot) -> None:
    made = robot.post("/api/v1/webhooks", json={"url": "https://rcm.example/hook"}).json()
    assert made["secret"].startswith("whsec_")
    assert [one["url"] for one in robot.get("/api/v1/webhooks").json()["data"]] == ["https://rcm.example/hook"]
    assert "secret" not in robot.get("/api/v1/webhooks").text
    assert robot.delete(f"/api/v1/webhooks/{made['id']}").status_code == 204
    assert robot.get("/api/v1/webhooks").json()["data"] == []


def test_what_is_kept_of_a_repeatable_question_cannot_be_guessed_without_the_key(robot, portunus) -> None:
    robot.post("/api/v1/lookups", json=QUESTION, headers={"idempotency-key": "appointment-18"})
    with portunus.reading(lookups.HOLDER) as work:
        (kept,) = work.db.scalars(select(OneTimeUse.result_id).where(OneTimeUse.key.endswith("appointment-18")))
    guess = hashlib.sha256(json.dumps(QUESTION, sort_keys=True).encode()).hexdigest()
    assert kept.partition(" ")[2] not in ("", guess[:16])


def test_a_batch_with_more_fields_than_are_kept_is_refused_whole(robot) -> None:
    rows = [QUESTION | {f"note{number}": "x"} for number in range(60)]
    answer = robot.post("/api/v1/lookup-batches", json={"name": "x", "rows": rows})
    assert answer.status_code == 422
    assert "more than 60 different fields" in answer.json()["detail"]
