"""The only way out of a browser: one proxy door per portal session and fence, open to the portal's hosts alone.

A door is a listener of its own on the loopback, not a user name at a common one: Playwright switches the browser's HTTP
cache off when a proxy asks for credentials (page loads took 3 times as long), and a closed door is the plainest fence. It
resolves names itself, pins them, refuses addresses that are not public, and is shut, with every connection through it,
before a newer fence of the same account gets one.
"""

import asyncio
import contextlib
import fnmatch
import ipaddress
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

HEAD_BYTES = 16 * 1024
CHUNK = 64 * 1024
CONNECT_S = 10.0
IDLE_S = 120.0
HOLD_S = 12.0
"""How long a door stays open on one proof. Shorter than the sweeper's patience (20 s) less the host's beat (5 s): a host that was
stopped finds its doors shut before anybody else may sign in."""
PROOF_S = 10.0
"""How long what wants to pass waits for the next proof before it is refused."""
TLS_PORT = 443
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: an IPv4 address in IPv6 clothes."""
log = structlog.get_logger("egress")


class Denied(Exception):
    """This door does not lead there. `host` goes into the notice the user sees; empty when no host is to blame."""

    def __init__(self, words: str, host: str = "") -> None:
        super().__init__(words)
        self.host = host


@dataclass
class Door:
    """One session's way out while its fence is the newest."""

    session_id: str
    account_id: str
    fence: int
    hosts: tuple[str, ...]
    on_denied: Callable[[str], None]
    port: int = 0
    server: asyncio.Server | None = None
    open_until: float = 0.0
    """Monotonic; renewed while this host still holds the account in SQL."""
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    pinned: dict[str, tuple[str, int]] = field(default_factory=dict)
    denied: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    shut: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, whenever it is renewed or shut."""

    def allows(self, host: str) -> bool:
        """Whether the portal has this host (exactly, or under `*.`)."""
        return any(host == known or (known.startswith("*.") and host.endswith(known[1:])) for known in self.hosts)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Egress:
    """The doors of this node."""

    def __init__(self, resolve: Mapping[str, str], *, hold_s: float = HOLD_S, proof_s: float = PROOF_S) -> None:
        self._resolve = resolve
        self._hold_s = hold_s
        self._proof_s = proof_s
        self._doors: dict[str, Door] = {}
        self._newest: dict[str, int] = {}

    async def open(
        self,
        *,
        session_id: str,
        account_id: str,
        fence: int,
        hosts: Sequence[str],
        on_denied: Callable[[str], None],
        door: Door | None = None,
    ) -> Door:
        """A door for this fence; doors of older fences of the account are shut first. Raises `Denied` for a stale fence.

        `door`: one that listens already (see `listen`), and is this session's from now on.
        """
        if self._newest.get(account_id, -1) >= fence:
            raise Denied("a newer sign-in of this account has taken over")
        self._newest[account_id] = fence
        for other in list(self._doors.values()):
            if other.account_id == account_id:
                await self.shut(other)
        door = door or await self.listen()
        door.session_id, door.account_id, door.fence = session_id, account_id, fence
        door.hosts, door.on_denied = tuple(hosts), on_denied
        self._doors[session_id] = door
        self.renew(door, time.monotonic())
        return door

    async def listen(self) -> Door:
        """A door of nobody: a context can be made behind it, and nothing passes, until `open` gives it to a session."""
        door = Door("", "", -1, (), lambda _: None)
        door.server = await asyncio.start_server(lambda r, w: self._serve(door, r, w), "127.0.0.1", 0, limit=HEAD_BYTES)
        door.port = door.server.sockets[0].getsockname()[1]
        return door

    def renew(self, door: Door, asked_at: float) -> None:
        """SQL said that this host holds the fence. Counts from when it was asked (monotonic): we may have been stopped since."""
        door.open_until = max(door.open_until, asked_at + self._hold_s)
        self._tell(door)

    async def shut(self, door: Door) -> None:
        """Close the listener and every connection; returns when nothing can pass any more."""
        door.shut = True
        self._tell(door)
        if self._doors.get(door.session_id) is door:
            del self._doors[door.session_id]
        if door.server is not None:
            door.server.close()
        for writer in list(door.connections):
            writer.transport.abort()
        door.connections.clear()

    def doors(self) -> list[Door]:
        """All that are open now."""
        return list(self._doors.values())

    async def _serve(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        door.connections.add(writer)
        try:
            host, port = await self._asked(reader)
            upstream = await self._connect(door, host, port)
        except Denied as denied:
            self._note(door, denied)
            with contextlib.suppress(OSError, RuntimeError):  # closed meanwhile: uvloop raises the latter
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
            self._drop(door, writer)
            return
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            with contextlib.suppress(OSError, RuntimeError):
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self._drop(door, writer)
            return
        far_reader, far_writer = upstream
        door.connections.add(far_writer)
        try:
            await self._proved(door)  # it may have been shut while the connection was made
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.timeout(IDLE_S) as idle, asyncio.TaskGroup() as both:
                both.create_task(self._copy(door, reader, far_writer, idle))
                both.create_task(self._copy(door, far_reader, writer, idle, count=True))
        except* (OSError, TimeoutError, Denied, RuntimeError):
            pass
        finally:
            self._drop(door, writer)
            self._drop(door, far_writer)

    async def _asked(self, reader: asyncio.StreamReader) -> tuple[str, int]:
        """Host and port of the CONNECT request. Plain HTTP is refused: a portal is reached over TLS only."""
        async with asyncio.timeout(CONNECT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        if method != "CONNECT":
            raise Denied("not over TLS", (urlsplit(target).hostname or "a plain address")[:80])
        host, _, port = target.rpartition(":")
        return host.strip("[]").rstrip(".").lower(), int(port)

    async def _connect(self, door: Door, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await self._proved(door)
        if port != TLS_PORT or not door.allows(host):
            raise Denied("not one of its hosts", host)
        address = door.pinned.get(host) or await self._resolved(host, port)
        await self._proved(door)
        async with asyncio.timeout(CONNECT_S):
            connection = await asyncio.open_connection(*address)
        door.pinned[host] = address
        return connection

    async def _resolved(self, host: str, port: int) -> tuple[str, int]:
        """Where the name leads: by the operator's map, else by DNS to public addresses only."""
        for pattern, target in self._resolve.items():
            if fnmatch.fnmatchcase(host, pattern):
                known, _, known_port = target.rpartition(":")
                return known, int(known_port)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        public = [entry[4][0] for entry in found if is_public(str(entry[4][0]))]
        if not public or len(public) != len(found):
            raise Denied("leads to an address that is not public", host)
        return str(public[0]), port

    async def _proved(self, door: Door) -> None:
        """Nothing passes while nobody vouches for the fence: a busy host's next proof is waited for, a stopped one's never comes.

        Raises `Denied` once the door is shut, or after `proof_s` without a proof.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._proof_s):
                while not door.shut and time.monotonic() > door.open_until:
                    await door.news.wait()
        if door.shut or time.monotonic() > door.open_until:
            raise Denied("this sign-in no longer holds its account")

    def _tell(self, door: Door) -> None:
        news, door.news = door.news, asyncio.Event()
        news.set()

    async def _copy(
        self,
        door: Door,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        idle: asyncio.Timeout,
        *,
        count: bool = False,
    ) -> None:
        """One direction; what moves in either keeps the connection."""
        loop = asyncio.get_running_loop()
        while True:
            data = await source.read(CHUNK)
            idle.reschedule(loop.time() + IDLE_S)
            await self._proved(door)
            if not data:
                if sink.can_write_eof():
                    sink.write_eof()
                return
            if count:
                door.bytes_in += len(data)
            sink.write(data)
            await sink.drain()

    def _note(self, door: Door, denied: Denied) -> None:
        host = denied.host
        if not host:  # a door that is shut says nothing about where one wanted to go
            log.info("denied", session=door.session_id, why=str(denied))
            return
        door.denied[host] += 1
        if door.denied[host] == 1:
            log.info("denied", session=door.session_id, to=host)
        door.on_denied(host)

    def _drop(self, door: Door, writer: asyncio.StreamWriter) -> None:
        door.connections.discard(writer)
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()


def is_public(address: str) -> bool:
    """Whether the address is on the public internet: not private, loopback, link-local or shared (100.64/10),
    also not through a mapped, 6to4 or NAT64 address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    if mapped is None and found in NAT64:
        mapped = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if mapped is not None:
        return is_public(str(mapped))
    return found.is_global and not found.is_multicast
