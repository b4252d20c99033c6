"""Lookups the whole way: a program asks through the client, workers are killed in the middle, nothing is lost or doubled."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from portunus_client import Client, eligibility
from tests.demos import Demo
from tests.walks.conftest import until

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


def key(demo: Demo) -> str:
    """The service account's API key, as the demo prints it once."""
    after = demo.output.read_text(errors="replace").split("API key", 1)[1]
    found = re.search(r"\s(\S{30,})\s", after)
    assert found is not None
    return found.group(1)


def members(demo: Demo) -> list[dict[str, str]]:
    """The truth of the simulated carrier."""
    found: list[dict[str, str]] = demo.control.get("/truth/harborline").json()["members"]
    return found


def searches(demo: Demo) -> Counter[str]:
    """What the simulator saw: searches per member."""
    log = demo.control.get("/log", params={"carrier": "harborline"}).json()
    return Counter(line["what"].split()[-1] for line in log if line["what"].startswith("eligibility search"))


def test_the_example_of_the_client_runs_against_the_demo(demo: Demo) -> None:
    told = subprocess.run(
        [sys.executable, "examples/ask_eligibility.py"],
        cwd=ROOT,
        env={**os.environ, "PORTUNUS_URL": demo.url, "PORTUNUS_API_KEY": key(demo)},
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "coverage: active" in told.stdout
    assert "annual_maximum, individual:" in told.stdout


def test_a_worker_killed_twice_in_mid_batch_loses_and_doubles_nothing(demo: Demo) -> None:
    client = Client(demo.url, key(demo))
    people = members(demo)
    before = searches(demo)
    rows = [eligibility("harborline", "phoenix", member_id=m["id"], birth_date=m["born"]) for m in people]
    batch = client.batch("killed twice", rows)
    for least in (2, 6):
        until(lambda least=least: client.batch_state(batch["id"])["counts"].get("done", 0) >= least, 60)
        os.kill(demo.child("celery"), signal.SIGKILL)
    until(lambda: client.batch_state(batch["id"])["state"] == "done", 120)
    counts = client.batch_state(batch["id"])["counts"]
    assert (counts["done"], counts["problems"], counts["queued"]) == (len(people), 0, 0)
    seen = searches(demo) - before
    assert {member["id"]: 1 for member in people} == dict(seen)
