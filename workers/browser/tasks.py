"""Background tasks that are kept and whose failures are seen: asyncio drops a task nobody holds."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
log = structlog.get_logger("browserhost")
_kept: set[asyncio.Task[Any]] = set()


def keep(coroutine: Coroutine[Any, Any, T], name: str) -> "asyncio.Task[T]":
    """Start it, hold it until it ends, log its failure."""
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _kept.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: "asyncio.Task[Any]") -> None:
    _kept.discard(task)
    if not task.cancelled() and (failure := task.exception()):
        log.error("a background task failed", task=task.get_name(), kind=type(failure).__name__)


async def seen_through(coroutine: Coroutine[Any, Any, T], name: str) -> T:
    """What it returns or raises. It ends as it should however often the one who waits is cancelled; that counts afterwards."""
    task = keep(coroutine, name)
    stopped: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as now:
            stopped = now
    if stopped is not None:
        raise stopped
    return task.result()


async def cancelled(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel them and wait until they have ended."""
    live = [task for task in tasks if task is not None and task is not asyncio.current_task()]
    for task in live:
        task.cancel()
    await asyncio.gather(*live, return_exceptions=True)
