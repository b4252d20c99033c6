"""A login that signs in by itself before the office comes in: left signed in for whoever comes first, or its script's owner is told."""

import asyncio

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.directory.models import Location, PortalAccount
from broker.scripts import alerts
from broker.tabs import early
from broker.tabs.models import EarlySignIn, Lease, LoginAttempt
from carrier_scripts.lab import founding
from tests.workers.browser.conftest import LOGIN, Node
from workers import early_sign_ins
from workers.browser import facade

HARBORLINE = "harborline"
NORTHGATE = "northgate"
LOOK_MS = 6_000
"""How long a page that no script knows is looked at; a sign-in here takes less."""


def begin(node: Node, login: str) -> str:
    """The login's time has come, and the task looks: the attempt that it reserved."""
    with node.portunus.unit(system("test")) as work:
        account = work.db.scalars(select(PortalAccount).where(PortalAccount.username == login)).one()
        place = work.db.scalars(select(Location).where(Location.key == "phoenix")).one()
        early.set_time(work, account.id, "07:15", place)
        work.db.get_one(EarlySignIn, account.id).next_at = work.clock.now()
    early_sign_ins.run(node.portunus)
    with node.portunus.reading(system("test")) as work:
        return work.db.scalars(select(LoginAttempt.id)).one()


async def signed_in_by_itself(node: Node, login: str) -> tuple[str, str]:
    """State of its session, and the attempt's outcome."""
    assert node.host is not None
    attempt_id = await asyncio.to_thread(begin, node, login)
    node.host.run_attempt(attempt_id)
    await node.host._attempts[attempt_id]
    await asyncio.to_thread(early_sign_ins.run, node.portunus)
    session, outcome = await asyncio.to_thread(node.ended, attempt_id)
    return session.state, outcome


def ended(node: Node) -> tuple[str, list[str | None]]:
    """How its turn went, and why each lease ended."""
    with node.portunus.reading(system("test")) as work:
        (row,) = work.db.scalars(select(EarlySignIn))
        return row.outcome, list(work.db.scalars(select(Lease.end_reason)))


@pytest.mark.parametrize(
    ("key", "login"),
    [(HARBORLINE, LOGIN), (NORTHGATE, founding.accounts_of(NORTHGATE)[0].username)],
    ids=["by mail", "by authenticator"],
)
def test_it_is_signed_in_with_its_own_code_and_whoever_comes_first_opens_it_at_once(
    node: Node, key: str, login: str
) -> None:
    async def test() -> None:
        assert await signed_in_by_itself(node, login) == ("ready", "signed_in")
        assert await asyncio.to_thread(ended, node) == ("signed_in", ["given_back"])
        assert len(node.host._sessions) == 1
        lease_id, _ = await asyncio.to_thread(node.reserve, login, "phoenix")
        with node.portunus.reading(system("test")) as work:
            assert work.db.get_one(Lease, lease_id).granted_at is not None
        counted = await asyncio.to_thread(node.lab.counters, key, login)
        assert (counted["logins"], counted["password_submits"], counted["codes_accepted"]) == (1, 1, 1)

    node.run(test)


def test_a_page_in_new_clothes_is_told_to_the_scripts_owner_before_anybody_comes(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facade, "GOTO_MS", LOOK_MS)

    async def test() -> None:
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "skin", version=2)
        try:
            assert await signed_in_by_itself(node, LOGIN) == ("ended", "unrecognised")
        finally:
            await asyncio.to_thread(node.lab.unfault, HARBORLINE, "skin")
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert counted.get("password_submits", 0) == 0

    node.run(test)
    assert ended(node) == ("unrecognised", ["unrecognised"])
    with node.portunus.reading(system("test")) as work:
        (alert,) = alerts.alerts(work)
        assert (alert.portal.key, alert.words) == (HARBORLINE, "sign in: unrecognised")
        (one,) = early.shown(work)
        assert one.bad
        assert "The portal shows a page the script does not know." in one.last
