"""The stream's door: exact origin, a ticket in the first message, once, and cut when the right is gone."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.identity.models import Login
from broker.tabs.models import Lease, PortalSession
from tests import factories
from tests.api.conftest import ADDRESS

SYSTEM = system("test")


class Pipe:
    """The host's side: says one thing, then repeats what it hears."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.said.put_nowait(b"\x01picture")

    async def send(self, message: str | bytes) -> None:
        self.said.put_nowait("heard " + str(message))

    def __aiter__(self):
        return self

    async def __anext__(self) -> str | bytes:
        return await self.said.get()


@pytest.fixture
def joined(portunus, monkeypatch):
    """Which leases the host was asked to stream; it answers as `Pipe`."""
    asked: list[str] = []

    @asynccontextmanager
    async def stream(lease_id: str):
        asked.append(lease_id)
        yield Pipe()

    monkeypatch.setattr(portunus.host, "stream", stream)
    return asked


@pytest.fixture
def maria(portunus, signed_in):
    """Maria with a granted tab in Phoenix: her browser, herself, the lease's id."""
    with portunus.unit(SYSTEM) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [phoenix])
        user = factories.user(work, org, locations=[phoenix])
        now = work.clock.now()
        session = PortalSession(
            id="ses_1", account=account, location=phoenix, state="ready", state_at=now, words=None, node="test",
            script_digest=None, created_at=now, proved_at=now, active_at=now, ended_at=None, end_reason=None,
        )  # fmt: skip
        lease = Lease(
            id="lea_1", portal_session=session, holder_kind="user", holder_id=user.id, holder_name=user.name,
            location_id=phoenix.id, purpose="claims", created_at=now, granted_at=now,
            expires_at=now + timedelta(hours=1), ended_at=None, end_reason=None,
        )  # fmt: skip
        work.db.add_all([session, lease])
    return signed_in(user), user


def connect(browser, address="/tabs/lea_1/stream", origin=ADDRESS):
    return browser.client.websocket_connect(
        ADDRESS.replace("http", "ws") + address, headers={"origin": origin} if origin else {}
    )


def ticket_of(browser) -> str:
    return browser.post_json("/api/v1/tabs/lea_1/ticket").json()["ticket"]


def refusals(portunus) -> int:
    with portunus.reading(SYSTEM) as work:
        return len(list(work.db.scalars(select(AuditEntry).where(AuditEntry.act == "stream:viewer:refuse"))))


def goodbye(socket) -> dict:
    said = json.loads(socket.receive_text())
    with pytest.raises(WebSocketDisconnect):
        socket.receive_text()
    return said


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.test",
        ADDRESS.replace("http:", "https:"),
        f"{ADDRESS}.evil.test",
        f"{ADDRESS}1",
        "http://127.0.0.1",
    ],
)
def test_foreign_origin_is_refused_before_the_socket_opens(maria, joined, origin):
    with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)), connect(maria[0], origin=origin):
        pass
    assert joined == []


def test_ticket_opens_the_stream_and_both_ways_carry(maria, joined):
    with connect(maria[0]) as socket:
        socket.send_text(json.dumps({"ticket": ticket_of(maria[0])}))
        assert socket.receive_bytes() == b"\x01picture"
        socket.send_text('{"t":"ack"}')
        assert socket.receive_text() == 'heard {"t":"ack"}'
    assert joined == ["lea_1"]


def test_ticket_opens_once(maria, joined, portunus):
    token = ticket_of(maria[0])
    with connect(maria[0]) as socket:
        socket.send_text(json.dumps({"ticket": token}))
        socket.receive_bytes()
    with connect(maria[0]) as socket:
        socket.send_text(json.dumps({"ticket": token}))
        assert goodbye(socket)["e"] == "ended"
    assert joined == ["lea_1"]
    assert refusals(portunus) == 1


def test_ticket_is_late_after_fifteen_seconds(maria, joined, clock):
    token = ticket_of(maria[0])
    clock.advance(seconds=16)
    with connect(maria[0]) as socket:
        socket.send_text(json.dumps({"ticket": token}))
        assert goodbye(socket)["again"] is True
    assert joined == []


def test_ticket_of_another_sign_in_opens_nothing(maria, joined, signed_in):
    browser, user = maria
    token = ticket_of(browser)
    with connect(signed_in(user)) as socket:
        socket.send_text(json.dumps({"ticket": token}))
        goodbye(socket)
    assert joined == []


def test_ticket_in_the_address_is_refused(maria, joined, portunus):
    token = ticket_of(maria[0])
    with pytest.raises(WebSocketDisconnect), connect(maria[0], f"/tabs/lea_1/stream?ticket={token}"):
        pass
    assert joined == []
    assert refusals(portunus) == 1


@pytest.mark.parametrize("first", ["", "[]", "{}", '{"ticket": 5}', "not json", "x" * 40_000])
def test_anything_but_a_ticket_is_refused(maria, joined, first):
    with connect(maria[0]) as socket:
        socket.send_text(first)
        goodbye(socket)
    assert joined == []


@pytest.mark.parametrize("way", ["binary", "long"])
def test_input_that_is_no_input_ends_the_stream(maria, joined, way):
    with connect(maria[0]) as socket:
        socket.send_text(json.dumps({"ticket": ticket_of(maria[0])}))
        socket.receive_bytes()
        socket.send_bytes(b"\x01") if way == "binary" else socket.send_text("x" * 40_000)
        assert "does not understand" in goodbye(socket)["words"]


def test_nobody_signed_in_does_not_reach_the_door(maria, visitor, joined):
    with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)), connect(visitor):
        pass
    assert joined == []


@pytest.mark.parametrize("how", ["lease", "sign-in"])
def test_stream_is_cut_when_the_lease_or_the_sign_in_ends(maria, joined, portunus, how):
    browser, user = maria
    with connect(browser) as socket:
        socket.send_text(json.dumps({"ticket": ticket_of(browser)}))
        socket.receive_bytes()
        with portunus.unit(SYSTEM) as work:
            if how == "lease":
                work.db.get(Lease, "lea_1").ended_at = work.clock.now()
            else:
                for login in work.db.scalars(select(Login).where(Login.user_id == user.id)):
                    login.ended_at = work.clock.now()
            work.signal("revoked")
        assert goodbye(socket)["words"].startswith("This tab has ended")


@pytest.mark.parametrize(("input_", "kept"), [('{"t":"key","k":"down"}', True), ('{"t":"ack"}', False), ("[]", False)])
def test_input_and_only_input_keeps_the_sign_in_alive(maria, joined, portunus, clock, input_, kept):
    browser, user = maria

    def seen():
        with portunus.reading(SYSTEM) as work:
            return work.db.scalar(select(Login.seen_at).where(Login.user_id == user.id))

    with connect(browser) as socket:
        socket.send_text(json.dumps({"ticket": ticket_of(browser)}))
        socket.receive_bytes()
        socket.send_text(input_)
        assert socket.receive_text() == f"heard {input_}"
        before = seen()
        clock.advance(seconds=61)
        socket.send_text(input_)
        assert socket.receive_text() == f"heard {input_}"
        assert (seen() == before + timedelta(seconds=61)) is kept
