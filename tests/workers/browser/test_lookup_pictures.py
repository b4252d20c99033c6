"""The picture that proves a value is not older than the value."""

import asyncio
from typing import Any

from carrier_scripts import registry
from tests.workers.browser.conftest import Node
from workers.browser.lookupfacade import LookupFacade
from workers.browser.writeguard import WriteGuard


class Kept:
    """A recorder that keeps nothing."""

    recording_id = "rec_test"

    def ms(self) -> int:
        return 1

    def next_seq(self) -> int:
        return 1

    async def keep(self, frame: Any, ms: int) -> tuple[int, int]:
        del frame, ms
        return 0, 0


def test_what_was_waited_for_is_on_a_picture_of_its_own(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        page = await live.context.new_page()
        guard = WriteGuard(registry.portal("harborline"))
        await guard.stand(page)
        cdp = await live.new_cdp(page)
        facade = LookupFacade(live, page, cdp, guard, Kept(), node.portunus.clock)  # type: ignore[arg-type]
        await page.goto("https://harborline.sim.test/eligibility")
        await page.evaluate("() => { document.body.innerHTML = '<h1>Benefits</h1><p id=first>Loading</p>'; }")

        async def seen(selector: str) -> str | None:
            await facade.call("read", {"page": 0, "chain": [["locator", [selector], {}]], "shape": "text"})
            return facade.eyes.sightings[-1].artifact_id

        before = await seen("h1")
        assert await seen("#first") == before
        await page.evaluate(
            "() => setTimeout(() => document.body.insertAdjacentHTML('beforeend', '<p id=late>Deductible $50.00</p>'), 150)"
        )
        chain = [["locator", ["#late"], {}]]
        waits = {"page": 0, "chain": chain, "act": "wait_for", "args": [], "options": {}}
        await asyncio.wait_for(facade.call("page", waits), 20)
        assert await seen("#late") != before
        await facade.saved()

    node.run(test)
