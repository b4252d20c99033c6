"""What a hostile page behind the product's own guard and door tries (docs: threats SS4, SS5, SS8, WS11), and that it does not happen."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.async_api import Error

from carrier_scripts.lab import certificate
from tests.waiting import soon
from tests.workers.browser.conftest import Node
from tests.workers.browser.test_challenge import Hands
from tests.workers.browser.test_stream import FRAME, Record, a_page, watching
from tests.workers.browser.test_turns import lease_of
from workers.browser import acts
from workers.browser.input import EVENTS_PER_S
from workers.browser.live import LiveSession

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
PAPERS = "papers.sim.test"
GATHERS = """server => new Promise(done => {
  const line = new RTCPeerConnection({ iceServers: [{ urls: `stun:${server}` },
    { urls: [`turn:${server}?transport=udp`, `turn:${server}?transport=tcp`], username: 'a', credential: 'b' }] });
  const found = [];
  line.createDataChannel('x');
  line.onicecandidate = ({ candidate }) => { if (candidate?.candidate) found.push(candidate.candidate); };
  line.onicegatheringstatechange = () => { if (line.iceGatheringState === 'complete') done(found); };
  line.createOffer().then(offer => line.setLocalDescription(offer));
})"""
"""All addresses that a page learns of its machine."""


class Ear:
    """Sockets of both kinds on one number, which hear whatever comes there."""

    def __init__(self, address: str) -> None:
        self.stream = socket.create_server((address, 0))
        self.where = "{}:{}".format(*self.stream.getsockname())
        self.packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.packets.bind(self.stream.getsockname())
        for one in (self.stream, self.packets):
            one.setblocking(False)

    def heard(self) -> list[str]:
        found = []
        with contextlib.suppress(BlockingIOError):
            self.packets.recv(2000)
            found.append("a packet")
        with contextlib.suppress(BlockingIOError):
            self.stream.accept()[0].close()
            found.append("a connection")
        return found


@contextmanager
def listening() -> Iterator[Ear]:
    """At the address that this machine has for others, where it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("192.0.2.1", 9))
            address = str(way.getsockname()[0])
        except OSError:
            address = "127.0.0.1"
    ear = Ear(address)
    yield ear
    ear.stream.close()
    ear.packets.close()


def test_ss4_webrtc_sends_no_packet_and_learns_no_address(node: Node) -> None:
    async def test() -> None:
        page = (await node.live()).tabs[0].page
        with listening() as ear:
            found = await asyncio.wait_for(page.evaluate(GATHERS, ear.where), 60)
            assert (found, ear.heard()) == ([], [])

    node.run(test)


WORKER = b"self.onfetch = event => event.respondWith(fetch('https://elsewhere.sim.test/')); self.oninstall = () => skipWaiting(); self.onactivate = event => event.waitUntil(clients.claim());"
PAGES = {"/": ("text/html", b"<title>Papers</title>"), "/worker.js": ("text/javascript", WORKER)}


@asynccontextmanager
async def papers(node: Node, live: LiveSession, chain: Path, key: Path) -> AsyncIterator[list[str]]:
    """One more host of the portal, `papers.sim.test`, with this certificate; the paths that it was asked for."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            asked.append(path := head.split()[1].decode())
            kind, body = PAGES.get(path, PAGES["/"])
            said = (
                f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            writer.write(said.encode() + body)
            await writer.drain()
        writer.close()

    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(chain, key)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secure)
    there = ("127.0.0.1", server.sockets[0].getsockname()[1])
    live.door.hosts, live.door.pinned[PAPERS] = (*live.door.hosts, PAPERS), there
    try:
        yield asked
    finally:
        server.close()


def test_ss5_a_worker_that_stays_fetches_through_the_door_and_nothing_once_its_host_is_gone(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        page, folder = live.tabs[0].page, Path(node.lab.facts["ca"]).parent
        async with papers(node, live, folder / "chain.pem", folder / "key.pem") as asked:
            await page.goto(f"https://{PAPERS}/")
            with contextlib.suppress(Error):  # the own function is shut; a hostile page takes the class's
                await page.evaluate(
                    "ServiceWorkerContainer.prototype.register.call(navigator.serviceWorker, '/worker.js')"
                )
            if "/worker.js" in asked:
                await page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
            got = await page.evaluate("fetch('/claims').then(answer => answer.status, () => 0)")
            lab = await asyncio.to_thread(node.lab.counters, "lab")
            assert (lab["foreign_hosts"], got) == (0, 0 if "/worker.js" in asked else 200)
            live.door.hosts = live.door.hosts[:-1]
            for writer in list(live.door.connections):
                writer.transport.abort()
            asked.clear()
            got = await page.evaluate("fetch('/claims?again').then(answer => answer.status, () => 0)")
            assert (asked, got) == ([], 0)

    node.run(test)


def test_ss8_no_words_open_a_page_with_a_bad_certificate(node: Node, tmp_path: Path) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        hands, page = Hands(), live.tabs[0].page
        streaming = asyncio.create_task(host.stream(await asyncio.to_thread(lease_of, node, live.id), hands))  # type: ignore[arg-type]
        await asyncio.wait_for(hands.seen.wait(), 60)
        async with papers(node, live, *certificate.expired(tmp_path)) as asked:
            with pytest.raises(Error, match="ERR_CERT"):
                await page.goto(f"https://{PAPERS}/")
            for letter in "thisisunsafe":
                told = {"t": "key", "key": letter, "code": f"Key{letter.upper()}", "kc": ord(letter.upper()), "m": 0}
                hands._acks.put_nowait(json.dumps({**told, "k": "down"}))
                hands._acks.put_nowait(json.dumps({**told, "k": "up"}))
            hands.say(t="nav", to="reload")
            await soon(hands._acks.empty)
            with pytest.raises(Error, match="ERR_CERT"):
                await page.goto(f"https://{PAPERS}/again")
            assert asked == [], "no request was made over that connection"
        streaming.cancel()

    node.run(test)


def test_ws11_of_five_thousand_keys_a_seconds_worth_arrives_and_hands_work_again(monkeypatch) -> None:
    async def play() -> None:
        now = [100.0]
        monkeypatch.setattr(acts, "time", SimpleNamespace(monotonic=lambda: now[0]))
        async with a_page() as (live, page), watching(live, Record()) as viewer:
            await viewer.until(lambda data: data[0] == FRAME)
            await page.focus("#name")
            for _ in range(5000):
                viewer.say(t="text", v="x")
            await soon(viewer.said.empty)
            assert len(await page.input_value("#name")) == EVENTS_PER_S
            now[0] += 1.1
            viewer.say(t="text", v="yes")
            await page.wait_for_function("document.getElementById('name').value.endsWith('yes')")

    asyncio.run(play())
