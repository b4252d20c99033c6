"""What a portal's page hands out: for the holder who asked by hand, in whichever tab, and never more than the disk can take."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Page

from broker.tabs.files import LARGEST
from tests.waiting import soon
from tests.workers.browser.test_stream import a_page
from workers.browser import files, guard
from workers.browser.live import LiveSession

pytestmark = pytest.mark.browser
SAVES = "(() => { const a = document.createElement('a'); a.href = '/eob'; a.download = 'eob.pdf'; document.body.append(a); a.click(); })()"


async def portal(live: LiveSession, page: Page) -> list[str]:
    """A portal with a file; whose names were handed to the holder."""
    taken: list[str] = []
    live.takes_download = lambda download: taken.append(download.suggested_filename)
    live.hand_at = asyncio.get_running_loop().time()
    attached = {"content-disposition": "attachment; filename=eob.pdf", "content-type": "application/pdf"}
    await live.context.route("https://portal.test/eob", lambda route: route.fulfill(body="%PDF-1.4", headers=attached))
    await live.context.route(
        "https://portal.test/", lambda route: route.fulfill(body="<body>portal", content_type="text/html")
    )
    await page.goto("https://portal.test/")
    return taken


@pytest.mark.parametrize("way", [SAVES, "open('/eob')", "location.href = '/eob'"], ids=["link", "pop-up", "address"])
def test_a_file_reaches_the_holder_from_every_tab(way: str) -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            taken = await portal(live, page)
            await page.evaluate(way)
            await soon(lambda: taken == ["eob.pdf"])

    asyncio.run(play())


def test_a_file_that_nobody_asked_for_by_hand_is_not_kept_and_she_is_told() -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            taken = await portal(live, page)
            live.hand_at -= guard.ASKED_S + 1
            await page.evaluate(SAVES)
            await soon(lambda: bool(live.notices))
            assert (taken, live.notices[-1][:28]) == ([], "Portunus blocked a file that")

    asyncio.run(play())


def test_a_file_for_nobody_is_thrown_away() -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            await portal(live, page)
            live.takes_download = None
            async with page.expect_download() as coming:
                await page.evaluate(SAVES)
            download = await coming.value
            assert await download.failure() == "canceled"
            assert live.notices == []

    asyncio.run(play())


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOOK_S", 0.01)

    class Endless:
        def __init__(self) -> None:
            self.over = asyncio.Event()

        async def path(self) -> str:
            await self.over.wait()
            raise files.Error("canceled")

        async def cancel(self) -> None:
            self.over.set()

    async def play() -> None:
        door = SimpleNamespace(bytes_in=7)
        live: Any = SimpleNamespace(door=door, claim=SimpleNamespace(organization_id="org_1"))
        nothing: Any = None
        endless: Any = Endless()
        taking = asyncio.ensure_future(files.LeaseFiles(nothing, live, "lea_1").take(endless))
        await asyncio.sleep(0)
        door.bytes_in += LARGEST + files.BESIDE
        await asyncio.sleep(0.05)
        assert not taking.done()
        door.bytes_in += 1
        assert await taking is None

    asyncio.run(play())
