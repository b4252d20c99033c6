"""Looking on: nothing before the holder was told, nothing out of step, no queue without end."""

import asyncio
import json

from workers.browser import messages
from workers.browser.watching import MOST_WAITING, Watcher

WHOLE = messages.frame(0, 1, 0, 8, 8, b"png")
CHANGE = messages.update(0, 2, 0, [], [])
EVENT = messages.event(0, 3, 0, {"e": "notice", "words": "blocked"})


class Socket:
    def __init__(self) -> None:
        self.got: list[bytes | str] = []

    async def send_bytes(self, data: bytes) -> None:
        self.got.append(data)

    async def send_text(self, data: str) -> None:
        self.got.append(data)


def shown(watcher: Watcher) -> list[bytes | str]:
    """All she is shown until it ends."""
    socket = Socket()
    watcher.end("over")
    asyncio.run(watcher.run(socket))
    assert json.loads(socket.got[-1]) == {"e": "ended", "words": "over"}
    return socket.got[:-1]


def admitted() -> Watcher:
    watcher = Watcher("Grace Kim")
    watcher.admitted = True
    return watcher


def test_nothing_is_shown_before_the_holder_was_told():
    watcher = Watcher("Grace Kim")
    for message in (WHOLE, CHANGE, EVENT):
        watcher.offer(message)
    assert shown(watcher) == []


def test_changes_are_shown_from_a_whole_picture_on():
    watcher = admitted()
    for message in (CHANGE, EVENT, WHOLE, CHANGE):
        watcher.offer(message)
    assert shown(watcher) == [EVENT, WHOLE, CHANGE]


def test_one_who_is_too_slow_goes_on_at_the_next_whole_picture():
    watcher = admitted()
    watcher.offer(WHOLE)
    for _ in range(MOST_WAITING):
        watcher.offer(CHANGE)
    watcher.offer(CHANGE)
    watcher.offer(WHOLE)
    watcher.offer(CHANGE)
    assert shown(watcher) == [WHOLE, CHANGE]
