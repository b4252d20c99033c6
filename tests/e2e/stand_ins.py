"""Stand-ins of the browser host and the worker: they sign in at once, so that a whole morning fits into seconds."""

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from broker.base.actor import system
from broker.base.errors import Unavailable
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.matching import Arrival
from broker.codes.models import CodeRequest
from broker.directory.models import DeliveryEndpoint
from broker.tabs import service as tabs
from broker.tabs.service import Ending
from broker.tabs.states import SessionState
from broker.wiring import Portunus
from workers import make_film
from workers.browser import messages

HOST = system("browserhost")
WRONG_CODE = Ending("wrong_code", signed_in=False, words="The portal did not accept the code.", next_actor="requester")
SIGNED_IN = Ending("signed_in", signed_in=True, words="Signed in.", next_actor="nobody")
DOWN = Ending("down", signed_in=False, words="The portal is down. Try again later.", next_actor="wait")
DESK = ("palo_verde", "juniper_mutual", "cascade_health", "ironwood", "blue_mesa")
"""Portals whose code comes to the telephone on the front desk."""


def right_code(key: str) -> str:
    """What such a portal sends to the telephone."""
    return str(246_810 + (DESK.index(key) if key in DESK else 0))


class Worker:
    """Queue and worker in one: runs an attempt at once, on a thread of its own. Codes other than the right one are wrong."""

    def __init__(self) -> None:
        self.portunus: Portunus | None = None
        self.threads = ThreadPoolExecutor(16)
        self.right: dict[str, str] = {}
        """Code requests, and the code that the portal takes."""
        self.running: list[Future[None]] = []
        self.down: set[str] = set()
        """Portals that are down when they are asked for."""

    def enqueue(self, task: str, row_id: str) -> None:
        if task == "open_tab":
            self.running.append(self.threads.submit(self._sign_in, row_id))
        if task == "make_film":
            assert self.portunus is not None
            self.running.append(self.threads.submit(make_film.look, self.portunus, row_id))

    def _unit(self, act: Callable[[Unit], Any]) -> Any:
        assert self.portunus is not None
        with self.portunus.unit(HOST) as work:
            return act(work)

    def _sign_in(self, attempt_id: str) -> None:
        key = self._unit(lambda work: tabs.portal_key(work, attempt_id))
        claim = self._unit(lambda work: tabs.claim_attempt(work, attempt_id, "node1", script_digest(key)))
        if key in self.down:
            self._unit(lambda work: tabs.finish(work, attempt_id, claim.fence, DOWN))
            return
        request = self._unit(lambda work: tabs.submit(work, attempt_id, claim.fence))
        self.right[request] = right_code(key)
        if key not in DESK:
            self.right[request] = str(100_000 + len(self.right))
            self._unit(lambda work: self._mail(work, key, request))
        answer = self._ask(attempt_id, claim.fence, request)
        if answer is None:
            return
        self._unit(lambda work: codes.answered(work, request, accepted=answer))
        ending = SIGNED_IN if answer else WRONG_CODE
        self._unit(lambda work: tabs.finish(work, attempt_id, claim.fence, ending))

    def _mail(self, work: Unit, key: str, request_id: str) -> None:
        """The portal's mail with a fresh code, already judged authentic."""
        assert self.portunus is not None
        request = work.db.get(CodeRequest, request_id)
        assert request is not None
        endpoint = work.db.get(DeliveryEndpoint, request.endpoint_id)
        assert endpoint is not None
        arrival = Arrival(
            endpoint_id=endpoint.id, channel="email", external_id=request_id, sender=sender(key), trusted=True,
            recipients=frozenset(), subject="Your code", text=f"Your code is {self.right[request_id]}.",
            received_at=work.clock.now(), raw_digest=request_id.ljust(64, "0")[:64],
        )  # fmt: skip
        codes.receive(work, self.portunus.vault, endpoint, arrival)

    def _ask(self, attempt_id: str, fence: int, request: str) -> bool | None:
        portunus = self.portunus
        assert portunus is not None
        self._unit(lambda work: codes.waiting(work, request))
        waiting = SessionState.WAITING_CODE
        self._unit(lambda work: tabs.progress(work, attempt_id, fence, waiting, "Waiting for the code."))
        for _ in portunus.signals_or_ticks(f"code:{request}", limit_s=60, tick_s=0.5):
            taken = self._unit(lambda work: codes.take(work, portunus.vault, request, attempt_id))
            if taken.code is not None:
                self._unit(lambda work: codes.typed(work, request, "sim.test/verify"))
                return bool(taken.code == self.right[request])
        return None


