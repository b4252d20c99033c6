"""One viewer's stream of a real page: written before shown, still pages cost nothing, dialogs and lists are answered by people."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page, async_playwright

from broker.base.settings import Settings
from tests.waiting import soon
from workers.browser import guard, masks, screen, tiles
from workers.browser.facade import CallRefused, unless_asked
from workers.browser.live import LiveSession
from workers.browser.messages import EVENT, FRAME
from workers.browser.recorder import RecorderFailed
from workers.browser.stream import Gone, Stream
from workers.browser.view import View
from workers.browser.watching import Watcher

pytestmark = pytest.mark.browser
CHROMIUMS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
PAGE = """<body style="margin: 20px; font: 16px sans-serif"><input id="name"><select id="year" aria-label="Year"><option>2025<option>2026</select>
<button onclick="document.title = confirm('Sure?')">ask</button><input name="code" value="%s"><input type="password" value="%s"></body>"""


class Viewer:
    """A viewer that acknowledges everything at once."""

    def __init__(self) -> None:
        self.shown: asyncio.Queue[bytes] = asyncio.Queue()
        self.said: asyncio.Queue[str | None] = asyncio.Queue()

    async def send_bytes(self, data: bytes) -> None:
        self.shown.put_nowait(data)
        self.say(t="ack")

    async def receive_text(self) -> str:
        text = await self.said.get()
        if text is None:
            raise Gone
        return text

    def say(self, **message: Any) -> None:
        self.said.put_nowait(json.dumps(message))

    async def until(self, fits: Callable[[bytes], bool]) -> bytes:
        async with asyncio.timeout(10):
            while not fits(data := await self.shown.get()):
                pass
        return data

    async def event(self, name: str) -> dict[str, Any]:
        return told(await self.until(lambda data: data[0] == EVENT and told(data)["e"] == name))

    async def click(self, page: Page, selector: str) -> None:
        box = await page.locator(selector).bounding_box()
        assert box is not None
        at = {"x": box["x"] + 8, "y": box["y"] + 8}
        self.say(t="mouse", k="down", b=0, **at)
        self.say(t="mouse", k="up", b=0, **at)


class Record:
    """A recorder that keeps what it is given, and can fail."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.seq = 0
        self.broken = False

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def ms(self) -> int:
        return 0

    def joined(self) -> dict[str, str | int]:
        return {"recording": "rec_1", "who": "Maria Lopez", "at": "2026-11-21T09:00:00+00:00", "ms": 0}

    async def write(self, data: bytes) -> None:
        if self.broken:
            raise RecorderFailed("no more room")
        self.kept.append(data)


def told(data: bytes) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(data[12:])
    return event


@asynccontextmanager
async def a_page(code: str = "", password: str = "") -> AsyncIterator[tuple[LiveSession, Page]]:
    found = Settings().browser or next((path for path in CHROMIUMS if Path(path).exists()), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found)
        context = await browser.new_context(viewport={"width": 640, "height": 400})
        claim: Any = SimpleNamespace(portal_session_id="ses_1", attempt_id="att_1")
        nothing: Any = None
        shard: Any = SimpleNamespace(died=asyncio.Event())
        live = LiveSession(claim=claim, context=context, door=nothing, shard=shard)
        await masks.put_on(context)
        page = await context.new_page()
        guard.adopt_first(live, page)
        guard.watch(live)
        await page.set_content(PAGE % (code, password))
        yield live, page
        await browser.close()


@asynccontextmanager
async def watching(live: LiveSession, record: Record, opened: View | None = None) -> AsyncIterator[Viewer]:
    viewer = Viewer()
    double: Any = record
    nothing: Any = None
    live.recorder = double
    task = asyncio.ensure_future(Stream(live, double, viewer, nothing, "https://portal.test/", opened=opened).run())
    yield viewer
    viewer.said.put_nowait(None)
    async with asyncio.timeout(10):
        await task


def test_everything_shown_was_written_before_and_a_typed_letter_is_under_a_kilobyte():
    async def play() -> None:
        record = Record()
        async with a_page() as (live, page), watching(live, record) as viewer:
            await viewer.until(lambda data: data[0] == FRAME)
            await viewer.click(page, "#name")
            await viewer.event("click")
            viewer.say(t="key", k="down", key="q", code="KeyQ", kc=81)
            viewer.say(t="key", k="up", key="q", code="KeyQ", kc=81)
            update = await viewer.until(lambda data: data[0] != EVENT)
            await page.wait_for_function("document.getElementById('name').value === 'q'")
            assert len(update) < 1024
            assert update in record.kept

    asyncio.run(play())


def test_recording_that_fails_ends_the_stream_and_shows_nothing():
    async def play() -> None:
        record, viewer = Record(), Viewer()
        record.broken = True
        double: Any = record
        nothing: Any = None
        async with a_page() as (live, _):
            with pytest.raises(RecorderFailed):
                await asyncio.wait_for(Stream(live, double, viewer, nothing, "https://portal.test/").run(), 10)
        assert viewer.shown.empty()

    asyncio.run(play())


