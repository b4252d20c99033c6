"""Errors as people and programs see them: typed, one sentence, nothing of what was sent, no trace."""

import pytest
from fastapi import APIRouter
from pydantic import BaseModel, field_validator
from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.testclient import TestClient

from api import app as application
from api.access import HereNow, permits, public
from api.app import create_app
from api.security import LARGEST_BODY
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import Conflict, NotFound
from broker.directory.models import PortalAccount
from broker.identity.policy import Permission, require
from tests import factories
from tests.api.conftest import ADDRESS, PAGE, Browser

PLANTED = "Zq7-planted-secret"


class Order(BaseModel):
    amount: int
    note: str = ""

    @field_validator("note")
    @classmethod
    def _check(cls, value: str) -> str:
        if value:
            raise ValueError(f"not {value}")
        return value


router = APIRouter()
open_to_all = [public("a route of this test only")]


@router.get("/bug", dependencies=open_to_all)
def bug() -> None:
    raise ZeroDivisionError(PLANTED)


@router.get("/conflict", dependencies=open_to_all)
def conflict() -> None:
    raise Conflict("This tab has ended. Open it again.", code="ended")


@router.get("/database", dependencies=open_to_all)
def database() -> None:
    raise OperationalError(f"SELECT '{PLANTED}'", {}, Exception("database is locked"))


@router.get("/twice", dependencies=open_to_all)
def twice() -> None:
    raise IntegrityError(f"INSERT '{PLANTED}'", {}, Exception("UNIQUE constraint failed"))


@router.get("/odd", dependencies=open_to_all)
def odd() -> None:
    raise DataError(f"INSERT '{PLANTED}'", {}, Exception("NUL"))


@router.post("/order", dependencies=open_to_all)
def order(order: Order) -> None: ...


@router.get("/thing/{name}", dependencies=open_to_all)
def thing(name: str) -> None:
    raise NotFound(f"There is no {name}.")


@router.get("/accounts/{account_id}", dependencies=[permits(Permission.TAB_OPEN)])
def account(account_id: str, here: HereNow) -> dict[str, str]:
    with here.reading() as work:
        row = work.db.get(PortalAccount, account_id)
        if row is None:
            raise NotFound("no such account")
        require(work, Permission.TAB_OPEN, account=row)
        return {"id": row.id}


@pytest.fixture
def app(portunus, monkeypatch):
    real = list(application.routers())
    monkeypatch.setattr(
        application,
        "routers",
        lambda: iter([router, *[r for r in real if r.routes and r.routes[0].path == "/sign-in"]]),
    )
    return create_app(portunus)


@pytest.fixture
def program(app) -> TestClient:
    return TestClient(app, base_url=ADDRESS, follow_redirects=False)


def test_problem_details_have_the_members_of_rfc_9457(program):
    response = program.get("/conflict")
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body.pop("request_id") == response.headers["x-request-id"]
    assert body == {
        "type": "/problems/ended",
        "title": "Conflict",
        "status": 409,
        "detail": "This tab has ended. Open it again.",
        "code": "ended",
    }


def test_person_gets_a_page_with_a_way_forward(program):
    response = program.get("/conflict", headers=PAGE)
    assert response.status_code == 409
    assert "This tab has ended." in response.text
    assert 'href="/start"' in response.text


@pytest.mark.parametrize("headers", [{}, PAGE], ids=["program", "page"])
def test_bug_shows_and_logs_neither_trace_nor_text(program, capsys, headers):
    response = program.get("/bug", headers=headers)
    assert response.status_code == 500
    assert response.headers["x-content-type-options"] == "nosniff"
    logged = "".join(capsys.readouterr())
    assert "ZeroDivisionError" in logged
    for text in (response.text, logged):
        assert PLANTED not in text
        assert "Traceback" not in text
    assert "ZeroDivisionError" not in response.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/database", 503, "unavailable"), ("/twice", 409, "conflict"), ("/odd", 422, "incomplete")],
)
def test_what_the_database_refuses_is_said_so_and_its_statement_is_not(program, capsys, path, status, code):
    response = program.get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert PLANTED not in response.text + "".join(capsys.readouterr())


def test_validation_names_fields_and_never_values(program, capsys):
    response = program.post("/order", json={"amount": PLANTED, "note": PLANTED})
    assert response.status_code == 422
    assert [field["field"] for field in response.json()["fields"]] == ["body.amount", "body.note"]
    assert PLANTED not in response.text + "".join(capsys.readouterr())


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 100_000, b'{"amount": 1e999}', b"null"])
def test_unreadable_body_is_the_clients_fault(program, body):
    response = program.post("/order", content=body, headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"


def test_body_over_the_limit_is_refused(program):
    response = program.post("/order", content=b"x" * (LARGEST_BODY + 1), headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert response.json()["code"] == "too-large"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_body_over_the_limit_is_refused_without_a_stated_length(program):
    def pieces():
        for _ in range(12):
            yield b"x" * 100_000

    response = program.post("/order", content=pieces(), headers={"content-type": "application/json"})
    assert response.status_code == 413


def test_every_unknown_id_gets_the_same_bytes(program):
    answers = {program.get(path).content for path in ("/thing/acc_1", "/thing/acc_2", "/no/such/route")}
    assert len(answers) == 1


def test_method_a_route_does_not_take_is_said_so(program):
    response = program.delete("/conflict")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")


def test_somebody_elses_account_answers_like_an_unknown_one_and_is_recorded(app, portunus, signed_in):
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        phoenix, tucson = factories.location(work, org, "phoenix"), factories.location(work, org, "tucson")
        harborline = factories.portal(work)
        mine, theirs = factories.account(work, harborline, [phoenix]), factories.account(work, harborline, [tucson])
        maria = factories.user(work, org, locations=[phoenix])
        mine_id, theirs_id = mine.id, theirs.id
    browser: Browser = signed_in(maria)
    assert browser.client.get(f"/accounts/{mine_id}").json() == {"id": mine_id}
    foreign, unknown = browser.client.get(f"/accounts/{theirs_id}"), browser.client.get("/accounts/acc_unknown")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    with portunus.reading(system("test")) as work:
        denied = [e for e in work.db.scalars(select(AuditEntry)) if e.act == "access:request:deny"]
    assert len(denied) == 1
    assert theirs_id in denied[0].leaf
    assert denied[0].actor_id == maria.id


def test_route_beyond_ones_role_is_refused_and_recorded(app, portunus, signed_in):
    with portunus.unit(system("test")) as work:
        audrey = factories.user(work, factories.organization(work), "Audrey Audit", role="compliance")
    assert signed_in(audrey).client.get("/accounts/x").status_code == 403
    with portunus.reading(system("test")) as work:
        assert [e.actor_id for e in work.db.scalars(select(AuditEntry)) if e.act == "access:request:deny"] == [
            audrey.id
        ]
