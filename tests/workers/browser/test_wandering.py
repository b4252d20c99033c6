"""A signed-in page leads elsewhere, by each way a page has: nothing leaves, and its holder reads what was stopped."""

import asyncio
import contextlib

import pytest
from playwright.async_api import Error, Page

from tests.waiting import soon
from tests.workers.browser.conftest import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]
HARBORLINE = "harborline"
HOME = "https://harborline.sim.test/home"
PLACES = {"elsewhere.sim.test": "https://elsewhere.sim.test/", "127.0.0.1": "{trap}"}
WAYS = ("script", "redirect", "link", "frame", "image", "fetch")


async def at_home(page: Page) -> None:
    """Where an error page is still on its way, it comes first."""
    while True:
        with contextlib.suppress(Error):
            await page.goto(HOME)
            return


def test_a_signed_in_page_reaches_neither_another_host_nor_a_private_address(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        page = live.tabs[0].page
        for host, to in PLACES.items():
            for how in WAYS:
                await at_home(page)
                live.door.denied.clear()
                live.notices.clear()
                await asyncio.to_thread(node.lab.fault, HARBORLINE, "navigate", to=to, how=how)
                with contextlib.suppress(Error):  # the way there is shut
                    await page.reload()
                if how == "link":
                    await page.click("#wander", no_wait_after=True)
                await soon(lambda host=host: live.door.denied[host] > 0)  # type: ignore[misc]
                await asyncio.to_thread(node.lab.unfault, HARBORLINE, "navigate")
                assert live.notices == [f"Portunus blocked {host}: it is not one of this portal's hosts."]
                assert list(live.door.denied) == [host]
        lab = await asyncio.to_thread(node.lab.counters, "lab")
        assert (lab["private_hits"], lab["foreign_hosts"]) == (0, 0)
        assert (await asyncio.to_thread(node.session, live.id)).state == "ready"

    node.run(test)