def test_list_is_described_and_the_choice_is_made_as_by_a_person():
    async def play() -> None:
        async with a_page() as (live, page), watching(live, Record()) as viewer:
            await page.evaluate("year.onchange = () => document.title = 'changed to ' + year.value")
            await viewer.until(lambda data: data[0] == FRAME)
            await viewer.click(page, "#year")
            opened = await viewer.event("select")
            assert opened["options"] == [["2025", False], ["2026", False]]
            viewer.say(t="select", n=opened["n"], i=1)
            await page.wait_for_function("document.title === 'changed to 2026'")

    asyncio.run(play())


@pytest.mark.parametrize(("answer", "title"), [(True, "true"), (False, "false")])
def test_dialog_waits_for_a_person_even_across_a_new_connection(answer, title):
    async def play() -> None:
        record = Record()
        async with a_page() as (live, page):
            async with watching(live, record) as viewer:
                await viewer.until(lambda data: data[0] == FRAME)
                await viewer.click(page, "button")
                assert (await viewer.event("dialog"))["words"] == "Sure?"
            async with watching(live, record) as viewer:
                await viewer.event("dialog")
                viewer.say(t="dialog", ok=answer)
                await viewer.until(lambda data: data[0] == FRAME)
                assert await page.title() == title

    asyncio.run(play())


def test_dialog_of_an_idle_tab_is_never_answered_its_page_goes():
    async def play() -> None:
        async with a_page() as (live, page):
            await page.evaluate("setTimeout(() => { window.answer = confirm('Stay signed in?') })")
            await soon(lambda: page.is_closed())
            assert [tab.page.url for tab in live.tabs] == ["about:blank"]
            assert live.dialog is None

    asyncio.run(play())


def test_dialog_while_a_script_drives_ends_its_call_instead_of_being_answered():
    async def play() -> None:
        async with a_page() as (live, page), live.lock:
            await page.evaluate("setTimeout(() => { window.answer = confirm('Accept the new terms?') })")
            with pytest.raises(CallRefused) as refused:
                await unless_asked(live, page.wait_for_function("window.answer !== undefined", timeout=5000))
            assert refused.value.code == "needs_person"
            assert live.dialog is not None

    asyncio.run(play())


def test_closing_a_tab_with_unsaved_words_asks_first():
    async def play() -> None:
        async with a_page() as (live, page), watching(live, Record()) as viewer:
            await viewer.until(lambda data: data[0] == FRAME)
            await page.evaluate(
                "addEventListener('beforeunload', event => event.preventDefault()); window.open('about:blank')"
            )
            await soon(lambda: len(live.tabs) == 2)
            viewer.say(t="tab", n=0)
            await viewer.click(page, "#name")
            await viewer.event("click")
            viewer.say(t="close", n=0)
            assert (await viewer.event("dialog"))["kind"] == "beforeunload"
            viewer.say(t="dialog", ok=False)
            await soon(lambda: live.dialog is None)
            assert not page.is_closed()

    asyncio.run(play())


async def _first_picture(code: str, password: str) -> screen.Picture:
    async with a_page(code, password) as (live, _), watching(live, Record()) as viewer:
        data = await viewer.until(lambda data: data[0] == FRAME)
    return tiles.decode(data[16:], 0, 0)


def test_code_and_password_look_the_same_whatever_they_are():
    one = asyncio.run(_first_picture("483920", "hunter2"))
    other = asyncio.run(_first_picture("111111", "letmein"))
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "null",
        "nonsense",
        '{"t":"shell"}',
        '{"t":"mouse","k":"down","x":"1","y":2}',
        '{"t":"mouse","k":"move","x":1e300,"y":0}',
    ],
)
def test_input_that_no_viewer_sends_ends_the_stream(text):
    async def play() -> None:
        viewer = Viewer()
        double: Any = Record()
        nothing: Any = None
        async with a_page() as (live, _), asyncio.timeout(10):
            task = asyncio.ensure_future(Stream(live, double, viewer, nothing, "https://portal.test/").run())
            await viewer.until(lambda data: data[0] == FRAME)
            viewer.said.put_nowait(text)
            await task

    asyncio.run(play())


def test_holder_is_told_who_looks_on_before_they_see_what_she_sees_and_all_of_it_is_recorded():
    async def play() -> None:
        record, grace, eyes = Record(), Watcher("Grace Kim"), Viewer()
        socket: Any = eyes
        async with a_page() as (live, page), watching(live, record) as viewer:
            await viewer.until(lambda data: data[0] == FRAME)
            live.watchers.append(grace)
            showing = asyncio.ensure_future(grace.run(socket))
            live.tell("watchers")
            assert (await viewer.event("watched"))["by"] == ["Grace Kim"]
            whole = await eyes.until(lambda data: data[0] == FRAME)
            await viewer.click(page, "#name")
            change = await eyes.until(lambda data: data[0] not in (EVENT, FRAME))
            told_at = next(n for n, data in enumerate(record.kept) if data[0] == EVENT and told(data)["e"] == "watched")
            assert told_at < record.kept.index(whole) < record.kept.index(change)
            live.watchers.remove(grace)
            live.tell("watchers")
            assert (await viewer.event("watched"))["by"] == []
            showing.cancel()

    asyncio.run(play())
