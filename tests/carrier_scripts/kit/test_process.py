"""The real script process over its real pipe: exact bytes, one run, nothing but the wire."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from carrier_scripts import registry
from carrier_scripts.check import MODULES
from carrier_scripts.kit.process import digest_of

HEAD = "from carrier_scripts.kit import LoginForm, Outcome, Portal, sees\n"
FACTS = """
class Probe(Portal):
    name, hosts, start, home = "Probe", frozenset({"p.example"}), "https://p.example/", "https://p.example/home"
    login = LoginForm("#u", "#p", "#s")
    signs = {Outcome.SIGNED_IN: sees("#who")}
    async def prove(self, page, desk):
"""


class Run:
    """A process, its first line said. `close` ends it."""

    def __init__(self, folder: Path, message: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", "carrier_scripts.kit.process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, text=True,
            env={"PORTUNUS_SCRIPT_UID": "65534", "PLANTED_SECRET": "Quartz"},
        )  # fmt: skip
        self.say(message)

    def say(self, message: dict[str, Any]) -> None:
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def close(self) -> str:
        self.process.stdin.close()
        self.process.wait(20)
        return self.process.stderr.read()


def probe(body: str, **changes: Any) -> dict[str, Any]:
    text = HEAD + FACTS + "\n".join(f"        {line}" for line in body.splitlines()) + "\n"
    sources = [{"module": "carrier_scripts.portals.probe", "text": text}]
    return {"run": "prove", "portal": "probe", "digest": digest_of(sources), "sources": sources} | changes


def ending(folder: Path, message: dict[str, Any]) -> dict[str, Any]:
    run = Run(folder, message)
    try:
        return run.hear()["done"]
    finally:
        run.close()


def test_a_real_script_asks_by_the_wire_and_ends_with_an_outcome(tmp_path: Path) -> None:
    script = registry.script("harborline")
    run = Run(
        tmp_path, {"run": "recognise", "portal": "harborline", "digest": script.digest, "sources": script.sources}
    )
    asked = run.hear()
    assert (asked["call"], asked["args"]["page"]) == ("recognise", 0)
    run.say({"id": asked["id"], "ok": "signed_in"})
    assert run.hear() == {"done": {"outcome": "signed_in"}}
    assert run.close() == ""


def test_other_bytes_than_the_approved_ones_do_not_run(tmp_path: Path) -> None:
    done = ending(tmp_path, probe("return Outcome.SIGNED_IN", digest="0" * 64))
    assert (done["outcome"], done["at"]["kind"]) == ("script_failed", "ValueError")


def test_a_refusal_of_the_host_is_the_outcome(tmp_path: Path) -> None:
    run = Run(tmp_path, probe("await page.goto(self.start)"))
    asked = run.hear()
    run.say({"id": asked["id"], "error": {"code": "down", "message": "The portal did not answer."}})
    assert run.hear()["done"]["outcome"] == "down"
    run.close()


def test_a_crash_is_an_outcome_with_its_line_and_never_its_words(tmp_path: Path) -> None:
    done = ending(tmp_path, probe("patient = 'Quartz Heron'\nraise LookupError(patient)"))
    line = HEAD.count("\n") + FACTS.count("\n") + 2
    assert done == {
        "outcome": "script_failed",
        "at": {"kind": "LookupError", "module": "carrier_scripts.portals.probe", "line": line},
    }


def test_a_verb_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert ending(tmp_path, probe("return Outcome.SIGNED_IN", run="__init__"))["outcome"] == "script_failed"


def test_the_modules_a_script_may_import_are_there_although_its_user_cannot_read_them(tmp_path: Path) -> None:
    imports = "\n".join(f"import {name}" for name in sorted(MODULES))
    assert ending(tmp_path, probe(f"{imports}\nreturn Outcome.SIGNED_IN"))["outcome"] == "signed_in"


def test_it_never_loads_the_browser_library(tmp_path: Path) -> None:
    body = """import sys
loaded = [m for m in sys.modules if m.split('.')[0] in ('playwright', 'broker', 'sqlalchemy', 'workers', 'api')]
return Outcome.SIGNED_IN if not loaded else Outcome.LOCKED"""
    assert ending(tmp_path, probe(body))["outcome"] == "signed_in"


def test_it_ends_when_the_host_hangs_up(tmp_path: Path) -> None:
    run = Run(tmp_path, probe("await page.goto(self.start)"))
    run.hear()
    run.close()
    assert run.process.returncode == 0
