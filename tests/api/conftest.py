"""The web application on a fresh database, and people's browsers: `visitor`, `signed_in(user)`, `with_key(service account)`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from broker.base.actor import system
from broker.identity import keys, logins
from broker.identity import service as identity
from broker.identity.models import ServiceAccount, User
from broker.identity.policy import Role
from broker.lookups import service as lookups
from broker.wiring import Portunus
from tests.api.every_change import expected
from tests.api.on_record import LEFT, OnRecord
from tests.broker.lookups.conftest import Office, furnish

ADDRESS = "http://127.0.0.1:8400"
PAGE = {"accept": "text/html"}


@dataclass
class Browser:
    """A client with cookies that behaves like a person's browser: it says where its requests come from."""

    client: TestClient
    csrf: str = ""

    def get(self, path: str, **more: Any):
        return self.client.get(path, **{"headers": PAGE, **more})

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any):
        headers = PAGE | {"sec-fetch-site": "same-origin"} | more.pop("headers", {})
        return self.client.post(path, data={"csrf": self.csrf} | (data or {}), headers=headers, **more)

    def post_json(self, path: str, body: Any = None, **more: Any):
        headers = {"x-csrf-token": self.csrf, "sec-fetch-site": "same-origin"} | more.pop("headers", {})
        return self.client.post(path, json=body, headers=headers, **more)


@pytest.fixture(autouse=True)
def driven(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test that stands for a route in the table: the route did leave its entry."""
    LEFT.clear()
    yield
    names = {request.node.name, getattr(request.node, "originalname", request.node.name)}
    file = request.path.relative_to(Path(__file__).parent).as_posix()
    assert expected(file, *names) - LEFT == set()


@pytest.fixture
def app(portunus: Portunus) -> FastAPI:
    return create_app(portunus)


def _client(app: FastAPI, portunus: Portunus, actor_id: str | None = None) -> TestClient:
    return TestClient(OnRecord(app, portunus, actor_id), base_url=ADDRESS, follow_redirects=False)


@pytest.fixture
def visitor(app: FastAPI, portunus: Portunus) -> Browser:
    """Somebody who is not signed in."""
    return Browser(_client(app, portunus))


@pytest.fixture
def signed_in(app: FastAPI, portunus: Portunus) -> Callable[..., Browser]:
    """`signed_in(user)`: a browser with a complete sign-in; `complete=False` for one that lacks its second factor."""

    def make(user: User, *, complete: bool = True, via: str = "password") -> Browser:
        with portunus.unit(system("test")) as work:
            row = work.db.get(User, user.id)
            login, token = logins.begin(work, row, device="Test browser", via=via, complete=complete)
            csrf = login.csrf
        browser = Browser(_client(app, portunus, user.id), csrf)
        browser.client.cookies.set("portunus", token)
        return browser

    return make


@pytest.fixture
def with_key(app: FastAPI, portunus: Portunus) -> Callable[[ServiceAccount], TestClient]:
    """A program that sends the service account's API key."""

    def make(account: ServiceAccount) -> TestClient:
        with portunus.unit(system("test")) as work:
            _, key = keys.create_api_key(work, account)
        client = _client(app, portunus, account.id)
        client.headers["authorization"] = f"Bearer {key}"
        return client

    return make


@pytest.fixture
def lookup_office(portunus: Portunus) -> Office:
    """One login at one portal, and Maria who may ask there."""
    with portunus.unit(lookups.HOLDER) as work:
        return furnish(work, portunus)


@pytest.fixture
def robot(portunus: Portunus, lookup_office: Office, with_key: Any) -> TestClient:
    """A program with the key of a service account of that office."""
    with portunus.unit(lookups.HOLDER) as work:
        account = identity.create_service_account(work, lookup_office.account.organization_id, "robot")
        identity.give_grant(work, role=Role.SERVICE, service_account_id=account.id)
    return with_key(account)


@pytest.fixture
def maria(lookup_office: Office, signed_in: Any) -> Browser:
    """Maria at her browser."""
    return signed_in(lookup_office.maria)
