"""An idle session sleeps as sealed state, wakes proved, and becomes a budgeted login when the portal has forgotten it."""

import asyncio

import pytest
from playwright.async_api import Page
from sqlalchemy import select

from broker.base.actor import system
from broker.base.ids import new_id
from broker.scripts.models import ScriptRun
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LockoutDebit, LoginAttempt, ParkedState, PortalSession
from tests.workers.browser.conftest import LOGIN, Node
from workers.browser import facade, park
from workers.browser.live import LiveSession

HARBORLINE = "harborline"


async def asleep(node: Node, live: LiveSession | None = None) -> PortalSession:
    """A session that Maria opened and gave back, put to sleep by the host."""
    live = live or await node.live()
    host = await node.untended()
    await asyncio.to_thread(node.give_back, live.id)
    live.idle_since = float("-inf")
    await host._tend_one(live)
    await parking()
    assert live.id not in host._sessions
    assert live.ended
    assert live.context not in live.shard.contexts
    assert host.node.egress.doors() == []
    return await asyncio.to_thread(node.session, live.id)


async def parking() -> None:
    """Whatever is being put to sleep is asleep, or stays awake."""
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "park"))


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
            runs = work.db.scalars(select(ScriptRun).order_by(ScriptRun.at)).all()
            assert [(run.verb, run.session_id) for run in runs] == [("sign_in", woken.id), ("revive", woken.id)]

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
        await parking()
        assert host._sessions[live.id] is live
        assert (await asyncio.to_thread(node.session, live.id)).state == "ready"

    node.run(test)


@pytest.mark.parametrize(("fault", "args"), [("error", {"status": 500}), ("reset", {})])
def test_a_sleeper_whose_portal_is_down_sleeps_on_and_takes_no_try(
    node: Node, fault: str, args: dict[str, int]
) -> None:
    async def test() -> None:
        parked = await asleep(node)
        before = len(await asyncio.to_thread(debits, node))
        await asyncio.to_thread(node.lab.fault, HARBORLINE, fault, **args)
        session, outcome = await node.open()
        assert (session.id, session.state, outcome) == (parked.id, "parked", "down")
        with node.portunus.reading(system("test")) as work:
            lease = work.db.scalars(select(Lease).order_by(Lease.created_at.desc()).limit(1)).one()
            state, words, _ = tabs.opening(work, lease)
        assert (state, lease.end_reason) == ("ended", "down")
        assert "portal" in words
        await asyncio.to_thread(node.lab.unfault, HARBORLINE)
        woken, outcome = await node.open()
        assert (woken.id, woken.state, outcome) == (parked.id, "ready", "signed_in")
        assert len(await asyncio.to_thread(debits, node)) == before
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["logins"], counted["password_submits"], counted["overlapping_logins"]) == (1, 1, 0)

    node.run(test)


def test_a_page_that_hangs_stays_awake_and_keeps_nobody_elses_door_shut(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(park, "SAVE_S", 0.5)

    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        await asyncio.to_thread(node.give_back, live.id)
        page = live.tabs[0].page
        hanging = asyncio.ensure_future(page.evaluate("() => { setTimeout(() => { for (;;); }, 0); }"))
        await hanging
        live.idle_since = float("-inf")
        await host._tend_one(live)
        assert live.id in host._sessions, "it is being put to sleep, and nobody waits for that"
        await parking()
        assert live.id in host._sessions
        assert (await asyncio.to_thread(node.session, live.id)).state == "ready"
        assert [door.session_id for door in host.node.egress.doors()] == [live.id]

    node.run(test)


def test_a_sleeper_with_no_room_to_wake_in_sleeps_on(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        parked = await asleep(node)
        assert node.host is not None
        pool = node.host.node.pool
        with monkeypatch.context() as full:
            full.setattr(pool, "_settings", pool._settings.model_copy(update={"max_sessions": 0}))
            session, outcome = await node.open()
        assert (session.id, session.state, outcome) == (parked.id, "parked", "refused")
        woken, outcome = await node.open()
        assert (woken.id, woken.state, outcome) == (parked.id, "ready", "signed_in")

    node.run(test)


def test_a_sleeper_that_wakes_on_an_unknown_page_is_over_and_the_next_open_signs_in(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facade, "GOTO_MS", 3_000)

    async def test() -> None:
        parked = await asleep(node)
        before = len(await asyncio.to_thread(debits, node))
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "skin", version=2)
        session, _ = await node.open()
        assert (session.id, session.state) == (parked.id, "ended")
        assert len(await asyncio.to_thread(debits, node)) == before
        await asyncio.to_thread(node.lab.unfault, HARBORLINE)
        again, outcome = await node.open()
        assert again.id != parked.id
        assert (again.state, outcome) == ("ready", "signed_in")

    node.run(test)
