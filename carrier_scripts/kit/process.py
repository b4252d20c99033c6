"""The process a script runs in: no network, no file, no secret, one script, JSON lines to the host on stdin and stdout.

Started ahead of need and idle until its first line comes; by then its walls stand (kit/walls). It compiles exactly the
bytes whose digest the host names, runs one verb, and ends; only lookups may follow each other (`more`), with the same
script. `{"run": "report"}` is answered with the walls that stand.
"""

import _strptime  # type: ignore[import-not-found]  # noqa: F401 - dates are read with it, and it is loaded late
import asyncio
import dataclasses  # noqa: F401 - scripts may import these; loaded while we may still read the files
import datetime as dt  # noqa: F401
import decimal  # noqa: F401
import hashlib
import json
import os
import re  # noqa: F401
import sys
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from carrier_scripts import kit
from carrier_scripts.kit.claims import paid_claims, unkept_papers
from carrier_scripts.kit.desk import Desk
from carrier_scripts.kit.lookups import Asked, NoAnswer
from carrier_scripts.kit.outcomes import NAMES, Outcome
from carrier_scripts.kit.outline import told
from carrier_scripts.kit.page import HostRefused, Page
from carrier_scripts.kit.portal import LOGIN_FORM, Portal
from carrier_scripts.kit.reading import PageChanged
from carrier_scripts.kit.signs import status
from carrier_scripts.kit.walls import confine
from carrier_scripts.kit.walls.confine import Walls
from carrier_scripts.kit.wire import FACTS, LINE_BYTES, LOOKUPS, OUTLINE, REPORT, RUNS, Source

GLANCE_MS = 2_000
"""Longest look at a page that a person has come to: signs of being signed out show at once or not at all."""

TOO_FAST = {"outcome": Outcome.ANSWERED.value, "no_answer": {"code": "rate_limited", "refs": []}}


class Wire:
    """Lines in and out; one answer per call, by number."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._runs: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._number = 0

    async def first(self) -> dict[str, Any]:
        """The run message."""
        line: dict[str, Any] = json.loads(await self._reader.readline())
        return line

    async def following(self) -> dict[str, Any]:
        """The next run message, once the first run is over."""
        return await self._runs.get()

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
            if "run" in answer:
                self._runs.put_nowait(answer)
                continue
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


async def serve(walls: Walls, *, unconfined: bool) -> None:
    """The last walls, then one run: the message, the verb, the last line."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    confine.close(walls)
    wire = Wire(reader)
    message = await wire.first()
    if message["run"] == REPORT:
        wire.say({"report": walls.to_json()})
        return
    if not (walls.enough or unconfined):
        wire.say({"done": {"outcome": Outcome.REFUSED.value, "at": {"kind": "Walls", "line": 0}}})
        return
    if message["run"] == FACTS:
        wire.say({"facts": declared(load(message["portal"], message["sources"], message["digest"]))})
        return
    if message["run"] == OUTLINE:
        wire.say({"outline": told(type(load(message["portal"], message["sources"], message["digest"])))})
        return
    listening = loop.create_task(wire.listen())
    loaded = Loaded()
    while True:
        wire.say({"done": await _outcome(wire, message, loaded)})
        if not message.get("more"):
            break
        message = await wire.following()
    listening.cancel()


class Loaded:
    """The one script this process has compiled."""

    def __init__(self) -> None:
        self.modules: frozenset[str] = frozenset()
        self._digest = ""
        self._made: type[Portal] | None = None

    def portal(self, message: dict[str, Any]) -> Portal:
        """A portal of its own for each run. Raises ValueError for bytes that are not the approved ones, or another script's."""
        if self._made is None:
            self.modules = frozenset(source["module"] for source in message["sources"])
            first = load(message["portal"], message["sources"], message["digest"])
            self._made, self._digest = type(first), message["digest"]
            return first
        if message["sources"] or message["digest"] != self._digest or message["run"] not in LOOKUPS:
            raise ValueError("this process runs another script")
        return self._made()


