"""Sign-ins that must not go on: a wrong password, a portal that hangs, a script nobody approved."""

import asyncio

import pytest
from sqlalchemy import select, update

from broker.base.actor import system
from broker.base.errors import Conflict
from broker.directory.models import PortalAccount, ScriptVersion
from carrier_scripts import registry
from tests.workers.browser.conftest import LOGIN, Node
from workers.browser import facade

HARBORLINE = "harborline"


def store_password(node: Node, password: str) -> None:
    with node.portunus.unit(system("test")) as work:
        account = work.db.scalars(select(PortalAccount).where(PortalAccount.username == LOGIN)).one()
        node.portunus.vault.put(
            work, account.organization_id, "portal_account", account.id, "password", password.encode()
        )


def test_a_wrong_password_is_tried_once_and_parks_the_login(node: Node) -> None:
    store_password(node, "Quartz-Heron-0000")

    async def test() -> None:
        session, outcome = await node.open()
        assert (outcome, session.state) == ("wrong_password", "ended")
        assert await asyncio.to_thread(node.account_status) == "wrong_password"
        with pytest.raises(Conflict) as refused:
            await node.open()
        assert refused.value.code == "account-parked"
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["wrong_passwords"], counted["password_submits"], counted["locks"]) == (1, 1, 0)

    node.run(test)


def test_a_portal_that_hangs_is_given_up_and_called_down(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facade, "GOTO_MS", 500)
    node.lab.fault(HARBORLINE, "hang", path="/signin")

    async def test() -> None:
        session, outcome = await node.open()
        assert (outcome, session.state) == ("down", "ended")
        assert "did not answer" in str(session.words)
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE)
        assert counted["password_submits"] == 0
        assert await asyncio.to_thread(node.account_status) == "active"
        assert node.host is not None
        assert node.host.node.egress.doors() == []

    try:
        node.run(test)
    finally:
        node.lab.unfault(HARBORLINE, "hang")


def test_a_script_nobody_approved_does_not_run(node: Node) -> None:
    with node.portunus.unit(system("test")) as work:
        work.db.execute(
            update(ScriptVersion)
            .where(ScriptVersion.digest == registry.script(HARBORLINE).digest)
            .values(approved_by=None)
        )

    async def test() -> None:
        session, outcome = await node.open()
        assert (outcome, session.state) == ("refused", "ended")
        assert session.words == "This version of the carrier script is not approved."
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE)
        assert (counted["pages"], counted["password_submits"]) == (0, 0)

    node.run(test)
