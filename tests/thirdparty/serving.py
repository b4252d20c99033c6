"""What serving somebody else's application takes: a process that ends with the test, TLS before it, a look whether it answers."""

import asyncio
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from carrier_scripts.lab.certificate import Certificate

START_S = 90
STOP_S = 10
PIECE = 64 * 1024


@dataclass(frozen=True)
class Running:
    """What a test needs to know of an application."""

    host: str
    port: int
    username: str
    password: str
    proof: Certificate
    seed: str = ""
    """The secret of its authenticator, base32; empty: it has none."""

    @property
    def resolve(self) -> dict[str, str]:
        """For the setting `resolve`."""
        return {self.host: f"127.0.0.1:{self.port}"}


@contextmanager
def process(command: Sequence[str], folder: Path, **environment: str) -> Iterator["Process"]:
    """The command, in this folder, with hardly any environment; ended with the block."""
    keep = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    said = folder / "said.log"
    with said.open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env=keep | environment, cwd=folder)
    try:
        yield Process(child, said)
    finally:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@dataclass(frozen=True)
class Process:
    """A running application and what it prints."""

    child: "subprocess.Popen[bytes]"
    said: Path

    def answers(self, address: str, ca: Path | None = None) -> None:
        """Wait until this address is answered. Raises RuntimeError with the application's last words."""
        trust = ssl.create_default_context(cafile=ca) if ca else None
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.child.poll() is None:
            try:
                with urllib.request.urlopen(address, timeout=20, context=trust):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"{address} does not answer: {self.said.read_text(errors='replace')[-2000:]}")


@contextmanager
def tls_before(port: int, proof: Certificate) -> Iterator[int]:
    """A port that speaks TLS and hands everything on to `port`, as the web server before an application does."""
    ready, over, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(proof.chain, proof.key)
    before = free_port()

    async def serve() -> None:
        async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))

        async with await asyncio.start_server(hand_on, "127.0.0.1", before, ssl=trust):
            ready.set()
            await over.wait()

    def run() -> None:
        loop.run_until_complete(serve())
        for left in asyncio.all_tasks(loop):
            left.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(STOP_S)
    try:
        yield before
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(STOP_S)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass  # either side may hang up at any time
    finally:
        writer.close()


def free_port() -> int:
    """A TCP port of this machine that nobody listens on now."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
