"""A spare context: it waits for the next sign-in like the last one, reaches nothing meanwhile, and counts as nobody's."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Error

from broker.base.errors import Unavailable
from broker.base.settings import Settings
from tests.waiting import soon
from tests.workers.browser.conftest import Node
from workers.browser.berths import Berths
from workers.browser.egress import Egress
from workers.browser.find import find
from workers.browser.pool import Pool

pytestmark = pytest.mark.browser
PHOENIX = "America/Phoenix"


def on_a_pool(test: Callable[[Pool, Egress, Berths], Awaitable[None]], **settings: int) -> None:
    async def within() -> None:
        chosen = Settings(**settings)
        pool, egress = Pool(chosen, find(chosen), lambda shard: None), Egress({})
        berths = Berths(pool, egress)
        await pool.start()
        try:
            await test(pool, egress, berths)
        finally:
            await berths.stop()
            await pool.stop()

    asyncio.run(within())


def test_the_spare_is_for_the_same_organization_and_time_zone_alone() -> None:
    async def test(pool: Pool, egress: Egress, berths: Berths) -> None:
        await berths.make_ready("org_1", PHOENIX)
        spare = berths._spare
        assert spare is not None
        assert await berths.taken("org_1", "America/Denver") is not spare
        assert await berths.taken("org_2", PHOENIX) is not spare
        assert await berths.taken("org_1", PHOENIX, {"cookies": [], "origins": []}) is not spare
        assert await berths.taken("org_1", PHOENIX) is spare
        assert await berths.taken("org_1", PHOENIX) is not spare
        assert await spare.page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == PHOENIX

    on_a_pool(test)


def test_a_spare_reaches_nothing_until_a_sign_in_has_it() -> None:
    async def test(pool: Pool, egress: Egress, berths: Berths) -> None:
        await berths.make_ready("org_1", PHOENIX)
        berth = await berths.taken("org_1", PHOENIX)
        with pytest.raises(Error, match="ERR_TUNNEL_CONNECTION_FAILED"):
            await berth.page.goto("https://harborline.sim.test/")
        assert berth.door.connections == set()

    on_a_pool(test)


def test_a_spare_counts_as_no_session_and_keeps_its_browser_for_its_organization() -> None:
    async def test(pool: Pool, egress: Egress, berths: Berths) -> None:
        used = await berths.taken("org_1", PHOENIX)
        await berths.make_ready("org_1", PHOENIX)
        spare = berths._spare
        assert spare is not None
        assert spare.shard is used.shard
        assert pool.light_numbers()["contexts"] == 1
        await pool.context("org_2")
        await pool.give_back(used.shard, used.context)
        assert await berths.taken("org_1", PHOENIX) is spare
        await pool.give_back(spare.shard, spare.context)
        assert not spare.usable

    on_a_pool(test)


def test_a_full_node_gives_no_spare_away() -> None:
    async def test(pool: Pool, egress: Egress, berths: Berths) -> None:
        await berths.make_ready("org_1", PHOENIX)
        await pool.context("org_1")
        with pytest.raises(Unavailable, match="as many portal sessions as it may have"):
            await berths.taken("org_1", PHOENIX)

    on_a_pool(test, max_sessions=1)


def test_a_sign_in_leaves_a_spare_for_the_next(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = node.host
        assert host is not None
        await soon(lambda: host.node.berths._spare is not None)
        spare = host.node.berths._spare
        assert spare is not None
        claim = live.claim
        assert await host.node.berths.taken(claim.organization_id, claim.time_zone) is spare
        assert spare.context is not live.context

    node.run(test)
