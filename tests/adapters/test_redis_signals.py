"""Signals over a real Valkey: heard by all who listen, and their loss is only a slower look."""

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from api.cli.message_broker import server_binary
from broker.adapters.redis_signals import RedisSignals


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ptn-valkey-") as folder:  # a socket's path is at most 107 bytes long
        socket = Path(folder) / "valkey.sock"
        server = subprocess.Popen(
            [str(server_binary()), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        url = f"unix://{socket}"
        while True:
            try:
                redis.Redis.from_url(url).ping()
                break
            except redis.RedisError:
                assert server.poll() is None
        yield url
        server.terminate()
        server.wait(timeout=10)


def test_what_is_sent_right_after_listening_began_is_heard(address: str) -> None:
    async def test() -> list[str | None]:
        signals, heard = RedisSignals(address), []
        for number in range(30):
            async with signals.listen(f"code:{number}", "revoked") as ear:
                signals.send(f"code:{number}")
                heard.append(await ear.wait(5))
        return heard

    assert asyncio.run(test()) == [f"code:{number}" for number in range(30)]


def test_other_channels_are_not_heard(address: str) -> None:
    async def test() -> list[str | None]:
        signals = RedisSignals(address)
        async with signals.listen("code:1") as ear:
            signals.send("code:2")
            signals.send("code:1")
            return [await ear.wait(5), await ear.wait(0.01)]

    assert asyncio.run(test()) == ["code:1", None]


def test_without_the_broker_listening_only_waits(tmp_path: Path) -> None:
    async def test() -> str | None:
        signals = RedisSignals(f"unix://{tmp_path}/nobody.sock")
        async with signals.listen("code:1") as ear:
            signals.send("code:1")
            return await ear.wait(0.01)

    assert asyncio.run(test()) is None
