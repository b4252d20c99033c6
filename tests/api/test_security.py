"""The edge: headers on every answer, own host, own origin, CSRF tokens, keys where keys belong."""

import dataclasses
from urllib.parse import urlsplit

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from api import app as application
from api import static
from api.access import Here, HereNow, permits, public
from api.access import signed_in as declare_signed_in
from api.app import create_app
from broker.base.actor import system
from broker.identity import keys, people
from broker.identity.models import ApiKey
from broker.identity.policy import Permission
from tests import factories
from tests.api.conftest import ADDRESS, PAGE

router = APIRouter()


@router.get("/lookups", dependencies=[permits(Permission.LOOKUP_RUN, keys=True)])
def lookups(here: HereNow) -> dict[str, str]:
    return {"actor": here.actor.id}


@router.get("/people-only", dependencies=[permits(Permission.LOOKUP_RUN)])
def people_only() -> dict[str, str]:
    return {}


@router.get("/keys-only", dependencies=[permits(Permission.LOOKUP_RUN, people=False, keys=True)])
def keys_only() -> dict[str, str]:
    return {}


@router.post("/change", dependencies=[declare_signed_in("a route of this test")])
def change() -> dict[str, bool]:
    return {"changed": True}


@router.post("/hooks/test", dependencies=[public("signed by its sender", foreign=True)])
def hook() -> dict[str, bool]:
    return {"taken": True}


@router.websocket("/socket", dependencies=[permits(Permission.TAB_OPEN)])
async def socket(websocket: WebSocket, here: HereNow) -> None:
    await websocket.accept()
    await websocket.send_text(here.actor.id)
    await websocket.close()


@pytest.fixture
def app(portunus, monkeypatch):
    real = list(application.routers())
    monkeypatch.setattr(application, "routers", lambda: iter([router, *real]))
    return create_app(portunus)


@pytest.fixture
def maria(portunus):
    with portunus.unit(system("test")) as work:
        return factories.user(work, factories.organization(work))


@pytest.fixture
def robot(portunus):
    with portunus.unit(system("test")) as work:
        account = people.create_service_account(work, factories.organization(work).id, "Nightly eligibility")
        people.give_grant(work, role="service", service_account_id=account.id)
        return account


ANSWERS = ["/healthz", "/sign-in", "/no-such-page", "/static/no-such-file", "/me", "/change"]


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_carries_the_headers(visitor, path):
    headers = visitor.get(path).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")
    assert len(headers["x-request-id"]) == 16
    assert "strict-transport-security" not in headers


def test_the_pages_own_files_are_asked_for_once_per_version(visitor):
    page = visitor.get("/sign-in").text
    assert f'href="{static.BASE}/portunus.css"' in page
    answer = visitor.get(f"{static.BASE}/portunus.css")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_page_of_the_version_before_gets_todays_files_and_keeps_none(visitor):
    answer = visitor.get("/static/0123456789abcdef/viewer.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("path", ["/static/x/..%2f..%2fpages.py", "/static/x/../../pages.py", "/static/", "/static/x/"])
def test_nothing_else_is_below_the_pages_own_files(visitor, path):
    assert visitor.get(path).status_code == 404


def test_the_pages_scripts_name_each_other_beside_themselves():
    for file in static.FOLDER.glob("*.js"):
        assert '"/static' not in file.read_text(encoding="utf-8"), file.name


def test_over_tls_the_cookie_is_pinned_to_the_host_and_hsts_is_sent(portunus, monkeypatch):
    settings = portunus.settings.model_copy(update={"public_url": "https://portunus.saguaro.test"})
    secure = dataclasses.replace(portunus, settings=settings)
    with secure.unit(system("test")) as work:
        from broker.identity import links

        user = factories.user(work, factories.organization(work))
        token = links.create_link(work, user)
    client = TestClient(create_app(secure), base_url="https://portunus.saguaro.test", follow_redirects=False)
    response = client.post(f"/sign-in/link/{token}", headers={"sec-fetch-site": "same-origin"})
    assert response.headers["set-cookie"].startswith("__Host-portunus=")
    assert "; Secure" in response.headers["set-cookie"]
    assert "max-age=31536000" in response.headers["strict-transport-security"]
    assert client.get("/me").status_code == 200


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1:9999", "127.0.0.1.evil.test:8400", ""])
def test_foreign_host_is_refused(app, host):
    client = TestClient(app, base_url=ADDRESS, follow_redirects=False)
    response = client.post("/sign-in", headers={"host": host})
    assert response.status_code == 421
    assert client.get("/me", headers={"host": host}).status_code in {421, 307}


def test_localhost_leads_to_the_public_address(app):
    client = TestClient(app, base_url="http://localhost:8400", follow_redirects=False)
    response = client.get("/sign-in")
    assert (response.status_code, response.headers["location"]) == (307, "http://127.0.0.1:8400/sign-in")


def test_monitors_may_come_by_address(app):
    assert TestClient(app, base_url="http://10.1.2.3:8400").get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": ADDRESS},
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"origin": "https://127.0.0.1:8400"},
        {"origin": "http://127.0.0.1:8400.evil.test"},
    ],
)
def test_foreign_origin_writes_nothing(signed_in, maria, headers):
    browser = signed_in(maria)
    response = browser.client.post("/change", headers=headers | {"x-csrf-token": browser.csrf})
    assert (response.status_code, response.json()["code"]) == (403, "foreign-origin")


