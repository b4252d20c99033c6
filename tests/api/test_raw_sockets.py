"""The stream's door for one who speaks WebSocket by hand, behind the very server options Portunus starts with (threats WS7, WS8, WS13)."""

import base64
import contextlib
import json
import os
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import uvicorn

from api import door
from api.cli import services
from broker.base.settings import Settings
from broker.directory.models import Organization
from tests import factories
from tests.api import test_stream
from tests.api.conftest import ADDRESS
from tests.api.test_stream import SYSTEM, ticket_of
from tests.waiting import until

joined, maria = test_stream.joined, test_stream.maria
TEXT, CONTINUED, FIN = 1, 0, 0x80
PATIENCE_S = 20


def options() -> dict[str, str]:
    """How `portunus up` starts the server."""
    command = services.api(Settings(), {}).command
    return {one: after for one, after in zip(command, command[1:], strict=False) if one.startswith("--ws-")}


@pytest.fixture
def port(app) -> Iterator[int]:
    said, listener = options(), socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_level="critical",
        lifespan="off",
        ws_max_size=int(said["--ws-max-size"]),
        ws_per_message_deflate=said["--ws-per-message-deflate"] == "true",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


class Line:
    """A connection to the stream of her tab, byte by byte; `head` is the answer to the handshake."""

    def __init__(self, port: int, browser, more: str = "", path: str = "/tabs/lea_1/stream") -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        cookies = "; ".join(f"{one.name}={one.value}" for one in browser.client.cookies.jar)
        key = base64.b64encode(os.urandom(16)).decode()
        self.wire.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {ADDRESS.partition('//')[2]}\r\nOrigin: {ADDRESS}\r\nCookie: {cookies}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{more}\r\n".encode()
        )
        self.came = b""
        while b"\r\n\r\n" not in self.came:
            self.came += self.wire.recv(4096)
        head, _, self.came = self.came.partition(b"\r\n\r\n")
        self.head = head.decode().lower()

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    def send(self, data: bytes, *, first: int = FIN | TEXT, masked: bool = True, length: bytes | None = None) -> None:
        size = length or (
            bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
            if len(data) < 65536 else b"\x7f" + struct.pack(">Q", len(data))
        )  # fmt: skip
        mask = b"\0\0\0\0" if masked else b""
        with contextlib.suppress(ConnectionError):  # it may be closed in the middle
            self.wire.sendall(bytes([first, size[0] | (0x80 if masked else 0)]) + size[1:] + mask + data)

    def joins(self, browser) -> "Line":
        self.send(json.dumps({"ticket": ticket_of(browser)}).encode())
        return self

    def end(self) -> int:
        """The code it was closed with, after whatever else was said; 1006 when it was only cut."""
        with contextlib.suppress(ConnectionError):
            while True:
                while len(self.came) < 2 or len(self.came) < 2 + self.came[1]:  # ours are short
                    if not (more := self.wire.recv(4096)):
                        return 1006
                    self.came += more
                kind, size = self.came[0] & 15, self.came[1]
                data, self.came = self.came[2 : 2 + size], self.came[2 + size :]
                if kind == 8:
                    return int(struct.unpack(">H", data[:2])[0])
        return 1006


FRAMES = {
    "2^63 bytes announced": ([{"data": b"", "length": b"\x7f" + struct.pack(">Q", 2**63)}], (1002, 1009)),
    "2^62 bytes announced": ([{"data": b"x" * 1000, "length": b"\x7f" + struct.pack(">Q", 2**62)}], (1009,)),
    "16 MB of text": ([{"data": b"x" * 16_000_000}], (1009, 1006)),
    "no mask": ([{"data": b"{}", "masked": False}], (1002,)),
    "reserved bits": ([{"data": b"{}", "first": FIN | 0x40 | TEXT}], (1002,)),
    "a kind nobody knows": ([{"data": b"{}", "first": FIN | 3}], (1002,)),
    "a continuation of nothing": ([{"data": b"{}", "first": FIN | CONTINUED}], (1002,)),
    "10,000 fragments of 100 bytes": (
        [{"data": b"x" * 100, "first": TEXT}, *[{"data": b"x" * 100, "first": CONTINUED}] * 10_000],
        (1009, 1006),
    ),
    "no text": ([{"data": b"\xff\xfe"}], (1007,)),
}


@pytest.mark.parametrize("what", FRAMES)
def test_ws7_frames_that_no_browser_sends_end_the_socket_and_cost_no_memory(port, maria, joined, what):
    frames, codes = FRAMES[what]
    line = Line(port, maria[0]).joins(maria[0])
    until(lambda: joined == ["lea_1"])
    before = psutil.Process().memory_info().rss
    for one in frames:
        line.send(**one)
    assert line.end() in codes
    assert psutil.Process().memory_info().rss - before < 30_000_000
    assert Line(port, maria[0]).status == 101, "the server goes on"


def test_ws8_nothing_is_decompressed(port, maria, joined):
    offered = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    line = Line(port, maria[0], offered)
    assert (line.status, "sec-websocket-extensions" in line.head) == (101, False)
    line.joins(maria[0])
    until(lambda: joined == ["lea_1"])
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packed.compress(b"x" * 50_000_000) + packed.flush(zlib.Z_SYNC_FLUSH)
    line.send(bomb, first=FIN | 0x40 | TEXT)
    assert line.end() in (1002, 1009)


def test_ws13_one_person_has_so_many_sockets_and_others_have_theirs(
    port, maria, signed_in, joined, portunus, monkeypatch
):
    monkeypatch.setattr(door, "TICKET_PATIENCE_S", 3600)
    with portunus.unit(SYSTEM) as work:
        dan = factories.user(work, work.db.get(Organization, maria[1].organization_id), "Dan Whitfield")
    lines = [Line(port, maria[0]) for _ in range(200)]
    assert [one.status for one in lines] == [101] * door.SOCKETS_EACH + [403] * (200 - door.SOCKETS_EACH)
    assert Line(port, signed_in(dan)).status == 101
    for one in lines:
        one.wire.close()
    until(lambda: maria[1].id not in door._open)
    assert Line(port, maria[0]).status == 101


def test_the_image_starts_the_server_with_the_same_options():
    image = (Path(__file__).parents[2] / "Dockerfile").read_text(encoding="utf-8")
    assert [f'"{one}", "{said}"' in image for one, said in options().items()] == [True, True]
