"""Keeping alive is unseen, allowed or left, and tells a session that is over in words."""

import asyncio

import pytest

from carrier_scripts.kit.outcomes import MEANINGS, Outcome
from tests.workers.browser.conftest import Node
from workers.browser import keepalive

HARBORLINE = "harborline"


def test_a_look_leaves_the_holders_tab_alone(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        page = live.tabs[0].page
        await page.evaluate("window.mine = 'half a form'")
        told: list[str] = []
        live.listeners.append(told.append)
        at = page.url
        before = (await asyncio.to_thread(node.session, live.id)).proved_at
        assert await keepalive.look(host.node, live) is Outcome.SIGNED_IN
        assert await page.evaluate("window.mine") == "half a form"
        assert page.url == at
        assert [tab.page for tab in live.tabs] == [page]
        assert live.context.pages == [page]
        assert (live.hiding, live.hidden, told) == (0, set(), [])
        after = (await asyncio.to_thread(node.session, live.id)).proved_at
        assert before is not None
        assert after is not None
        assert after > before

    node.run(test)


def test_a_look_that_finds_the_portal_signed_out_ends_the_session_in_words(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "end_sessions")
        assert await keepalive.look(host.node, live) is Outcome.SIGNED_OUT
        row = await asyncio.to_thread(node.session, live.id)
        assert (row.state, row.end_reason) == ("ended", "signed_out")
        assert row.words == MEANINGS[Outcome.SIGNED_OUT].words
        await host._tend_one(live)
        assert live.id not in host._sessions

    node.run(test)


def test_a_portal_that_is_down_does_not_end_the_session(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "error", status=503)
        assert await keepalive.look(host.node, live) is Outcome.DOWN
        assert (await asyncio.to_thread(node.session, live.id)).state == "ready"

    node.run(test)


def test_a_portal_that_forbids_it_is_not_kept_alive() -> None:
    assert keepalive.due_in({"keepalive_allowed": False, "idle_timeout_s": 600}) is None


def test_the_next_look_comes_before_the_portal_times_out() -> None:
    waits = [keepalive.due_in({"idle_timeout_s": 1000}) or 0 for _ in range(200)]
    assert min(waits) >= 600
    assert max(waits) <= 900
    assert len(set(waits)) > 1


@pytest.mark.parametrize(
    ("behaviour", "seconds"),
    [
        ({"idle_timeout_s": 900, "keepalive_allowed": False}, 900.0),
        ({"idle_timeout_s": 900, "keepalive_allowed": True}, None),
        ({"idle_timeout_s": 900}, None),
        ({"keepalive_allowed": False}, None),
    ],
)
def test_the_portals_time_out_counts_for_its_holder_where_nothing_keeps_it_alive(behaviour, seconds) -> None:
    assert keepalive.signs_out_after(behaviour) == seconds
