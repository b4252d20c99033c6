"""The process a script runs in: no network, no secrets, one script, JSON lines to the host on stdin and stdout.

Started ahead of need and idle until its first line comes; then it compiles exactly the bytes whose digest the host names,
runs one verb, and ends. Root starts it, it gives up root before it looks at a script.
"""

import asyncio
import ctypes
import dataclasses  # noqa: F401 - scripts may import these; loaded while we may still read the files
import datetime as dt  # noqa: F401
import decimal  # noqa: F401
import hashlib
import json
import os
import re  # noqa: F401
import resource
import signal
import sys
from types import ModuleType
from typing import Any

from carrier_scripts import kit
from carrier_scripts.kit.desk import Desk
from carrier_scripts.kit.lookups import Asked, NoAnswer
from carrier_scripts.kit.outcomes import NAMES, Outcome
from carrier_scripts.kit.page import Page
from carrier_scripts.kit.portal import LOGIN_FORM, Portal
from carrier_scripts.kit.reading import PageChanged
from carrier_scripts.kit.wire import LINE_BYTES, LOOKUPS, RUNS, Source

CPU_S = 30
MEMORY_BYTES = 512 * 1024 * 1024
FILES = 16
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWNET = 0x4000_0000


class HostRefused(Exception):
    """The host did not do what was asked; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Wire:
    """Lines in and out; one answer per call, by number."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def first(self) -> dict[str, Any]:
        """The run message."""
        line: dict[str, Any] = json.loads(await self._reader.readline())
        return line

    async def ask(self, call: str, args: dict[str, Any]) -> Any:
        """One call, one answer. Raises `HostRefused`."""
        self._number += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = answer
        self.say({"id": self._number, "call": call, "args": args})
        return await answer

    def say(self, message: dict[str, Any]) -> None:
        """One line to the host."""
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    async def listen(self) -> None:
        """Hand answers to whoever waits; the host hanging up ends the process."""
        while line := await self._reader.readline():
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["id"], None)
            if waiting is None or waiting.done():
                continue
            if "error" in answer:
                waiting.set_exception(HostRefused(answer["error"]["code"], answer["error"]["message"]))
            else:
                waiting.set_result(answer["ok"])
        os._exit(0)


def digest_of(sources: list[Source]) -> str:
    """SHA-256 over each file's module name and bytes, in the order given."""
    whole = hashlib.sha256()
    for source in sources:
        data = source["text"].encode()
        whole.update(f"{source['module']}\n{len(data)}\n".encode() + data)
    return whole.hexdigest()


def load(key: str, sources: list[Source], digest: str) -> Portal:
    """The portal, from exactly these bytes. Raises ValueError when they are not the ones that were approved."""
    if digest_of(sources) != digest:
        raise ValueError("the script's bytes are not the approved ones")
    module = ModuleType("none")
    for source in sources:
        module = ModuleType(source["module"])
        sys.modules[source["module"]] = module
        exec(compile(source["text"], source["module"], "exec"), module.__dict__)  # noqa: S102 - the approved bytes
    made = getattr(module, class_name(key))
    if not issubclass(made, kit.Portal):
        raise TypeError("the script's class is no Portal")
    portal: Portal = made()
    return portal


def class_name(key: str) -> str:
    """`harbor_dental_or` → `HarborDentalOr`."""
    return "".join(part.capitalize() for part in key.split("_"))


def confine() -> None:
    """Limits, no way back to root, and no network where the system can take it away."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    apart = libc is not None and libc.unshare(CLONE_NEWNET) == 0
    if os.geteuid() == 0:
        nobody = int(os.environ.get("PORTUNUS_SCRIPT_UID", "65534"))
        os.setgroups([])
        os.setgid(nobody)
        os.setuid(nobody)
    if libc is not None:
        if not apart:
            libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)  # some systems forbid it; the script has no secrets to carry out
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.environ.clear()


async def look_up(portal: Portal, verb: str, page: Page, asked: Asked) -> dict[str, Any]:
    """A lookup's last line: an answer, that there is none, or what the page turned out to be."""
    try:
        answer = await getattr(portal, verb)(page, asked)
        return {"outcome": Outcome.ANSWERED.value, "words": "", "answer": answer.to_json()}
    except NoAnswer as none:
        said = {"code": none.code, "refs": [seen.ref for seen in none.seen]}
        return {"outcome": Outcome.ANSWERED.value, "words": "", "no_answer": said}
    except (PageChanged, HostRefused) as lost:
        if isinstance(lost, HostRefused) and lost.code != Outcome.UNRECOGNISED:
            raise
        seen = await portal.recognise(page, but_not=(Outcome.SIGNED_IN,), timeout_ms=0)
        if seen == LOGIN_FORM:
            seen = Outcome.SIGNED_OUT
        outcome = seen if seen in NAMES else Outcome.UNRECOGNISED.value
        return {"outcome": str(outcome), "words": ""}


async def serve() -> None:
    """One run: the message, the verb, the last line."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    wire = Wire(reader)
    message = await wire.first()
    listening = loop.create_task(wire.listen())
    try:
        verb = message["run"]
        if verb not in RUNS:
            raise ValueError("no such verb")
        portal = load(message["portal"], message["sources"], message["digest"])
        page = Page(wire.ask)
        if verb in LOOKUPS:
            done = await look_up(portal, verb, page, Asked.from_json(message["asked"]))
        else:
            desk = Desk(wire.ask)
            outcome = await (portal.recognise(page) if verb == "recognise" else getattr(portal, verb)(page, desk))
            done = {"outcome": str(outcome), "words": ""}
    except HostRefused as refused:
        known = refused.code if refused.code in NAMES else Outcome.REFUSED.value
        done = {"outcome": known, "words": str(refused)}
    except Exception as wrong:  # noqa: BLE001 - the boundary: whatever a script does becomes an outcome
        done = {"outcome": Outcome.SCRIPT_FAILED.value, "words": f"{type(wrong).__name__}: {wrong}"[:300]}
    wire.say({"done": done})
    listening.cancel()


def main() -> None:
    """Confine, then serve one run."""
    confine()
    asyncio.run(serve())


if __name__ == "__main__":
    main()
