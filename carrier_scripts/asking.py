"""Asks a confined process what a script declares: whoever checks a script has not read it yet, so it is not imported here."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Timer
from types import SimpleNamespace
from typing import Any, cast

from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.portal import Portal
from carrier_scripts.kit.walls.confine import NOBODY
from carrier_scripts.kit.wire import OUTLINE
from carrier_scripts.registry import Script

COMMAND = (sys.executable, "-I", "-B", "-m", "carrier_scripts.kit.process")
LIMIT_S = 10.0
HEARD_BYTES = 256 * 1024
UNCONFINED = "PORTUNUS_ALLOW_UNCONFINED_SCRIPTS"


_known: dict[tuple[str, str], type[Portal]] = {}


def outline(script: Script) -> type[Portal]:
    """Stands in for the script's class: its declared facts, asked for once. Raises ValueError with why there are none."""
    which = (script.key, script.digest)
    if which not in _known:
        _known[which] = declared(script)
    return _known[which]


def declared(script: Script) -> type[Portal]:
    """As `outline`, asked anew: a text that is being written is kept nowhere."""
    question = {"run": OUTLINE, "portal": script.key, "digest": script.digest, "sources": script.sources}
    said = _heard(json.dumps(question).encode() + b"\n")
    try:
        answer = json.loads(said)
        return _stand_in(answer["outline"]) if "outline" in answer else _closed()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as none:
        raise ValueError("the script does not load, or declares what is no fact; see portunus script run.") from none


def _closed() -> type[Portal]:
    raise ValueError("this machine cannot close off scripts; see portunus doctor.")


def _heard(question: bytes) -> bytes:
    """Its environment is its own: what one begins with can be read back from memory."""
    environment = {"PORTUNUS_SCRIPT_UID": str(os.getuid() or NOBODY)}
    if os.environ.get(UNCONFINED, "").lower() in ("1", "true"):
        environment[UNCONFINED] = "1"
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=environment,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def end() -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    late = Timer(LIMIT_S, end)
    late.start()
    try:
        with suppress(BrokenPipeError):
            process.stdin.write(question)
            process.stdin.flush()
        return process.stdout.readline(HEARD_BYTES)
    finally:
        late.cancel()
        end()
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        process.wait()


def _stand_in(told: dict[str, Any]) -> type[Portal]:
    """A hostile script writes its own outline: only what we know, and nothing that a terminal would obey."""
    known = {one.value: one for one in Outcome}
    lists = {
        name: [_plain(one) for one in told[name]][:500]
        for name in ("hosts", "sign_in_hosts", "practice", "reads", "signs", "selectors", "own", "written")
    }
    has = set(told["has"])
    facts: dict[str, Any] = {name: _plain(told[name]) for name in ("name", "start", "home", "automation")}
    facts |= {name: name in has or None for name in ("login", "code", "sign_out")}
    facts |= lists | {name: frozenset(lists[name]) for name in ("hosts", "sign_in_hosts")}
    facts["pages"] = {_plain(path): _plain(name) for path, name in told["pages"][:200]}
    facts["between"] = ("",) * min(int(told["between"]), 50)
    facts["signs"] = {known[name]: None for name in lists["signs"] if name in known}
    return cast(type[Portal], SimpleNamespace(**facts))


def _plain(text: Any) -> str:
    return "".join(one if one.isprintable() else "?" for one in str(text)[:500])
