"""The first view of a holder who is on her way: made for her alone, and gone when she does not come."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.tabs.models import Lease
from tests.waiting import soon
from tests.workers.browser.conftest import Node
from tests.workers.browser.looking import ask, turn
from tests.workers.browser.test_stream import Record, Viewer, a_page, watching
from workers.browser import coming
from workers.browser.coming import Coming
from workers.browser.live import LiveSession
from workers.browser.messages import FRAME
from workers.browser.stream import Stream
from workers.browser.view import View

pytestmark = pytest.mark.browser


def coming_in(node: Node) -> Coming:
    assert node.host is not None
    return node.host.node.coming


def expected(node: Node) -> set[str]:
    """Sessions whose view is being opened, or is open."""
    return set(coming_in(node)._opening)


def test_whoever_signs_in_or_is_granted_a_warm_session_finds_her_first_picture_made(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        view = await coming_in(node).take(live)
        assert view is not None
        assert view.first is not None
        view.leave()
        await asyncio.to_thread(node.give_back, live.id)
        lease_id, _ = await asyncio.to_thread(node.reserve, "saguaro.phoenix", "phoenix")
        await host.expect(lease_id)
        view = await coming_in(node).take(live)
        assert view is not None
        assert view.tab is live.tab()
        view.leave()

    node.run(test)


def test_what_an_earlier_holder_was_shown_is_not_kept_for_the_next(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        hers = coming_in(node)._opening[live.id]
        live.held_by = "lea_hers"
        await asyncio.to_thread(node.give_back, live.id)
        lease_id, _ = await asyncio.to_thread(node.reserve, "saguaro.phoenix", "phoenix")
        await host.expect(lease_id)
        assert coming_in(node)._opening[live.id] is not hers
        assert live.held_by is None

    node.run(test)


def test_nobody_is_expected_under_a_lease_that_portunus_holds_itself(node: Node) -> None:
    async def test() -> None:
        assert node.host is not None
        await asyncio.to_thread(ask, node, member_id="HD999999999", birth_date="1980-01-01")
        for attempt_id in await asyncio.to_thread(turn, node):
            node.host.run_attempt(attempt_id)
            await node.host._attempts[attempt_id]
        with node.portunus.reading(system("test")) as work:
            lease = work.db.scalars(select(Lease).where(Lease.granted_at.is_not(None))).one()
        await node.host.expect(lease.id)
        assert expected(node) == set()

    node.run(test)


def test_a_tab_that_was_opened_is_signed_in_before_any_task_asks_for_it(node: Node) -> None:
    async def test() -> None:
        assert node.host is not None
        lease_id, attempt_id = await asyncio.to_thread(node.reserve, "saguaro.phoenix", "phoenix")
        await node.host.expect(lease_id)
        node.host.run_attempt(attempt_id)  # the task comes too
        await node.host._attempts[attempt_id]
        session, outcome = await asyncio.to_thread(node.ended, attempt_id)
        assert (outcome, session.state) == ("signed_in", "ready")
        counted = await asyncio.to_thread(node.lab.counters, "harborline", "saguaro.phoenix")
        assert counted["logins"] == 1

    node.run(test)


def test_a_lease_that_is_gone_is_not_expected(node: Node) -> None:
    async def test() -> None:
        assert node.host is not None
        await node.host.expect("lea_gone")
        assert expected(node) == set()

    node.run(test)


def test_the_view_that_was_opened_is_the_one_she_sees(monkeypatch) -> None:
    async def play() -> None:
        async with a_page() as (live, _):
            made = await view_of(live)
            first = made.first
            monkeypatch.setattr(View, "open", None)  # a second one would fail
            async with watching(live, Record(), made) as viewer:
                assert (await viewer.until(lambda data: data[0] == FRAME))[16:] == first

    asyncio.run(play())


def test_a_view_that_nobody_came_for_is_closed(monkeypatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(coming, "WAIT_S", 0)
        async with a_page() as (live, _):
            views = Coming()
            views.open(live)
            await soon(lambda: not views._opening)
            assert await views.take(live) is None

    asyncio.run(play())


def test_a_view_of_another_tab_is_not_shown_for_this_one() -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            made = await view_of(live)
            await page.evaluate("window.open('about:blank')")
            await soon(lambda: len(live.tabs) == 2)
            async with watching(live, Record(), made) as viewer:
                shown = await viewer.until(lambda data: data[0] == FRAME)
                assert int.from_bytes(shown[2:4]) == live.active != made.tab.number

    asyncio.run(play())


async def view_of(live: LiveSession) -> View:
    """The active tab's, opened ahead."""
    views = Coming()
    views.open(live)
    made = await views.take(live)
    assert made is not None
    assert made.first is not None
    return made


def test_a_view_that_was_opened_but_not_shown_is_closed(monkeypatch) -> None:
    """A question of the portal stood when she joined, and she left without an answer."""

    async def play() -> None:
        async with a_page() as (live, _):
            made = await view_of(live)
            left: list[View] = []
            monkeypatch.setattr(View, "leave", lambda self: left.append(self))
            stream = Stream(live, _double(Record()), Viewer(), _double(None), "https://portal.test/", opened=made)
            stream.leave_unshown()
            assert left == [made]

    asyncio.run(play())


def test_a_page_that_hangs_holds_nobody_up(monkeypatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(coming, "PATIENCE_S", 0)
        monkeypatch.setattr(View, "open", lambda *_: asyncio.Event().wait())
        async with a_page() as (live, _):
            views = Coming()
            views.open(live)
            assert await views.take(live) is None

    asyncio.run(play())


def _double(one: Any) -> Any:
    return one
