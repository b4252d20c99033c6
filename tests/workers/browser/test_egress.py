"""The door: who may pass, where it leads, and that a shut or stale one lets nothing through."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from workers.browser.egress import Denied, Door, Egress, is_public

HOSTS = ("portal.sim.test", "*.files.sim.test")


class Carrier:
    """A server that remembers what reached it and answers with it."""

    def __init__(self) -> None:
        self.reached: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            self.reached.append(data)
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def carrier_and_egress(**settings: float) -> AsyncIterator[tuple[Carrier, Egress]]:
    carrier = Carrier()
    server = await asyncio.start_server(carrier.serve, "127.0.0.1", 0)
    carrier.port = server.sockets[0].getsockname()[1]
    egress = Egress({"*.sim.test": f"127.0.0.1:{carrier.port}"}, **settings)
    try:
        yield carrier, egress
    finally:
        for door in egress.doors():
            await egress.shut(door)
        server.close()


async def ask(door: Door, head: str) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(f"{head}\r\n\r\n".encode())
    async with asyncio.timeout(5):
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    return answer.split()[1], reader, writer


async def opened(egress: Egress, fence: int = 1, session: str = "ses_1", hosts: tuple[str, ...] = HOSTS) -> Door:
    return await egress.open(session_id=session, account_id="acc_1", fence=fence, hosts=hosts, on_denied=lambda _: None)


async def unproved(egress: Egress) -> tuple[Door, asyncio.StreamReader, asyncio.StreamWriter]:
    """A door with a connection through it, for which nobody asked SQL for longer than the hold."""
    door = await opened(egress)
    _, reader, writer = await ask(door, "CONNECT portal.sim.test:443 HTTP/1.1")
    door.open_until = 0.0
    return door, reader, writer


def run(test: Callable[[Carrier, Egress], Awaitable[None]], **settings: float) -> None:
    async def within() -> None:
        async with carrier_and_egress(**settings) as (carrier, egress):
            await test(carrier, egress)

    asyncio.run(within())


@pytest.mark.parametrize("host", ["portal.sim.test", "PORTAL.sim.test.", "a.files.sim.test"])
def test_the_portals_own_hosts_are_reached(host: str) -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door = await opened(egress)
        status, reader, writer = await ask(door, f"CONNECT {host}:443 HTTP/1.1")
        assert status == "200"
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()

    run(test)


@pytest.mark.parametrize(
    "head",
    [
        "CONNECT elsewhere.sim.test:443 HTTP/1.1",
        "CONNECT notportal.sim.test:443 HTTP/1.1",
        "CONNECT files.sim.test:443 HTTP/1.1",
        "CONNECT portal.sim.test.evil.test:443 HTTP/1.1",
        "CONNECT portal.sim.test:80 HTTP/1.1",
        "CONNECT portal.sim.test:22 HTTP/1.1",
        "CONNECT 127.0.0.1:443 HTTP/1.1",
        "CONNECT 2130706433:443 HTTP/1.1",
        "CONNECT 0x7f.1:443 HTTP/1.1",
        "CONNECT [::1]:443 HTTP/1.1",
        "CONNECT [::ffff:10.0.0.1]:443 HTTP/1.1",
        "GET http://portal.sim.test/ HTTP/1.1",
        "POST http://127.0.0.1/ HTTP/1.1",
    ],
)
def test_everything_else_is_refused_and_counted(head: str) -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door = await opened(egress)
        status, _, writer = await ask(door, head)
        writer.close()
        assert status == "403"
        assert sum(door.denied.values()) == 1
        assert carrier.reached == []

    run(test)


@pytest.mark.parametrize(
    ("head", "host"),
    [
        ("CONNECT [::1]:443 HTTP/1.1", "::1"),
        ("CONNECT evil.test:443 HTTP/1.1", "evil.test"),
        ("GET http://127.0.0.1:8080/name?of=patient HTTP/1.1", "127.0.0.1"),
    ],
)
def test_what_was_refused_is_told_by_its_host_alone(head: str, host: str) -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        told: list[str] = []
        door = await egress.open(
            session_id="ses_1", account_id="acc_1", fence=1, hosts=("portal.sim.test",), on_denied=told.append
        )
        _, _, writer = await ask(door, head)
        writer.close()
        assert (told, dict(door.denied)) == ([host], {host: 1})

    run(test)


@pytest.mark.parametrize(
    "head", ["CONNECT portal.sim.test HTTP/1.1", "CONNECT portal.sim.test:x HTTP/1.1", "x" * 40_000]
)
def test_nonsense_gets_an_answer_or_a_closed_door_and_the_next_one_passes(head: str) -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door = await opened(egress)
        try:
            status, _, writer = await ask(door, head)
            assert status == "502"
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        status, _, writer = await ask(door, "CONNECT portal.sim.test:443 HTTP/1.1")
        writer.close()
        assert status == "200"

    run(test)


def test_a_name_that_leads_to_this_machine_is_refused_without_an_entry_in_the_map() -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door = await opened(egress, hosts=("localhost",))
        status, _, writer = await ask(door, "CONNECT localhost:443 HTTP/1.1")
        writer.close()
        assert status == "403"

    run(test)


def test_a_shut_door_cuts_what_passes_through_it() -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door = await opened(egress)
        _, reader, writer = await ask(door, "CONNECT portal.sim.test:443 HTTP/1.1")
        await egress.shut(door)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            writer.write(b"too late")
            await reader.readexactly(1)
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", door.port)
        assert carrier.reached == []

    run(test)


def test_a_newer_fence_of_the_account_shuts_the_older_door_first() -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        old = await opened(egress, fence=3)
        await opened(egress, fence=4, session="ses_2")
        assert old.shut
        assert [door.fence for door in egress.doors()] == [4]

    run(test)


@pytest.mark.parametrize("stale", [3, 4])
def test_a_stale_fence_gets_no_door_even_after_the_newer_one_was_shut(stale: int) -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        await egress.shut(await opened(egress, fence=4))
        with pytest.raises(Denied):
            await opened(egress, fence=stale, session="ses_2")

    run(test)


def test_a_host_that_was_stopped_lets_nothing_more_through_an_open_connection() -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door, reader, writer = await unproved(egress)  # as after SIGSTOP
        writer.write(b"zombie")
        assert await reader.read() == b""
        assert carrier.reached == []
        status, _, _ = await ask(door, "CONNECT portal.sim.test:443 HTTP/1.1")
        assert status == "403"

    run(test, proof_s=0.05)


def test_what_a_busy_host_could_not_prove_in_time_waits_and_passes_with_the_next_proof() -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door, reader, writer = await unproved(egress)
        writer.write(b"held")
        connecting = asyncio.create_task(ask(door, "CONNECT portal.sim.test:443 HTTP/1.1"))
        await asyncio.sleep(0.05)
        assert (carrier.reached, connecting.done()) == ([], False)
        egress.renew(door, time.monotonic())
        assert await reader.readexactly(4) == b"held"
        assert (await connecting)[0] == "200"

    run(test)


def test_what_waits_for_a_proof_is_cut_off_when_the_door_is_shut() -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door, reader, writer = await unproved(egress)
        writer.write(b"late")
        await asyncio.sleep(0.05)
        await egress.shut(door)
        assert await reader.read() == b""
        assert carrier.reached == []

    run(test)


def test_a_proof_counts_from_when_it_was_asked_for() -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        door = await opened(egress)
        before = door.open_until
        egress.renew(door, asked_at=0.0)
        assert door.open_until == before

    run(test)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.9.9", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "ff02::1", "255.255.255.255"],
)  # fmt: skip
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


def answers(*found: list[str]) -> Callable[..., Awaitable[list[tuple[object, ...]]]]:
    """A name server that says something else each time it is asked."""
    left = list(found)

    async def asked(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in left.pop(0)]

    return asked


def test_ss2_a_name_that_turns_private_still_leads_where_it_led_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        egress._resolve = {}
        loop, led, real = asyncio.get_running_loop(), [], asyncio.open_connection
        monkeypatch.setattr(loop, "getaddrinfo", answers(["93.184.216.34"], ["127.0.0.1"]))

        async def connect(host: str, _port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            led.append(host)
            return await real("127.0.0.1", carrier.port)

        door = await opened(egress)
        for _ in range(2):
            reader, writer = await real("127.0.0.1", door.port)
            with monkeypatch.context() as there:
                there.setattr(asyncio, "open_connection", connect)
                writer.write(b"CONNECT portal.sim.test:443 HTTP/1.1\r\n\r\n")
                assert (await reader.readuntil(b"\r\n\r\n")).split()[1] == b"200"
            writer.close()
        assert led == ["93.184.216.34", "93.184.216.34"]

    run(test)


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["fd00::1"], ["100.64.0.1"]])
def test_ss2_a_name_with_any_private_address_leads_nowhere(found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(carrier: Carrier, egress: Egress) -> None:
        egress._resolve = {}
        door = await opened(egress)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answers(found))
        with pytest.raises(Denied):
            await egress._connect(door, "portal.sim.test", 443)
        assert carrier.reached == []

    run(test)
