"""Signals over Redis publish/subscribe. Losing Redis loses promptness, nothing else: every waiter also polls."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cached_property

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

PREFIX = "portunus:signal:"
AWAY = (redis.RedisError, OSError)
PAUSE_S = 0.5
LISTENING_S = 1.0
"""Longest wait for the subscription. It must stand before the first look, or what comes between them is heard by nobody."""


class RedisSignals:
    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self._url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1))

    def send(self, channel: str) -> None:
        with contextlib.suppress(*AWAY):
            self._client.publish(PREFIX + channel, b"")

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator["RedisEar"]:
        client = redis.asyncio.Redis.from_url(self._url, socket_timeout=None, socket_connect_timeout=1)
        ear = RedisEar(client, channels)
        try:
            await ear.listening(LISTENING_S)
            yield ear
        finally:
            await ear.close()

    def wait(self, *channels: str, timeout_s: float) -> Iterator[str]:
        end = time.monotonic() + timeout_s
        try:
            with self._client.pubsub() as subscription:  # type: ignore[no-untyped-call]
                subscription.subscribe(*(PREFIX + channel for channel in channels))
                while (left := end - time.monotonic()) > 0:
                    message = subscription.get_message(ignore_subscribe_messages=True, timeout=min(left, 0.9))
                    if message:
                        yield message["channel"].decode().removeprefix(PREFIX)
        except AWAY:
            return


class RedisEar:
    """A subscription in a task of its own, renewed when Redis went away."""

    def __init__(self, client: redis.asyncio.Redis, channels: tuple[str, ...]) -> None:
        self._client = client
        self._channels = [PREFIX + channel for channel in channels]
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._subscribed = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._listen(), name="signals")

    async def listening(self, timeout_s: float) -> None:
        """Until everything sent from now on is heard; or the time is over, and the waiter's own looks must do."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._subscribed.wait()

    async def wait(self, timeout_s: float) -> str | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._heard.get()
        except TimeoutError:
            return None

    async def close(self) -> None:
        """End the subscription."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(*AWAY):
            await self._client.aclose()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._client.pubsub() as subscription:
                    await subscription.subscribe(*self._channels)
                    async for message in subscription.listen():
                        self._subscribed.set()  # the first message is the subscription's receipt
                        if message["type"] == "message":
                            self._heard.put_nowait(message["channel"].decode().removeprefix(PREFIX))
            except AWAY:
                await asyncio.sleep(PAUSE_S)
