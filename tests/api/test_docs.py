"""docs/api.md says what the application serves: each route, no other, and examples with the very fields that are answered."""

import json
import re
from pathlib import Path

import pytest

from api.access import declarations
from api.shapes import NewLookup
from broker.base.actor import system
from broker.lookups.states import ENDED, State
from tests.api.lookup_office import QUESTION
from tests.api.test_codes import Practice
from workers import read_batch

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
TEXT = DOCS.read_text()
HEADING = re.compile(r"^### `(GET|POST|PUT|PATCH|DELETE|WS) (/\S*)`$", re.MULTILINE)
FOR_PROGRAMS = re.compile(
    r"/(api/v1|hooks)/|^/(healthz|readyz|version|tiles/events|audit/export|last-code/proof|code-requests/\{\w+\}/proof)$"
    r"|^/tabs/\{\w+\}/(stream|progress|watch)$"
)


def served(app) -> set[str]:
    found = set()
    for name, _ in declarations(app):
        methods, _, path = name.partition(" ")
        if FOR_PROGRAMS.search(path):
            found |= {
                f"{method.replace('WEBSOCKET', 'WS')} {path}" for method in methods.split(",") if method != "HEAD"
            }
    return found


def test_every_route_for_programs_is_documented_and_nothing_else(app):
    documented = {f"{method} {path}" for method, path in HEADING.findall(TEXT)}
    assert (sorted(served(app) - documented), sorted(documented - served(app))) == ([], [])


def test_each_documented_route_says_something():
    parts = HEADING.split(TEXT)[1:]
    silent = [parts[at + 1] for at in range(0, len(parts), 3) if len(parts[at + 2].strip()) < 8]
    assert silent == []


def test_the_readme_leads_here():
    assert "docs/api.md" in (DOCS.parents[1] / "README.md").read_text()


def example(heading: str) -> dict:
    after = TEXT.split(f"### `{heading}`", 1)[1]
    return json.loads(re.search(r"```json\n(.*?)```", after, re.DOTALL).group(1))


def fields(value):
    """The shape of an answer: names, and what lists hold."""
    if isinstance(value, dict):
        return {name: fields(inner) for name, inner in value.items() if name != "detail"}
    return [fields(value[0])] if isinstance(value, list) and value else None


@pytest.fixture
def practice(portunus, signed_in):
    return Practice(portunus, signed_in)


@pytest.fixture
def office(portunus, signed_in, practice):
    """An administrator and an auditor beside Maria and Dan of the practice."""
    from broker.directory.models import Organization
    from tests import factories

    with portunus.unit(system("test")) as work:
        org = work.db.query(Organization).one()
        ana = factories.user(work, org, "Ana Petrova", role="admin")
        audrey = factories.user(work, org, "Audrey Chen", role="compliance")
    return signed_in(ana), signed_in(audrey)


def test_example_of_tiles_has_the_fields_that_are_answered(practice):
    assert fields(practice.maria.get("/api/v1/tiles").json()) == fields(example("GET /api/v1/tiles"))


def test_example_of_a_tab_has_the_fields_that_are_answered(practice):
    told = practice.maria.get(f"/api/v1/tabs/{practice.lease_id}").json()
    assert fields(told) == fields(example("POST /api/v1/tabs"))


def test_example_of_codes_has_the_fields_that_are_answered(practice):
    shown = practice.dan.get("/api/v1/codes").json()["data"]
    practice.give(practice.dan)
    told = {"data": shown, "given": practice.dan.get("/api/v1/codes").json()["given"]}
    assert fields(told) == fields(example("GET /api/v1/codes"))


def test_example_of_accounts_has_the_fields_that_are_answered(office):
    assert fields(office[0].get("/api/v1/accounts").json()) == fields(example("GET /api/v1/accounts"))


def test_example_of_audit_has_the_fields_that_are_answered(office):
    assert fields(office[1].get("/api/v1/audit?limit=1").json()) == fields(example("GET /api/v1/audit"))


def test_example_of_a_lookup_has_the_fields_that_are_answered(robot, lookup_office):
    asked = robot.post("/api/v1/lookups", json=QUESTION).json()["id"]
    lookup_office.sign_in()
    lookup_office.answer(lookup_office.next(lookup_office.turn()))
    told = robot.get(f"/api/v1/lookups/{asked}").json()
    seen = told["result"]["provenance"]["fields"]
    told["result"]["provenance"]["fields"] = {name: one for name, one in seen.items() if name.endswith("remaining")}
    assert fields(told) == fields(example("GET /api/v1/lookups/{lookup_id}"))


def test_example_of_a_batch_has_the_fields_that_are_answered(robot, portunus):
    rows = [QUESTION, QUESTION | {"birth_date": "never"}]
    asked = robot.post("/api/v1/lookup-batches", json={"name": "Monday", "rows": rows}).json()["id"]
    read_batch.look(portunus, asked)
    shown, told = robot.get(f"/api/v1/lookup-batches/{asked}").json(), example("GET /api/v1/lookup-batches/{batch_id}")
    assert fields(shown) == fields(told)
    assert (shown["counts"], shown["problems"]) == (told["counts"], told["problems"])


def test_every_field_of_a_question_is_named():
    after = TEXT.split("### `POST /api/v1/lookups`", 1)[1].split("###", 1)[0]
    assert [name for name in NewLookup.model_fields if f"`{name}`" not in after] == []


def test_every_event_of_webhooks_is_named():
    after = TEXT.split("### `POST /api/v1/webhooks`", 1)[1].split("###", 1)[0]
    ends = [f"lookup.{state}" for state in (*ENDED, State.NEEDS_HUMAN)]
    assert [name for name in (*ends, "lookup_batch.done") if f"`{name}`" not in after] == []