def declared(portal: Portal | type[Portal]) -> dict[str, Any]:
    """What a script says of itself, as JSON: what people approve together with its text."""
    return {
        "name": str(portal.name),
        "hosts": sorted(str(host) for host in portal.hosts),
        "sign_in_hosts": sorted(str(host) for host in portal.sign_in_hosts or {urlsplit(str(portal.start)).hostname}),
        "start": str(portal.start),
        "home": str(portal.home),
        "automation": str(portal.automation),
        "carriers": [str(carrier) for carrier in portal.carriers],
        "pages": [[str(path), str(name)] for path, name in portal.pages.items()],
        "reads": [str(path) for path in portal.reads],
        "searches": [str(path) for path in portal.searches],
        "signs": [str(outcome) for outcome in portal.signs],
        "code": portal.code is not None,
    }


async def _outcome(wire: Wire, message: dict[str, Any], loaded: Loaded) -> dict[str, Any]:
    """The verb's outcome, and where the script stopped when it broke; never its words, which may hold what it read."""
    try:
        verb = message["run"]
        if verb not in RUNS:
            raise ValueError("no such verb")
        portal = loaded.portal(message)
        page = Page(wire.ask)
        if verb in LOOKUPS:
            answer = await getattr(portal, verb)(page, asked := Asked.from_json(message["asked"]))
            if asked.with_era:
                for claim in paid_claims(answer):
                    await portal.download_remittance(page, claim, answer)
            unkept_papers(answer, asked)
            return {"outcome": Outcome.ANSWERED.value, "answer": answer.to_json()}
        if verb == "recognise":
            return {"outcome": await _what_it_is(portal, page, but_not=(), timeout_ms=GLANCE_MS)}
        return {"outcome": str(await getattr(portal, verb)(page, Desk(wire.ask)))}
    except NoAnswer as none:
        refs = [one.ref for one in none.seen]
        return {"outcome": Outcome.ANSWERED.value, "no_answer": {"code": none.code, "refs": refs}}
    except PageChanged as changed:
        if verb in LOOKUPS and await _too_fast(page):
            return TOO_FAST
        return {"outcome": await _what_it_is(portal, page), "at": _place(changed, loaded.modules)}
    except HostRefused as refused:
        known = refused.code if refused.code in NAMES else Outcome.REFUSED.value
        if verb in LOOKUPS and known == Outcome.UNRECOGNISED:
            if await _too_fast(page):
                return TOO_FAST
            known = await _what_it_is(portal, page)
        return {"outcome": known, "at": _place(refused, loaded.modules)}
    except Exception as wrong:  # noqa: BLE001 - the boundary: whatever a script does becomes an outcome
        return {"outcome": Outcome.SCRIPT_FAILED.value, "at": _place(wrong, loaded.modules)}


async def _too_fast(page: Page) -> bool:
    """Whether the portal answered with a status of 429: it wants to be asked more slowly."""
    question = {"page": page.index, "signs": [["too_fast", status(429).to_json()]], "but_not": [], "timeout_ms": 0}
    try:
        return bool(await page._ask("recognise", question) == "too_fast")
    except HostRefused:
        return False


async def _what_it_is(
    portal: Portal, page: Page, but_not: tuple[Outcome, ...] = (Outcome.SIGNED_IN,), timeout_ms: int = 0
) -> str:
    """What a page is that a lookup cannot read, or that a person is on: signed out, down, asking something, or changed."""
    try:
        seen = await portal.recognise(page, but_not=but_not, timeout_ms=timeout_ms)
    except HostRefused:
        return Outcome.UNRECOGNISED.value
    if seen == LOGIN_FORM:
        return Outcome.SIGNED_OUT.value
    return str(seen) if seen in NAMES else Outcome.UNRECOGNISED.value


def _place(wrong: Exception, own: frozenset[str]) -> dict[str, Any]:
    """The kind of failure and the innermost line of the script's own files."""
    module, line, trace = "", 0, wrong.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in own:
            module, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return {"kind": type(wrong).__name__, "module": module, "line": line}


def main() -> None:
    """Go apart, then serve one run."""
    unconfined = os.environ.get("PORTUNUS_ALLOW_UNCONFINED_SCRIPTS") == "1"
    walls = confine.go_apart(int(os.environ.get("PORTUNUS_SCRIPT_UID", str(confine.NOBODY))))
    asyncio.run(serve(walls, unconfined=unconfined))


if __name__ == "__main__":
    main()
