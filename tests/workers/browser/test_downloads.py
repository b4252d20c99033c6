"""What a portal's page hands out: for the holder who asked by hand, in whichever tab, and never more than the disk can take."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Page, Route

from broker.base.errors import Refused
from broker.tabs.files import LARGEST
from tests.waiting import soon
from tests.workers.browser.test_stream import a_page
from workers.browser import byhand, files, guard
from workers.browser.live import LiveSession

pytestmark = pytest.mark.browser
ATTACHED = {"content-disposition": "attachment; filename=eob.pdf", "content-type": "application/pdf"}
SAVES = "(() => { const a = document.createElement('a'); a.href = '/eob'; a.download = 'eob.pdf'; document.body.append(a); a.click(); })()"


async def portal(live: LiveSession, page: Page) -> list[str]:
    """A portal with a file; whose names were handed to the holder."""
    taken: list[str] = []
    live.takes_download = lambda download: taken.append(download.suggested_filename)
    byhand.did(live, "mouse", "up")
    await live.context.route("https://portal.test/eob", lambda route: route.fulfill(body="%PDF-1.4", headers=ATTACHED))
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
            live.pressed_at -= byhand.PRESSED_S + 1
            byhand.did(live, "mouse", "move")  # over the page: no press
            await page.evaluate(SAVES)
            await soon(lambda: bool(live.notices))
            assert (taken, live.notices[-1][:28]) == ([], "Portunus blocked a file that")

    asyncio.run(play())


def test_a_file_that_she_waits_for_may_come_once_she_said_so() -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            taken = await portal(live, page)
            live.pressed_at -= byhand.PRESSED_S + 1
            byhand.let_files_come(live)
            await page.evaluate(SAVES)
            await soon(lambda: taken == ["eob.pdf"])
            live.lets_until -= byhand.LET_S
            await page.evaluate(SAVES)
            await soon(lambda: bool(live.notices))
            assert taken == ["eob.pdf"]

    asyncio.run(play())


def test_an_answer_that_takes_long_and_leads_on_to_its_file_was_asked_for_by_hand() -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            taken = await portal(live, page)
            report: asyncio.Queue[Route] = asyncio.Queue()
            await live.context.route("https://portal.test/report", report.put_nowait)
            await page.evaluate("location.href = '/report'")
            made = await report.get()
            live.pressed_at -= byhand.PRESSED_S + 1
            await made.fulfill(status=200, body="%PDF-1.4", headers=ATTACHED)
            await soon(lambda: taken == ["eob.pdf"])

    asyncio.run(play())


def test_more_tabs_than_a_session_may_have_are_closed_and_she_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_TABS", 3)

    async def play() -> None:
        async with a_page() as (live, page):
            await portal(live, page)
            for _ in range(4):
                await page.evaluate("open('/')")
            await soon(lambda: bool(live.notices) and len(live.context.pages) == 3)
            assert live.notices[-1].startswith("Portunus closed a new tab: 3 of this portal are open.")
            assert len(live.tabs) == 3

    asyncio.run(play())


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"MOST_FILES": 1}, "This tab has taken 1 files"),
        ({"MOST_BYTES": 8}, "This tab has taken 1 files"),
        ({"LEAST_FREE": 2**62}, "The disk of the machine is nearly full"),
    ],
    ids=["files", "bytes", "disk"],
)
def test_a_tab_takes_only_so_much(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: dict[str, int], words: str
) -> None:
    for name, value in limit.items():
        monkeypatch.setattr(files, name, value)

    async def play() -> None:
        async with a_page() as (live, page):
            await portal(live, page)
            live.taken = ("lea_1", 1, 8)
            portunus: Any = SimpleNamespace(settings=SimpleNamespace(data_dir=tmp_path))
            live.door, live.takes_download = SimpleNamespace(bytes_in=0), lambda _: None  # type: ignore[assignment]
            live.claim.organization_id = "org_1"  # type: ignore[misc]
            async with page.expect_download() as coming:
                await page.evaluate(SAVES)
            download = await coming.value
            with pytest.raises(Refused, match=words):
                await files.LeaseFiles(portunus, live, "lea_1").take(download)
            with pytest.raises(Refused, match=words):
                await files.LeaseFiles(portunus, live, "lea_1").keep(b"x", "x.pdf")

    asyncio.run(play())


def test_another_holders_tab_takes_files_anew(tmp_path: Path) -> None:
    live: Any = SimpleNamespace(
        door=None, claim=SimpleNamespace(organization_id="org_1"), taken=("lea_1", files.MOST_FILES, 0)
    )
    portunus: Any = SimpleNamespace(settings=SimpleNamespace(data_dir=tmp_path))
    files.LeaseFiles(portunus, live, "lea_2")
    assert live.taken == ("lea_2", 0, 0)


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


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
        live: Any = SimpleNamespace(door=door, claim=SimpleNamespace(organization_id="org_1"), taken=("", 0, 0))
        portunus: Any = SimpleNamespace(settings=SimpleNamespace(data_dir=tmp_path))
        endless: Any = Endless()
        taking = asyncio.ensure_future(files.LeaseFiles(portunus, live, "lea_1").take(endless))
        await asyncio.sleep(0)
        door.bytes_in += LARGEST + files.BESIDE
        await asyncio.sleep(0.05)
        assert not taking.done()
        door.bytes_in += 1
        assert await taking is None

    asyncio.run(play())
