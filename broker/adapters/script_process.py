"""Asks a confined script process what a version declares, so that nobody imports code that was not approved."""

import contextlib
import hashlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from broker.base.errors import Incomplete, Unavailable
from broker.base.settings import settings
from broker.scripts.service import Bundle

COMMAND = (sys.executable, "-I", "-B", "-m", "carrier_scripts.kit.process")
LIMIT_S = 10
HEARD_BYTES = 256 * 1024
"""More than any script has to say of itself."""
NOBODY = 65534
MODES = ("attended", "assisted", "automated")
TEXTS, LISTS = (
    ("name", "start", "home", "automation"),
    ("hosts", "sign_in_hosts", "carriers", "reads", "searches", "signs"),
)


def with_facts(key: str, digest: str, sources: list[dict[str, str]], quality: str = "") -> Bundle:
    """The version with what it declares. Raises `Incomplete` (it does not load, declares nonsense), `Unavailable`."""
    told = {"run": "facts", "portal": key, "digest": digest, "sources": sources}
    said, complained = _heard(json.dumps(told).encode() + b"\n")
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError) as none:
        raise Incomplete(f"The script does not load: {_last_line(complained)}{_at(key, complained)}") from none
    if not isinstance(answer, dict) or "facts" not in answer:
        raise Unavailable("This machine cannot close off scripts; see portunus doctor.")
    return Bundle(key, digest, sources, _checked(answer["facts"]), quality)


def digest_of(sources: list[dict[str, str]]) -> str:
    """The hash that names a version: over each file's module name and bytes, in the order given, as script processes do it."""
    whole = hashlib.sha256()
    for source in sources:
        data = source["text"].encode()
        whole.update(f"{source['module']}\n{len(data)}\n".encode() + data)
    return whole.hexdigest()


def _heard(question: bytes) -> tuple[str, str]:
    """What a process of its own answers and complains. Raises `Incomplete` (too slow, too much), `Unavailable`.

    It gets an environment of its own: the first one of a process can be read back from memory, whatever is cleared later.
    """
    environment = {"PORTUNUS_SCRIPT_UID": str(os.getuid() or NOBODY)}
    if settings().allow_unconfined_scripts:
        environment["PORTUNUS_ALLOW_UNCONFINED_SCRIPTS"] = "1"
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, cwd="/", env=environment, start_new_session=True
        )
    except OSError as none:
        raise Unavailable("A script process does not start on this machine; see portunus doctor.") from none
    try:
        return _conversed(process, question)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for end in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                assert end is not None
                end.close()
        process.wait()


def _conversed(process: "subprocess.Popen[bytes]", question: bytes) -> tuple[str, str]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    said, complained = bytearray(), bytearray()
    end = time.monotonic() + LIMIT_S
    with selectors.DefaultSelector() as ready:
        os.set_blocking(process.stdin.fileno(), False)
        ready.register(process.stdin, selectors.EVENT_WRITE)
        ready.register(process.stdout, selectors.EVENT_READ, said)
        ready.register(process.stderr, selectors.EVENT_READ, complained)
        while any(key.data is not None for key in ready.get_map().values()):
            if time.monotonic() > end:
                raise Incomplete(
                    "The script does not load in ten seconds; a script declares facts and does nothing else."
                )
            for key, _ in ready.select(timeout=max(0.0, end - time.monotonic())):
                if key.data is None:
                    question = _told(key.fd, question)
                    if not question:
                        ready.unregister(process.stdin)
                    continue
                part = os.read(key.fd, 65_536)
                key.data.extend(part)
                if not part:
                    ready.unregister(key.fileobj)
                if len(key.data) > HEARD_BYTES:
                    raise Incomplete(
                        "The script says too much while it loads; a script declares facts and does nothing else."
                    )
    return said.decode(errors="replace"), complained.decode(errors="replace")


def _told(fd: int, question: bytes) -> bytes:
    """What is left to write; nothing when nobody reads any more."""
    try:
        return question[os.write(fd, question[:65_536]) :]
    except BrokenPipeError:
        return b""


def _checked(facts: Any) -> dict[str, Any]:
    """Only what we know, only as we know it: a hostile script writes its own facts."""
    try:
        clean: dict[str, Any] = {name: str(facts[name])[:500] for name in TEXTS}
        clean |= {name: [str(one)[:200] for one in facts[name]][:200] for name in LISTS}
        clean["pages"] = [[str(path)[:200], str(name)[:40]] for path, name in facts["pages"][:200]]
        clean["code"] = bool(facts["code"])
    except (KeyError, TypeError, ValueError) as missing:
        raise Incomplete("The script does not say its name, hosts, start, home and signs.") from missing
    if clean["automation"] not in MODES or not clean["name"].strip():
        raise Incomplete("A script has a name, and is attended, assisted or automated.")
    for fact in ("start", "home"):
        address = urlsplit(clean[fact])
        if address.scheme != "https" or address.hostname not in clean["hosts"]:
            raise Incomplete(f"{fact} must be an https address on one of the script's hosts.")
    for host in clean["sign_in_hosts"]:
        if host not in clean["hosts"]:
            raise Incomplete(f"sign_in_hosts names {host}, which is not among the script's hosts.")
    return clean


def _at(key: str, text: str) -> str:
    """The line of the script's own file that it stopped at."""
    found = re.findall(rf'File "carrier_scripts\.portals\.{re.escape(key)}", line (\d+)', text)
    return f" (line {found[-1]})" if found else ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it ended without a word"
