"""A line before a few things that many threads share: who comes first is served first, the urgent before the others."""

import threading
from collections import deque
from queue import SimpleQueue
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Line(Generic[Thing]):
    """Things are handed from one thread straight to the next in line: none that gave its thing back can push in."""

    def __init__(self) -> None:
        self._free: list[Thing] = []
        self._urgent: deque[SimpleQueue[Thing]] = deque()
        self._others: deque[SimpleQueue[Thing]] = deque()
        self._changing = threading.Lock()

    def get(self, *, first: bool = False) -> Thing:
        """Wait for one; `first` goes before all who are not so."""
        with self._changing:
            if self._free:
                return self._free.pop()
            place: SimpleQueue[Thing] = SimpleQueue()
            (self._urgent if first else self._others).append(place)
        return place.get()

    def put(self, thing: Thing) -> None:
        """Give one back, or put a new one in."""
        with self._changing:
            line = self._urgent or self._others
            if line:
                line.popleft().put(thing)
            else:
                self._free.append(thing)

    def all_free(self) -> list[Thing]:
        """Take all that nobody uses."""
        with self._changing:
            free, self._free = self._free, []
            return free

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        with self._changing:
            return len(self._urgent) + len(self._others)
