"""The lookup API and pages: asked once, listed by cursor, told by events, published as schema; other practices see nothing."""

import json

import pytest

from broker.identity import service as identity
from broker.identity.policy import Role
from broker.lookups import service as lookups
from tests import factories
from tests.broker.lookups.conftest import Office, furnish

QUESTION = {
    "kind": "eligibility",
    "portal": "harborline",
    "location": "phoenix",
    "member_id": "HD100042731",
    "birth_date": "1984-03-17",
}
CSV = b"Patient,Member ID,DOB\nAda,HD100042731,03/17/1984\nBo,HD100042732,never\n"


@pytest.fixture
def office(portunus) -> Office:
    with portunus.unit(lookups.HOLDER) as work:
        return furnish(work, portunus)


@pytest.fixture
def robot(portunus, office, with_key):
    with portunus.unit(lookups.HOLDER) as work:
        account = identity.create_service_account(work, office.account.organization_id, "robot")
        identity.give_grant(work, role=Role.SERVICE, service_account_id=account.id)
    return with_key(account)


@pytest.fixture
def maria(office, signed_in):
    return signed_in(office.maria)


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


def test_result_with_evidence_state_without_patient_and_fhir(robot, office) -> None:
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()["id"]
    assert robot.get(f"/api/v1/lookups/{asked}/fhir").status_code == 409
    office.sign_in()
    office.answer(office.next(office.turn()))
    whole = robot.get(f"/api/v1/lookups/{asked}").json()
    assert whole["result"]["accumulators"][0]["remaining"] == "1025"
    assert whole["result"]["provenance"]["fields"]["/accumulators/0/remaining"][0]["raw_text"] == "$1,025.00"
    told = robot.get(f"/api/v1/lookups/{asked}/state").text
    assert '"done"' in told
    assert "HD100042731" not in told
    bundle = robot.get(f"/api/v1/lookups/{asked}/fhir").json()
    assert bundle["entry"][0]["resource"]["resourceType"] == "CoverageEligibilityResponse"
    events = robot.get(f"/api/v1/lookups/{asked}/events").text
    assert events.startswith("event: done\ndata: {")


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


def test_schemas_and_openapi_are_published(robot) -> None:
    schemas = robot.get("/api/v1/schemas").json()
    assert schemas["eligibility"]["properties"]["coverage"]
    assert schemas["failures"]["patient_not_found"]["x12_aaa"] == "75"
    paths = robot.get("/api/v1/openapi.json").json()["paths"]
    assert "/api/v1/lookups/{lookup_id}" in paths
    assert all(path.startswith("/api/v1/") for path in paths)


def test_webhooks_come_and_go(robot) -> None:
    made = robot.post("/api/v1/webhooks", json={"url": "https://rcm.example/hook"}).json()
    assert made["secret"].startswith("whsec_")
    assert [one["url"] for one in robot.get("/api/v1/webhooks").json()["data"]] == ["https://rcm.example/hook"]
    assert "secret" not in robot.get("/api/v1/webhooks").text
    assert robot.delete(f"/api/v1/webhooks/{made['id']}").status_code == 204
    assert robot.get("/api/v1/webhooks").json()["data"] == []


def test_maria_asks_and_sees_the_value_with_its_evidence(maria, office) -> None:
    sent = maria.post("/lookups", {k: v for k, v in QUESTION.items()})
    page = sent.headers["location"]
    assert "Queued" in maria.get(page).text
    office.sign_in()
    office.answer(office.next(office.turn()))
    shown = maria.get(page).text
    assert "1025" in shown
    assert "Ada Dunmore" in shown
    evidence = maria.get(f"{page}/evidence", params={"pointer": "/accumulators/0/remaining"}).text
    assert "$1,025.00" in evidence
    assert maria.get(f"{page}/evidence", params={"pointer": "/coverage/nothing"}).status_code == 404


def test_the_grid_shows_exceptions_first_and_no_patient(maria, office) -> None:
    maria.post("/lookups", QUESTION)
    maria.post("/lookups", QUESTION | {"member_id": "HD100042799"})
    office.sign_in()
    lease = office.turn()
    office.answer(office.next(lease))
    office.fail(office.next(lease), "patient_not_found")
    grid = maria.get("/lookups/grid").text
    assert grid.index("…2799") < grid.index("…2731")
    assert "HD1000" not in grid
    assert "Ada" not in grid


def test_a_wrong_question_comes_back_in_words(maria) -> None:
    answer = maria.post("/lookups", QUESTION | {"birth_date": "2084-01-01"})
    assert answer.status_code == 422
    assert "birth_date lies in the future." in answer.text


def test_a_file_becomes_a_batch_with_named_problems(maria, portunus, office) -> None:
    from workers import read_batch

    sent = maria.client.post(
        "/lookups/uploads", data={"csrf": maria.csrf}, files={"file": ("tomorrow.csv", CSV, "text/csv")},
        headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
    )  # fmt: skip
    mapping = sent.headers["location"]
    assert "Member ID" in maria.get(mapping).text
    columns = {
        "column_member_id": "Member ID",
        "column_birth_date": "DOB",
        "fixed_portal": "harborline",
        "fixed_location": "phoenix",
        "fixed_kind": "eligibility",
    }
    batch = maria.post(mapping, columns).headers["location"]
    assert maria.get(mapping).status_code == 404  # the file is gone once its batch has begun
    read_batch.look(portunus, batch.rpartition("/")[2])
    page = maria.get(batch).text
    assert "Row 3: DOB: write the date" in page
    lines = maria.get(f"{batch}/export.csv").text.splitlines()
    assert len(lines) == 3
    documents = [json.loads(line) for line in maria.get(f"{batch}/export.json").text.splitlines()]
    assert [one["row"] for one in documents] == [2, 3]


def test_a_file_that_is_none_is_refused_in_words(maria) -> None:
    for data in (b"", b"\x00\x01" * 4000, b"<html>"):
        answer = maria.client.post(
            "/lookups/uploads", data={"csrf": maria.csrf}, files={"file": ("x.csv", data, "text/csv")},
            headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
        )  # fmt: skip
        assert answer.status_code == 422


def test_fifty_megabytes_are_refused_before_they_are_read(maria) -> None:
    headers = {"accept": "text/html", "sec-fetch-site": "same-origin", "content-length": "52428800"}
    assert maria.client.post("/lookups/uploads", content=b"x", headers=headers).status_code == 413
