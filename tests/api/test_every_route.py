"""No route without exactly one access declaration, and no declaration that says nothing."""

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute

from api import app as application
from api.access import Access, Who, declarations, permits, public
from api.app import create_app, routers
from broker.base.actor import system
from broker.identity import people
from broker.identity.policy import ROLES, Permission, Role
from tests import factories


def test_every_route_declares_who_may_use_it(app):
    found = list(declarations(app))
    assert len(found) > 15
    assert [name for name, access in found if len(access) != 1] == []


def test_walk_sees_every_route_of_every_router(app):
    declared = {name for name, _ in declarations(app)}
    missing = [
        route.path
        for router in routers()
        for route in router.routes
        if isinstance(route, APIRoute | APIWebSocketRoute)
        and not any(name.endswith(f" {route.path}") for name in declared)
    ]
    assert missing == []


def test_every_route_without_permission_says_why(app):
    assert [name for name, (access,) in declarations(app) if access.permission is None and len(access.reason) < 8] == []


def test_only_known_ways_in_are_public(app):
    public_ones = {name.split(" ")[-1] for name, (access,) in declarations(app) if access.who is Who.ANYBODY}
    expected = (
        "/sign-in",
        "/channels/consent/back",
        "/healthz",
        "/readyz",
        "/version",
        "/static",
        "/hooks/",
        "/files",
        "/codes/link/",
    )
    assert [path for path in public_ones if not path.startswith(expected)] == []


def test_foreign_requests_are_for_hooks_and_the_download_origin_only(app):
    assert [name for name, (access,) in declarations(app) if access.foreign and " /hooks/" not in name] == [
        "POST /files"
    ]


def _with(monkeypatch, router):
    monkeypatch.setattr(application, "routers", lambda: iter([router]))


def test_application_does_not_start_with_an_undeclared_route(portunus, monkeypatch):
    router = APIRouter()
    router.get("/open")(lambda: {"secret": True})
    _with(monkeypatch, router)
    with pytest.raises(RuntimeError, match="GET /open"):
        create_app(portunus)


def test_application_does_not_start_with_an_undeclared_socket(portunus, monkeypatch):
    router = APIRouter()

    @router.websocket("/stream")
    async def stream() -> None: ...

    _with(monkeypatch, router)
    with pytest.raises(RuntimeError, match="WEBSOCKET /stream"):
        create_app(portunus)


def test_application_does_not_start_with_two_declarations(portunus, monkeypatch):
    router = APIRouter()
    both = [public("a reason that is long enough"), permits(Permission.AUDIT_VIEW)]
    router.get("/two", dependencies=both)(lambda: {"two": 2})
    _with(monkeypatch, router)
    with pytest.raises(RuntimeError, match="GET /two"):
        create_app(portunus)


def test_declarations_are_found_as_such(app):
    assert all(isinstance(access, Access) for _, found in declarations(app) for access in found)


def test_nobody_signed_in_gets_into_no_closed_route(app, visitor):
    """Every GET that is not public leads to the sign-in page, whatever its parameters."""
    let_in = []
    for name, (access,) in declarations(app):
        methods, _, path = name.partition(" ")
        if access.who is Who.ANYBODY or "WEBSOCKET" in methods:
            continue
        address = path.replace("{", "").replace("}", "").replace(":path", "")
        for method in methods.split(","):
            response = visitor.client.request(method, address, headers={"sec-fetch-site": "same-origin"})
            if response.status_code != 401:
                let_in.append((method, path, response.status_code))
    assert let_in == []


def _let_in(app, client, csrf, closed) -> list[tuple[str, str, int]]:
    """Which of the routes for which `closed(access)` holds answer anything but 403."""
    found = []
    for name, (access,) in declarations(app):
        methods, _, path = name.partition(" ")
        if access.who is not Who.SIGNED_IN or "WEBSOCKET" in methods or not closed(access):
            continue
        address = path.replace("{", "").replace("}", "").replace(":path", "")
        for method in methods.split(","):
            response = client.request(method, address, headers={"sec-fetch-site": "same-origin", "x-csrf-token": csrf})
            if response.status_code != 403:
                found.append((method, path, response.status_code))
    return found


@pytest.mark.parametrize("role", [*(role for role in Role if role is not Role.SERVICE), None])
def test_no_role_opens_a_route_beyond_its_permissions(app, portunus, signed_in, role):
    with portunus.unit(system("test")) as work:
        user = factories.user(work, factories.organization(work), role=role)
    browser = signed_in(user)
    allowed = ROLES[role] if role else frozenset()
    assert (
        _let_in(
            app, browser.client, browser.csrf, lambda access: access.permission and access.permission not in allowed
        )
        == []
    )


def test_an_api_key_opens_no_route_that_is_not_for_keys(app, portunus, with_key):
    with portunus.unit(system("test")) as work:
        robot = people.create_service_account(work, factories.organization(work).id, "Nightly eligibility")
        people.give_grant(work, role=Role.SERVICE, service_account_id=robot.id)
    assert _let_in(app, with_key(robot), "", lambda access: not access.keys) == []
