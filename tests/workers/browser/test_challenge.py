"""A name and a password that a person types for a server of the portal: they serve her, and nobody after her."""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.async_api import Page

from broker.tabs import service as tabs
from tests.waiting import soon
from tests.workers.browser.conftest import Node
from tests.workers.browser.test_stream import a_page
from tests.workers.browser.test_turns import Viewer, lease_of, open_tab, person
from workers.browser import challenge, passing
from workers.browser.live import LiveSession

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
NAME, PASSWORD = "maria", "harbour 7"
RIGHT = "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
LOCKED = "https://harborline.sim.test/eligibility"
ASKS = {"basic": 'Basic realm="Reports"', "digest": 'Digest realm="Reports", nonce="4711", qop="auth"'}


class Server:
    """Wants a name for every page, and lets the browser keep what it showed; `seen` is what it was told, page by page."""

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        self.seen: list[str | None] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answer, self))
        self.url = f"http://127.0.0.1:{self.http.server_port}/june"


class _Answer(BaseHTTPRequestHandler):
    def __init__(self, server_: Server, *more: object) -> None:
        self._of = server_
        super().__init__(*more)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        told = self.headers.get("authorization")
        if self.path == "/june":
            self._of.seen.append(told and told.partition(" ")[0])
        opened = told == RIGHT or (told or "").startswith(f'Digest username="{NAME}"')
        body = b"<title>Reports</title>" if opened else b"<title>No</title>"
        self.send_response(200 if opened else 401)
        if opened:
            self.send_header("cache-control", "private, max-age=600")
        else:
            self.send_header("www-authenticate", ASKS[self._of.scheme])
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the name it has there


@pytest.fixture(params=ASKS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = Server(request.param)
    threading.Thread(target=made.http.serve_forever, daemon=True).start()
    yield made
    made.http.shutdown()
    made.http.server_close()


async def typed(live: LiveSession, page: Page, url: str) -> None:
    """She is asked, and answers."""
    await page.goto(url)
    await soon(lambda: live.tabs[0].challenge is not None)
    await challenge.answer(live, live.tabs[0], NAME, PASSWORD)
    await page.wait_for_function("document.title === 'Reports'")


def test_the_browser_forgets_name_password_and_pages_without_a_wrong_try(server: Server) -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            await typed(live, page, server.url)
            await page.goto("about:blank")
            server.seen.clear()
            assert await challenge.forget(live)
            assert server.seen == [""], "nothing was tried"
            await page.goto(server.url)
            assert (await page.title(), server.seen) == ("No", ["", None])
            await soon(lambda: live.tabs[0].challenge is not None)
            assert len(live.context.pages) == 1

    asyncio.run(play())


def test_what_was_typed_is_not_given_any_more_once_her_time_is_over(server: Server) -> None:
    async def play() -> None:
        async with a_page() as (live, page):
            await page.goto(server.url)
            await soon(lambda: live.tabs[0].challenge is not None)
            other: object = object()
            late = asyncio.ensure_future(challenge.answer(live, live.tabs[0], NAME, PASSWORD))
            await asyncio.sleep(0)
            live.recorder = other  # type: ignore[assignment]
            await late
            await page.wait_for_load_state()
            assert (await page.title(), live.answered) == ("No", set())

    asyncio.run(play())


class Hands(Viewer):
    """A viewer with something to say."""

    def say(self, **message: str) -> None:
        self._acks.put_nowait(json.dumps(message))


async def opened(node: Node, live: LiveSession) -> asyncio.Task[None]:
    """Maria at her tab has typed what the portal's page wants."""
    assert node.host is not None
    await asyncio.to_thread(node.lab.fault, "harborline", "http_auth", path="/eligibility", opens=RIGHT)
    hands, page = Hands(), live.tabs[0].page
    streaming = asyncio.create_task(node.host.stream(await asyncio.to_thread(lease_of, node, live.id), hands))  # type: ignore[arg-type]
    await asyncio.wait_for(hands.seen.wait(), 60)
    await page.goto(LOCKED)
    await soon(lambda: live.tabs[0].challenge is not None)
    hands.say(t="auth", name=NAME, password=PASSWORD)
    await page.wait_for_selector("#member-id")
    await page.goto(LOCKED)
    assert await page.locator("#member-id").count() == 1, "she is asked once"
    return streaming


def handed_over(node: Node, lease_id: str) -> str:
    dan = person(node, "Dan Whitfield")
    with node.portunus.unit(person(node, "Maria Lopez")) as work:
        return tabs.hand_over(work, lease_id, dan.id, "Ask for the PDF").id


async def passed_on(node: Node, live: LiveSession, how: str) -> str:
    """Dan has the session after her, by this way; his lease."""
    if how == "handed over":
        return await asyncio.to_thread(handed_over, node, await asyncio.to_thread(lease_of, node, live.id))
    await asyncio.to_thread(node.give_back, live.id)
    return await asyncio.to_thread(open_tab, node, "Dan Whitfield")


@pytest.mark.parametrize("how", ["given back", "handed over"])
def test_what_one_person_typed_for_a_server_is_not_given_for_the_next(node: Node, how: str) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        maria, hands = await opened(node, live), Hands()
        dan = asyncio.create_task(host.stream(await passed_on(node, live, how), hands))  # type: ignore[arg-type]
        await asyncio.wait_for(hands.seen.wait(), 60)
        page = live.tabs[0].page
        await page.goto(LOCKED)
        await soon(lambda: live.tabs[0].challenge is not None)
        assert await page.locator("#member-id").count() == 0
        counts = await asyncio.to_thread(node.lab.counters, "harborline")
        assert (counts["wrong_passwords"], counts["password_submits"]) == (0, 1), (
            "nothing was tried, nobody signed in anew"
        )
        hands.say(t="auth", name=NAME, password=PASSWORD)
        await page.wait_for_selector("#member-id")
        for task in (maria, dan):
            task.cancel()

    node.run(test)


@pytest.mark.parametrize("how", ["given back", "handed over"])
def test_a_session_whose_browser_cannot_forget_ends_before_the_next_person_and_says_why(node: Node, how: str) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        maria, hands = await opened(node, live), Hands()
        await asyncio.to_thread(node.lab.unfault, "harborline", "http_auth")  # it would open for her, and asks nobody
        dans = await passed_on(node, live, how)
        await asyncio.wait_for(host.stream(dans, hands), 60)  # type: ignore[arg-type]
        row = await asyncio.to_thread(node.session, live.id)
        assert (hands.words, hands.pictures) == ([passing.KEPT], 0)
        assert (row.state, row.end_reason, row.words) == ("ended", "password_kept", passing.KEPT)
        maria.cancel()

    node.run(test)
