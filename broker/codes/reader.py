"""Read messages in a process of its own that can be killed: a message that takes too long or too much is unreadable."""

import hashlib
import multiprocessing
import resource
from datetime import datetime
from multiprocessing.connection import Connection

from broker.codes.extract import MESSAGE_BYTES, Seen, Unreadable, read
from broker.codes.matching import Arrival

TIME_LIMIT_S = 2.0
MEMORY_BYTES = 1024 * 1024 * 1024


class MailReader:
    """One helper process, started at first use and again after it had to be killed. One thread uses it at a time."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def warm_up(self) -> None:
        """Start the helper ahead of the first message."""
        if self._pipe is None:
            self._start()

    def arrival(
        self, raw: bytes, *, endpoint_id: str, authserv: str | None, received_at: datetime, external_id: str
    ) -> Arrival:
        """What matching needs of the message; never raises for a bad one: it becomes an unreadable arrival."""
        seen, why = self._read(raw, authserv)
        return Arrival(
            endpoint_id=endpoint_id,
            channel="email",
            external_id=seen.message_id if seen else external_id,
            sender=seen.sender if seen else "",
            trusted=bool(seen and seen.trusted),
            recipients=seen.recipients if seen else frozenset(),
            subject=seen.subject if seen else "",
            text=seen.text if seen else "",
            received_at=received_at,
            raw_digest=hashlib.sha256(raw).hexdigest(),
            unreadable=why,
        )

    def _read(self, raw: bytes, authserv: str | None) -> tuple[Seen | None, str | None]:
        if len(raw) > MESSAGE_BYTES:
            return None, "The message is larger than any code message."
        pipe = self._pipe or self._start()
        try:
            pipe.send((raw, authserv))
            if pipe.poll(TIME_LIMIT_S):
                answer: tuple[Seen | None, str | None] = pipe.recv()
                return answer
        except (EOFError, OSError):
            pass
        self.close()
        return None, "It could not be read within two seconds."

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True, name="portunus-mail-reader")
        self._process.start()
        theirs.close()
        self._pipe = ours
        return ours

    def close(self) -> None:
        """Kill the helper; the next message starts a new one."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _serve(pipe: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            raw, authserv = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((read(raw, authserv), None))
        except Unreadable as why:
            pipe.send((None, str(why)))
        except (ValueError, RecursionError, MemoryError, LookupError, TypeError, AttributeError, IndexError):
            pipe.send((None, "It is not a well-formed message."))
