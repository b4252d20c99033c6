"""A run's limit counts the script's own time, and not what it waits for others."""

import asyncio

import pytest

from workers.browser.limit import Limit


def test_a_run_that_takes_too_long_is_stopped() -> None:
    async def run() -> None:
        async with Limit(0.01).kept():
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_what_is_waived_comes_on_top() -> None:
    ended = []

    async def run() -> None:
        limit = Limit(0.05)
        async with limit.kept():
            with limit.waived():
                await asyncio.sleep(0.2)
            ended.append("its turn came")
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert ended == ["its turn came"]


def test_without_a_run_nothing_is_waived() -> None:
    async def run() -> None:
        with Limit(1).waived():
            await asyncio.sleep(0)

    asyncio.run(run())
