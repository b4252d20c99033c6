"""Each channel set up on the pages, from nothing, by an administrator; then a sign-in at a simulated carrier gets its code by it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from api.app import create_app
from broker.base.actor import system
from broker.codes.models import CodeTemplate
from broker.directory.models import DeliveryEndpoint, MfaMethod, PortalAccount
from broker.identity import logins
from broker.identity.models import User
from tests.api.conftest import ADDRESS, PAGE
from tests.workers.browser.conftest import Node
from tests.workers.browser.test_attempt_codes import sms_hook


class Ana:
    """The administrator at her browser."""

    def __init__(self, node: Node) -> None:
        self.node = node
        with node.portunus.unit(system("test")) as work:
            user = work.db.scalars(select(User).where(User.name == "Ana Petrova")).one()
            login, token = logins.begin(work, user, device="Test browser", via="password", complete=True)
            self._csrf = login.csrf
        self._client = TestClient(create_app(node.portunus), base_url=ADDRESS, follow_redirects=False)
        self._client.cookies.set("portunus", token)

    def post(self, path: str, **data: Any) -> str:
        """Send a form; where it leads. Fails with the page's words."""
        answer = self._client.post(
            path, data={"csrf": self._csrf, **data}, headers={**PAGE, "sec-fetch-site": "same-origin"}
        )
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def account(self, key: str) -> str:
        username = self.node.lab.account(key).username
        with self.node.portunus.reading(system("test")) as work:
            return work.db.scalars(select(PortalAccount.id).where(PortalAccount.username == username)).one()


@pytest.fixture
def ana(node: Node) -> Ana:
    """Logins and their passwords are there; no channel is, and nothing is known of any message."""
    with node.portunus.unit(system("test")) as work:
        for method in work.db.scalars(select(MfaMethod)):
            method.channel, method.endpoint_id, method.template = "desk", None, {"pattern": r"\d{6}"}
        work.db.flush()
        work.db.execute(delete(DeliveryEndpoint))
        work.db.execute(delete(CodeTemplate))
    return Ana(node)


def signs_in(node: Node, key: str, carrier: str) -> None:
    username = node.lab.account(key).username

    async def test() -> None:
        session, outcome = await node.open(username)
        assert (outcome, session.state) == ("signed_in", "ready")
        counted = await asyncio.to_thread(node.lab.counters, carrier, username)
        assert (counted["logins"], counted["codes_accepted"], counted["wrong_codes"]) == (1, 1, 0)

    node.run(test)


def test_a_mailbox(node: Node, ana: Ana) -> None:
    box = node.lab.mailbox
    channel = ana.post(
        "/channels/mailbox",
        name="Codes",
        address="codes@lab.test",
        host=box["host"],
        port=str(box["port"]),
        username=box["username"],
        password=box["password"],
        authserv="mx.lab.test",
        plain="1",
    )
    ana.post(
        "/portals/harborline/templates/email",
        senders="security@harborline.sim.test",
        context="your code is",
        pattern=r"\d{6}",
        act="save",
    )
    way = f"/accounts/{ana.account('harborline-1')}/codes/email"
    ana.post(way, endpoint=channel.rpartition("/")[2], alias=node.lab.account("harborline-1").address)
    signs_in(node, "harborline-1", "harborline")


def test_a_telephone(node: Node, ana: Ana) -> None:
    number = node.lab.account("copper_mesa_az-1").address
    channel = ana.post("/channels/phone", name="Front desk", address=number, secret=node.lab.facts["sms"]["secret"])
    ana.post("/portals/copper_mesa_az/templates/sms", senders="+16025550100", pattern=r"\d{6}", act="save")
    way = f"/accounts/{ana.account('copper_mesa_az-1')}/codes/sms"
    ana.post(way, endpoint=channel.rpartition("/")[2])
    with sms_hook(node.portunus) as address:
        node.lab.send_sms_to(number, address + number.lstrip("+"))
        signs_in(node, "copper_mesa_az-1", "copper_mesa_az")


def test_an_authenticator(node: Node, ana: Ana) -> None:
    seed = node.lab.account("northgate-1").totp_seed
    shown = pyotp.TOTP(seed).at(datetime.now(UTC))
    ana.post(f"/accounts/{ana.account('northgate-1')}/codes/totp", seed=seed, shown=shown)
    signs_in(node, "northgate-1", "northgate")