class Host:
    """A browser host that shows one picture and lets every input change a corner of it."""

    def __init__(self) -> None:
        self.picture = (1, 1, png(1, 1))
        self.inputs: list[dict[str, Any]] = []
        self.pipes: list[Pipe] = []
        self.down = False

    def tell(self, event: dict[str, Any]) -> None:
        """Say an event to the newest viewer."""
        pipe = self.pipes[-1]
        pipe.loop.call_soon_threadsafe(pipe.say_event, event)

    def run_attempt(self, attempt_id: str) -> None: ...

    def expect(self, lease_id: str) -> None: ...

    def end_session(self, portal_session_id: str) -> None: ...

    def try_out(self, asked: dict[str, Any]) -> str:
        raise Unavailable("Nobody runs texts in this office.")

    def status(self) -> dict[str, Any]:
        if self.down:
            raise Unavailable("The browser host does not answer. Start it: portunus up.")
        return {"node": "node1", "sessions": 2, "shards": 1, "sandbox": "on", "browser": "Chromium 140"}

    @asynccontextmanager
    async def stream(self, lease_id: str) -> "AsyncIterator[Pipe]":
        yield Pipe(self)

    @asynccontextmanager
    async def watch(self, lease_id: str, name: str) -> "AsyncIterator[Pipe]":
        """What the holder is shown; she is told who looks on."""
        if self.pipes:
            self.tell({"e": "watched", "by": [name]})
        yield Pipe(self)
        if len(self.pipes) > 1:
            self.pipes.pop()
            self.tell({"e": "watched", "by": []})


class Pipe:
    """One viewer's stream."""

    def __init__(self, host: Host) -> None:
        self._host, self._seq = host, 0
        self.loop = asyncio.get_running_loop()
        host.pipes.append(self)
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        w, h, picture = host.picture
        one = {"n": 1, "host": "portal.sim.test", "path": "/home", "title": "Provider home", "active": True}
        self._say(messages.event(1, 0, 0, {"e": "tabs", "active": 1, "tabs": [one]}))
        self._say(messages.frame(1, 1, 0, w, h, picture))

    def say_event(self, event: dict[str, Any]) -> None:
        self._say(messages.event(1, self._seq + 1, 0, event))

    def _say(self, message: bytes) -> None:
        self._out.put_nowait(message)

    async def send(self, message: str | bytes) -> None:
        said = json.loads(message)
        if said.get("t") not in ("ack", "blur"):
            self._host.inputs.append(said)
            self._seq += 1
            tile = messages.Tile(0, 0, 8, 8, png(8, 8, shade=self._seq % 256))
            self._say(messages.update(1, self._seq + 1, 0, [], [tile]))

    def __aiter__(self) -> "Pipe":
        return self

    async def __anext__(self) -> bytes:
        return await self._out.get()


def png(w: int, h: int, shade: int = 255) -> bytes:
    """A plain grey picture."""
    rows = b"".join(b"\0" + bytes([shade]) * w for _ in range(h))
    parts = ((b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def script_digest(key: str) -> str:
    """The approved version of a portal's script."""
    return key.replace("_", "").ljust(64, "0")[:64]


def sender(key: str) -> str:
    """Who writes a portal's mails."""
    return f"codes@{key.replace('_', '-')}.sim.test"