@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
def test_write_without_the_right_token_is_refused(signed_in, maria, token):
    browser = signed_in(maria)
    headers = {"sec-fetch-site": "same-origin"} | ({"x-csrf-token": token.encode()} if token is not None else {})
    response = browser.client.post("/change", headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "csrf")


def test_token_counts_from_header_and_form(signed_in, maria):
    browser = signed_in(maria)
    assert browser.post_json("/change").json() == {"changed": True}
    assert browser.post("/change").json() == {"changed": True}


def test_token_of_another_sign_in_does_not_count(signed_in, maria):
    mine, other = signed_in(maria), signed_in(maria)
    assert mine.client.post("/change", headers={"x-csrf-token": other.csrf}).status_code == 403


def test_hooks_take_posts_from_elsewhere(app):
    client = TestClient(app, base_url="http://10.1.2.3:8400")
    assert client.post("/hooks/test", headers={"origin": "https://sms.test"}).json() == {"taken": True}


def test_api_key_opens_what_is_for_keys(with_key, robot):
    assert with_key(robot).get("/lookups").json() == {"actor": robot.id}


def test_api_key_opens_no_page_of_people(with_key, robot):
    client = with_key(robot)
    assert client.get("/people-only").status_code == 403
    assert client.get("/me").status_code == 403


def test_cookie_opens_nothing_that_is_for_keys_only(signed_in, maria):
    assert signed_in(maria).client.get("/keys-only").status_code == 403


def test_revoked_key_stops_at_once(with_key, robot, portunus):
    client = with_key(robot)
    with portunus.unit(system("test")) as work:
        row = work.db.query(ApiKey).one()
        keys.revoke_api_key(work, row.id)
    assert client.get("/lookups").status_code == 401


def test_key_ends_with_its_life(with_key, robot, clock):
    client = with_key(robot)
    clock.advance(days=90)
    assert client.get("/lookups").status_code == 401


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ptn_live_wrong", "Basic eDp5", "Bearer " + "x" * 5000, "ptn_live_x"]
)
def test_what_is_no_key_is_nobody(app, value):
    client = TestClient(app, base_url=ADDRESS)
    assert client.get("/lookups", headers={"authorization": value}).status_code == 401


def test_wrong_key_does_not_fall_back_to_the_cookie(signed_in, maria):
    browser = signed_in(maria)
    assert browser.client.get("/lookups", headers={"authorization": "Bearer ptn_live_wrong"}).status_code == 401


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.test", "http://127.0.0.1", "https://127.0.0.1:8400", "http://a.127.0.0.1:8400"],
)
def test_socket_of_a_foreign_origin_is_refused(signed_in, maria, origin):
    browser = signed_in(maria)
    with (
        pytest.raises(WebSocketDisconnect),
        browser.client.websocket_connect("/socket", headers={"origin": origin} if origin else {}),
    ):
        pass


def test_socket_of_the_own_origin_knows_who_it_is(signed_in, maria):
    browser = signed_in(maria)
    with browser.client.websocket_connect(
        f"ws{ADDRESS[4:]}/socket", headers={"origin": ADDRESS, "host": "127.0.0.1:8400"}
    ) as stream:
        assert stream.receive_text() == maria.id


def test_socket_without_a_sign_in_is_refused(app):
    client = TestClient(app, base_url=ADDRESS)
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/socket", headers={"origin": ADDRESS, "host": "127.0.0.1:8400"}),
    ):
        pass


def test_log_line_has_neither_query_nor_link(app, capsys):
    client = TestClient(app, base_url=ADDRESS)
    client.get("/sign-in/link/planted-token?next=planted-query", headers=PAGE)
    line = "".join(capsys.readouterr())
    assert "/sign-in/link/{token}" in line
    assert "planted" not in line


def test_route_without_declaration_gets_no_actor():
    from types import SimpleNamespace

    from api.access import here

    with pytest.raises(RuntimeError):
        here(SimpleNamespace(state=SimpleNamespace()))
    assert Here.__name__ == "Here"


def test_the_download_origin_answers_one_address_only(portunus):
    name = urlsplit(portunus.settings.download_url).netloc
    with TestClient(create_app(portunus), base_url=f"http://{name}") as stranger:
        assert stranger.post("/files", data={"ticket": "none"}).status_code == 403
        assert stranger.get("/me", follow_redirects=False).status_code in (307, 421)
        assert stranger.post("/sign-in").status_code == 421
