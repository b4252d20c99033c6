"""Read messages in processes of their own that can be killed: a message that takes too long or too much is unreadable."""

import contextlib
import hashlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Collection
from datetime import datetime
from typing import Any

from broker.codes.extract import MESSAGE_BYTES
from broker.codes.line import Line
from broker.codes.matching import Arrival
from broker.codes.wire import ANSWER_BYTES, pack

TIME_LIMIT_S = 2.0
START_S = 20.0
"""A fresh process imports its libraries first; the limit of two seconds is for the message alone."""
COMMAND = (sys.executable, "-I", "-m", "broker.codes.reading")
SLOW = "It could not be read within two seconds."


class MailReader:
    """A few helper processes for all mailboxes, started when needed and again after one had to be killed."""

    def __init__(self, helpers: int = 1) -> None:
        self._idle: Line[_Helper] = Line()
        for _ in range(helpers):
            self._idle.put(_Helper())

    def warm_up(self) -> None:
        """Start one helper ahead of the first message."""
        helper = self._idle.get()
        try:
            helper.start()
        finally:
            self._idle.put(helper)

    def arrival(
        self,
        raw: bytes,
        *,
        endpoint_id: str,
        authserv: str | None,
        received_at: datetime,
        external_id: str,
        senders: Collection[str] | None = None,
    ) -> Arrival:
        """What matching needs of the message; never raises for a bad one: it becomes an unreadable arrival.

        `senders` are those whose code is awaited, None when nobody waits: of a message from anybody else only the
        header is read, and mailboxes where somebody waits come first.
        """
        seen, why = self._read(raw, authserv, senders)
        return Arrival(
            endpoint_id=endpoint_id,
            channel="email",
            external_id=seen["message_id"] if seen else external_id,
            sender=seen["sender"] if seen else "",
            trusted=bool(seen and seen["trusted"]),
            recipients=frozenset(seen["recipients"]) if seen else frozenset(),
            addressed=frozenset(seen["addressed"]) if seen else frozenset(),
            subject=seen["subject"] if seen else "",
            text=seen["text"] if seen else "",
            received_at=received_at,
            raw_digest=hashlib.sha256(raw).hexdigest(),
            unreadable=why,
            head_only=bool(seen and seen["head_only"]),
            written_at=datetime.fromisoformat(seen["written_at"]) if seen and seen["written_at"] else None,
        )

    def _read(
        self, raw: bytes, authserv: str | None, senders: Collection[str] | None
    ) -> tuple[dict[str, Any] | None, str | None]:
        if len(raw) > MESSAGE_BYTES:
            return None, "The message is larger than any code message."
        asked = {"authserv": authserv, "senders": sorted(senders) if senders is not None else None}
        helper = self._idle.get(first=senders is not None)
        try:
            return helper.read(raw, asked)
        finally:
            self._idle.put(helper)

    def close(self) -> None:
        """Kill the helpers; the next message starts new ones."""
        helpers = self._idle.all_free()
        for helper in helpers:
            helper.kill()
            self._idle.put(helper)


class _Helper:
    """One process. One thread uses it at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it listens."""
        if self._process is not None and self._process.poll() is None:
            return
        self._process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, close_fds=True
        )
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self._answer(START_S)

    def read(self, raw: bytes, asked: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        """(what is seen, None), or (None, why not)."""
        try:
            self.start()
            end = time.monotonic() + TIME_LIMIT_S
            self._send(pack(json.dumps(asked).encode()) + pack(raw), end)
            answer = json.loads(self._answer(end - time.monotonic()))
            seen, why = answer["seen"], answer["why"]
        except (EOFError, OSError, TimeoutError, ValueError, KeyError, TypeError):
            self.kill()
            return None, SLOW
        return (seen, None) if why is None else (None, str(why)[:300])

    def _send(self, data: bytes, end: float) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        left, place = memoryview(data), self._process.stdin.fileno()
        with selectors.DefaultSelector() as ready:
            ready.register(place, selectors.EVENT_WRITE)
            while left:
                if not ready.select(max(end - time.monotonic(), 0)):
                    raise TimeoutError
                with contextlib.suppress(BlockingIOError):
                    left = left[os.write(place, left) :]

    def _answer(self, seconds: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        end, data = time.monotonic() + seconds, bytearray()
        place = self._process.stdout.fileno()
        with selectors.DefaultSelector() as ready:
            ready.register(place, selectors.EVENT_READ)
            while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
                if len(data) > 4 + ANSWER_BYTES or not ready.select(max(end - time.monotonic(), 0)):
                    raise TimeoutError
                with contextlib.suppress(BlockingIOError):
                    piece = os.read(place, 65536)
                    if not piece:
                        raise EOFError
                    data += piece
        return bytes(data[4:])

    def kill(self) -> None:
        """End it at once."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process = None
