"""An idle session sleeps as sealed state, wakes proved, and becomes a budgeted login when the portal has forgotten it."""

import asyncio

from playwright.async_api import Page
from sqlalchemy import select

from broker.base.actor import system
from broker.base.ids import new_id
from broker.tabs.models import LockoutDebit, LoginAttempt, ParkedState, PortalSession
from tests.workers.browser.conftest import LOGIN, Node
from workers.browser import park
from workers.browser.live import LiveSession

HARBORLINE = "harborline"


async def asleep(node: Node, live: LiveSession | None = None) -> PortalSession:
    """A session that Maria opened and gave back, put to sleep by the host."""
    live = live or await node.live()
    host = await node.untended()
    await asyncio.to_thread(node.give_back, live.id)
    live.idle_since = float("-inf")
    await host._tend_one(live)
    assert live.id not in host._sessions
    assert live.ended
    assert live.context not in live.shard.contexts
    assert host.node.egress.doors() == []
    return await asyncio.to_thread(node.session, live.id)


def debits(node: Node) -> list[LockoutDebit]:
    with node.portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(LockoutDebit).order_by(LockoutDebit.debited_at)))


def spend(node: Node, session: PortalSession) -> None:
    """The login's last tries are gone by other ways."""
    with node.portunus.unit(system("test")) as work:
        attempt = work.db.scalars(select(LoginAttempt).where(LoginAttempt.portal_session_id == session.id)).one()
        for _ in range(5):
            work.db.add(
                LockoutDebit(
                    id=new_id("deb"),
                    account_id=session.account_id,
                    attempt_id=attempt.id,
                    debited_at=work.clock.now(),
                )
            )


def test_an_idle_session_sleeps_in_little_and_wakes_without_a_login(node: Node) -> None:
    async def test() -> None:
        parked = await asleep(node)
        assert parked.state == "parked"
        with node.portunus.reading(system("test")) as work:
            kept = work.db.get(ParkedState, parked.id)
            assert kept is not None
            assert 0 < kept.size <= park.LARGEST
            assert b"cookies" not in kept.sealed
        woken, outcome = await node.open()
        assert (woken.id, woken.state, outcome) == (parked.id, "ready", "signed_in")
        assert node.host is not None
        page = node.host._sessions[woken.id].tabs[0].page
        assert "TIN ending 0431" in await page.locator("#who-tin").inner_text()
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["logins"], counted["password_submits"], counted["overlapping_logins"]) == (1, 1, 0)
        with node.portunus.reading(system("test")) as work:
            assert work.db.get(ParkedState, parked.id) is None, "sleeping state is used once"

    node.run(test)


def test_what_the_portal_keeps_in_session_storage_comes_back_once(node: Node) -> None:
    async def token(page: Page) -> object:
        return await page.evaluate("() => sessionStorage.getItem('token')")

    async def test() -> None:
        live = await node.live()
        await live.tabs[0].page.evaluate("() => sessionStorage.setItem('token', 'first')")
        await asleep(node, live)
        woken, _ = await node.open()
        assert node.host is not None
        page = node.host._sessions[woken.id].tabs[0].page
        assert await token(page) == "first"
        await page.evaluate("() => sessionStorage.setItem('token', 'renewed')")
        await page.reload()
        assert await token(page) == "renewed"

    node.run(test)


def test_a_sleeper_the_portal_forgot_takes_a_try_and_logs_in(node: Node) -> None:
    async def test() -> None:
        parked = await asleep(node)
        before = await asyncio.to_thread(debits, node)
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "end_sessions")
        woken, outcome = await node.open()
        assert (woken.id, woken.state, outcome) == (parked.id, "ready", "signed_in")
        after = await asyncio.to_thread(debits, node)
        assert len(after) == len(before) + 1
        assert after[-1].credited_at is not None
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["logins"], counted["password_submits"], counted["overlapping_logins"]) == (2, 2, 0)

    node.run(test)


def test_a_sleeper_the_portal_forgot_never_logs_in_without_a_try_left(node: Node) -> None:
    async def test() -> None:
        parked = await asleep(node)
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "end_sessions")
        await asyncio.to_thread(spend, node, parked)
        session, outcome = await node.open()
        assert (session.state, outcome) == ("ended", "refused")
        assert session.words
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert counted["password_submits"] == 1

    node.run(test)


def test_a_session_too_large_to_sleep_stays_awake(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        await asyncio.to_thread(node.give_back, live.id)
        await live.tabs[0].page.evaluate(f"localStorage.setItem('much', 'x'.repeat({park.LARGEST}))")
        live.idle_since = float("-inf")
        await host._tend_one(live)
        assert host._sessions[live.id] is live
        assert (await asyncio.to_thread(node.session, live.id)).state == "ready"

    node.run(test)
