"""Colleagues' tabs over HTTP: a reason to look on, a socket that only shows, taking over, handing over, ending."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.websockets import WebSocketDisconnect

from broker.base.actor import system
from broker.tabs.models import Lease, PortalSession
from tests import factories
from tests.api.conftest import ADDRESS

SYSTEM = system("test")
WHY = {"reason": "Quality review of denials"}


class Pipe:
    """The host's side: shows one picture, and keeps what it should never hear."""

    heard: list[str | bytes] = []

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self.said.put_nowait(b"\x01picture")

    async def send(self, message: str | bytes) -> None:
        self.heard.append(message)

    def __aiter__(self):
        return self

    async def __anext__(self) -> bytes:
        return await self.said.get()


@pytest.fixture
def watched(portunus, monkeypatch):
    """Which tabs the host was asked to show to whom."""
    asked: list[tuple[str, str]] = []
    Pipe.heard.clear()

    @asynccontextmanager
    async def watch(lease_id: str, name: str):
        asked.append((lease_id, name))
        yield Pipe()

    monkeypatch.setattr(portunus.host, "watch", watch)
    return asked


@pytest.fixture
def floor(portunus, signed_in):
    """Browsers of Maria, who has a tab open, Grace, who answers for her, Nora, a colleague, and Ana, who administers."""
    with portunus.unit(SYSTEM) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [phoenix])
        people = {
            "Maria": factories.user(work, org, locations=[phoenix]),
            "Nora": factories.user(work, org, "Nora Quill", locations=[phoenix]),
            "Grace": factories.user(work, org, "Grace Kim", role="supervisor", locations=[phoenix]),
            "Ana": factories.user(work, org, "Ana Petrova", role="admin"),
        }
        now, maria = work.clock.now(), people["Maria"]
        session = PortalSession(
            id="ses_1", account=account, location=phoenix, state="ready", state_at=now, words=None, node="test",
            script_digest=None, created_at=now, proved_at=now, active_at=now, ended_at=None, end_reason=None,
        )  # fmt: skip
        lease = Lease(
            id="lea_1", portal_session=session, holder_kind="user", holder_id=maria.id, holder_name=maria.name,
            location_id=phoenix.id, purpose="claims", created_at=now, granted_at=now,
            expires_at=now + timedelta(hours=1), ended_at=None, end_reason=None,
        )  # fmt: skip
        work.db.add_all([session, lease])
    return {name: signed_in(user) for name, user in people.items()} | {"nora_id": people["Nora"].id}


def ticket(browser) -> str:
    page = browser.post("/open-tabs/lea_1/watch", WHY)
    return re.search('data-ticket="([^"]+)"', page.text)[1]


def connect(browser):
    return browser.client.websocket_connect(
        ADDRESS.replace("http", "ws") + "/tabs/lea_1/watch", headers={"origin": ADDRESS}
    )


def holder(portunus) -> str:
    with portunus.reading(SYSTEM) as work:
        return work.db.scalars(select(Lease.holder_name).where(Lease.ended_at.is_(None))).one()


def test_open_tabs_offers_each_what_her_role_allows(floor):
    text = floor["Grace"].get("/open-tabs").text
    assert all(f"/open-tabs/lea_1/{act}" in text for act in ("watch", "take-over", "end"))
    text = floor["Ana"].get("/open-tabs").text
    assert "/open-tabs/lea_1/end" in text
    assert "/open-tabs/lea_1/watch" not in text
    assert floor["Nora"].get("/open-tabs").status_code == 403


def test_the_socket_shows_and_the_first_word_cuts_it_off(floor, watched):
    with connect(floor["Grace"]) as socket:
        socket.send_text(json.dumps({"ticket": ticket(floor["Grace"])}))
        assert socket.receive_bytes() == b"\x01picture"
        socket.send_text('{"t":"mouse","k":"down","x":1,"y":1,"b":0}')
        assert json.loads(socket.receive_text())["e"] == "ended"
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert watched == [("lea_1", "Grace Kim")]
    assert Pipe.heard == []


def test_looking_on_needs_a_reason_and_the_right(floor, watched):
    assert floor["Grace"].post("/open-tabs/lea_1/watch", {"reason": " "}).status_code == 422
    assert floor["Nora"].post("/open-tabs/lea_1/watch", WHY).status_code == 403
    with connect(floor["Grace"]) as socket:
        socket.send_text(json.dumps({"ticket": "made up"}))
        assert json.loads(socket.receive_text())["e"] == "ended"
    assert watched == []


def test_looking_on_ends_when_the_holder_ends_her_tab(floor, watched):
    with connect(floor["Grace"]) as socket:
        socket.send_text(json.dumps({"ticket": ticket(floor["Grace"])}))
        socket.receive_bytes()
        floor["Maria"].post("/tabs/lea_1/end")
        assert json.loads(socket.receive_text())["e"] == "ended"


def test_taking_over_leads_to_the_tab(floor, portunus):
    went = floor["Grace"].post("/open-tabs/lea_1/take-over", WHY)
    assert went.status_code == 303
    assert floor["Grace"].get(went.headers["location"]).status_code == 200
    assert holder(portunus) == "Grace Kim"
    assert "Grace Kim took this tab over" in floor["Maria"].get("/api/v1/tabs/lea_1").json()["words"]


def test_handing_over_is_for_colleagues_and_the_note_is_in_the_next_one_s_tab(floor, portunus):
    offered = floor["Maria"].get("/api/v1/tabs/lea_1/colleagues").json()["data"]
    assert [one["name"] for one in offered] == ["Grace Kim", "Nora Quill"]
    form = {"to": floor["nora_id"], "note": "Please print the EOB"}
    assert floor["Nora"].post("/tabs/lea_1/hand-over", form).status_code == 404
    assert floor["Maria"].post("/tabs/lea_1/hand-over", form).status_code == 303
    with portunus.reading(SYSTEM) as work:
        after = work.db.scalars(select(Lease.id).where(Lease.continues_id == "lea_1")).one()
    assert "Maria Lopez handed it to you: Please print the EOB" in floor["Nora"].get(f"/tabs/{after}").text


def test_an_administrator_ends_a_tab_from_the_list(floor, portunus):
    assert floor["Nora"].post("/open-tabs/lea_1/end").status_code == 403
    assert floor["Ana"].post("/open-tabs/lea_1/end").status_code == 303
    with portunus.reading(SYSTEM) as work:
        assert work.db.get(Lease, "lea_1").end_reason == "ended_by_other"
