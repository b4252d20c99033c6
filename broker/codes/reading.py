"""The helper process: `python -I -m broker.codes.reading`. Knows no setting, no database and no key; ends with its parent."""

import json
import resource
import sys
from typing import BinaryIO

from broker.codes.extract import Unreadable, read
from broker.codes.wire import ANSWER_BYTES, pack

MEMORY_BYTES = 512 * 1024 * 1024
MALFORMED = (ValueError, RecursionError, MemoryError, LookupError, TypeError, AttributeError, AssertionError)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer messages until the parent closes the pipe. The first, empty answer says that it listens."""
    sink.write(pack(b""))
    sink.flush()
    while (asked := _next(source)) is not None:
        raw = _next(source)
        if raw is None:
            return
        answer = json.dumps(_answer(raw, **json.loads(asked))).encode()
        if len(answer) > ANSWER_BYTES:
            answer = b'{"seen": null, "why": "It says more than any code message."}'
        sink.write(pack(answer))
        sink.flush()


def _answer(raw: bytes, authserv: str | None, senders: list[str] | None) -> dict[str, object]:
    try:
        seen = read(raw, authserv, senders)
    except Unreadable as why:
        return {"seen": None, "why": str(why)}
    except MALFORMED:
        return {"seen": None, "why": "It is not a well-formed message."}
    return {
        "seen": {**vars(seen), "recipients": sorted(seen.recipients), "addressed": sorted(seen.addressed)},
        "why": None,
    }


def _next(source: BinaryIO) -> bytes | None:
    length = source.read(4)
    return source.read(int.from_bytes(length, "big")) if len(length) == 4 else None


def main() -> None:
    """Cap memory, write no core file, serve."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
