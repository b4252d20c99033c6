"""The published contract of lookups: the documented shapes are those of the real answers, and every body is described."""

import pytest
from pydantic import BaseModel

from api import shapes
from tests.api.lookup_office import QUESTION


@pytest.fixture
def published(robot) -> dict:
    return robot.get("/api/v1/openapi.json").json()


def of(published: dict, path: str, method: str, status: str) -> dict:
    """The schema of an answer."""
    (content,) = published["paths"][path][method]["responses"][status]["content"].values()
    return content["schema"]


def references(part) -> set[str]:
    """Every name that a part of the document refers to."""
    if isinstance(part, dict):
        own = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in part.values()))
    return set().union(*(references(inner) for inner in part)) if isinstance(part, list) else set()


def test_a_question_is_published_as_it_is_read(published) -> None:
    body = published["paths"]["/api/v1/lookups"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/NewLookup"}
    told = published["components"]["schemas"]["NewLookup"]
    assert {"member_id", "birth_date", "priority", "max_age_s"} <= set(told["properties"])
    assert told["additionalProperties"] is False
    assert {"kind", "portal", "location"} == set(told["required"])


def test_results_are_published_with_their_fields(published) -> None:
    answer = of(published, "/api/v1/lookups/{lookup_id}", "get", "200")
    assert answer == {"$ref": "#/components/schemas/LookupAnswer"}
    parts = published["components"]["schemas"]
    assert {"EligibilityResult", "ClaimStatusResult"} <= references(parts["LookupAnswer"]["properties"]["result"])
    assert "accumulators" in parts["EligibilityResult"]["properties"]


def test_every_answer_of_lookups_has_a_shape_or_is_a_file(published) -> None:
    bare = [
        (path, method)
        for path, told in published["paths"].items()
        if "lookup" in path or "webhook" in path or path.endswith("/schemas")
        for method, operation in told.items()
        for status, answer in operation["responses"].items()
        if status not in ("204", "default")
        and not references(answer)
        and "application/json" in answer.get("content", {"application/json": {}})
    ]
    assert bare == []


def test_every_name_that_is_referred_to_is_there(published) -> None:
    assert references(published) - set(published["components"]["schemas"]) == set()


def test_who_may_ask_is_published(published) -> None:
    assert published["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert {"key": []} in published["paths"]["/api/v1/lookups"]["post"]["security"]
    assert {"key": []} not in published["paths"]["/api/v1/tabs"]["post"]["security"]
    open_to_all = [path for path, told in published["paths"].items() for one in told.values() if not one["security"]]
    assert open_to_all == []


def test_what_is_no_answer_is_problem_details_everywhere(published) -> None:
    wanted = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for told in published["paths"].values():
        for operation in told.values():
            assert operation["responses"]["default"]["content"] == wanted
            assert "422" not in operation["responses"]


def test_schemas_name_the_closed_list_of_failures(robot) -> None:
    schemas = robot.get("/api/v1/schemas").json()
    shapes.Schemas.model_validate(schemas)
    assert schemas["eligibility"]["properties"]["coverage"]
    assert schemas["failures"]["patient_not_found"]["x12_aaa"] == "75"


def held(model: type[BaseModel], told: dict) -> None:
    """Strictly: nothing missing, nothing more."""
    model.model_validate(told)
    assert set(told) == set(model.model_fields)


def test_real_answers_have_the_published_shapes(robot, lookup_office) -> None:
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()
    held(shapes.LookupState, asked)
    lookup_office.sign_in()
    lease = lookup_office.turn()
    lookup_office.answer(lookup_office.next(lease))
    held(shapes.LookupAnswer, robot.get(f"/api/v1/lookups/{asked['id']}").json())
    held(shapes.LookupState, robot.get(f"/api/v1/lookups/{asked['id']}/state").json())
    held(shapes.Previous, robot.get(f"/api/v1/lookups/{asked['id']}/previous").json())
    held(shapes.PaidClaims, robot.get(f"/api/v1/lookups/{asked['id']}/payments").json())
    held(shapes.FhirBundle, robot.get(f"/api/v1/lookups/{asked['id']}/fhir").json())
    other = robot.post("/api/v1/lookups", json=QUESTION | {"member_id": "HD100042799"}).json()
    lookup_office.fail(lookup_office.next(lease), "patient_not_found")
    held(shapes.LookupAnswer, robot.get(f"/api/v1/lookups/{other['id']}").json())
    held(shapes.LookupList, robot.get("/api/v1/lookups").json())
    batch = robot.post("/api/v1/lookup-batches", json={"name": "x", "rows": [QUESTION]}).json()
    held(shapes.Batch, batch)
    held(shapes.BatchList, robot.get("/api/v1/lookup-batches").json())
    held(shapes.CreatedWebhook, robot.post("/api/v1/webhooks", json={"url": "https://rcm.example/hook"}).json())
    held(shapes.WebhookList, robot.get("/api/v1/webhooks").json())
    shapes.Problem.model_validate(robot.post("/api/v1/lookups", json={}).json())
