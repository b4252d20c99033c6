"""Asks a confined script process what a version declares, so that nobody imports code that was not approved."""

import hashlib
import json
import re
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from broker.base.errors import Incomplete, Unavailable
from broker.scripts.service import Bundle

COMMAND = (sys.executable, "-I", "-B", "-m", "carrier_scripts.kit.process")
LIMIT_S = 10
MODES = ("attended", "assisted", "automated")
TEXTS, LISTS = ("name", "start", "home", "automation"), ("hosts", "carriers", "reads", "searches", "signs")


def with_facts(key: str, digest: str, sources: list[dict[str, str]], quality: str = "") -> Bundle:
    """The version with what it declares. Raises `Incomplete` (it does not load, declares nonsense), `Unavailable`."""
    told = {"run": "facts", "portal": key, "digest": digest, "sources": sources}
    try:
        asked = subprocess.run(
            COMMAND,
            input=json.dumps(told) + "\n",
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            cwd="/",
        )
    except subprocess.TimeoutExpired as slow:
        raise Incomplete(
            "The script does not load in ten seconds; a script declares facts and does nothing else."
        ) from slow
    except OSError as none:
        raise Unavailable("A script process does not start on this machine; see portunus doctor.") from none
    try:
        answer = json.loads(asked.stdout)
    except ValueError as none:
        raise Incomplete(f"The script does not load: {_last_line(asked.stderr)}{_at(key, asked.stderr)}") from none
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


def _checked(facts: Any) -> dict[str, Any]:
    """Only what we know, only as we know it: a hostile script writes its own facts."""
    try:
        clean: dict[str, Any] = {name: str(facts[name])[:500] for name in TEXTS}
        clean |= {name: [str(one)[:200] for one in facts[name]][:200] for name in LISTS}
        clean["code"] = bool(facts["code"])
    except (KeyError, TypeError) as missing:
        raise Incomplete("The script does not say its name, hosts, start, home and signs.") from missing
    if clean["automation"] not in MODES or not clean["name"].strip():
        raise Incomplete("A script has a name, and is attended, assisted or automated.")
    for fact in ("start", "home"):
        address = urlsplit(clean[fact])
        if address.scheme != "https" or address.hostname not in clean["hosts"]:
            raise Incomplete(f"{fact} must be an https address on one of the script's hosts.")
    return clean


def _at(key: str, text: str) -> str:
    """The line of the script's own file that it stopped at."""
    found = re.findall(rf'File "carrier_scripts\.portals\.{re.escape(key)}", line (\d+)', text)
    return f" (line {found[-1]})" if found else ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it ended without a word"
