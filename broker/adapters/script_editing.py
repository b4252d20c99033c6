"""Asks other processes what an editor shows beside a script that nobody has handed in: sentences by line, and names."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from threading import BoundedSemaphore
from typing import Any

from broker.adapters.script_process import digest_of, with_facts
from broker.base.errors import Incomplete, Unavailable
from broker.scripts.service import Bundle

COMMAND = (sys.executable, "-B", "-m", "carrier_scripts.editing")
LIMIT_S = 10
AT_ONCE = BoundedSemaphore(2)
"""Texts under check at a time."""
WAIT_S = 2
"""Longest wait for a turn: texts that never load must not hold up the pages of others."""
BUSY = "This text could not be checked just now. Handing it in checks it as well."
FAMILY = "carrier_scripts.families."
AT_LINE = re.compile(r" \(line (\d+)\)$")


def said(key: str, sources: list[dict[str, str]]) -> list[dict[str, Any]]:
    """What is wrong with the script (the last of these files), `line` and `words`, from the top. Raises `Unavailable`."""
    if not AT_ONCE.acquire(timeout=WAIT_S):
        raise Unavailable(BUSY)
    try:
        return _said(key, sources)
    finally:
        AT_ONCE.release()


def _said(key: str, sources: list[dict[str, str]]) -> list[dict[str, Any]]:
    text = sources[-1]["text"]
    found = _asked({"key": key, "text": text})
    if found:
        return found
    try:
        facts = with_facts(key, digest_of(sources), sources).facts
    except Incomplete as no:
        line = AT_LINE.search(no.message)
        return [{"line": int(line[1]) if line else 1, "words": AT_LINE.sub("", no.message)}]
    return _asked({"key": key, "text": text, "facts": facts})


def handed_in(
    key: str,
    digest: str,
    sources: list[dict[str, str]],
    quality: str = "",
    behaviour: dict[str, Any] | None = None,
) -> Bundle:
    """A version somebody hands in: its texts are read by the rules before any of them is loaded. Raises `Incomplete`, `Unavailable`."""
    for source in sources:
        found = _asked({"key": key, "text": source["text"], "family": source["module"].startswith(FAMILY)})
        if found:
            file, first = source["module"].rpartition(".")[2], found[0]
            more = f" {len(found) - 1} more: portunus script check {key}" if len(found) > 1 else ""
            raise Incomplete(f"{file}.py line {first['line']}: {first['words']}{more}")
    return replace(with_facts(key, digest, sources, quality), behaviour=behaviour or {})


@cache
def names() -> list[dict[str, str]]:
    """What a script may write: `of` (before the dot), `name`, `form`, `says`. Raises `Unavailable`."""
    told: list[dict[str, str]] = _run("names")
    return told


def _asked(question: dict[str, Any]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = _run(told=json.dumps(question))
    return told


def _run(*words: str, told: str = "") -> Any:
    try:
        done = subprocess.run(
            [*COMMAND, *words], input=told, capture_output=True, text=True, timeout=LIMIT_S, check=True
        )
        return json.loads(done.stdout)
    except (OSError, ValueError, RecursionError, subprocess.SubprocessError) as none:
        raise Unavailable(BUSY) from none
