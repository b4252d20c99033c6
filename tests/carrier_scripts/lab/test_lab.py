"""The lab as a process, its founding document, its weight, its papers about itself."""

import json
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from carrier_scripts.lab import founding
from carrier_scripts.lab.faults import NAMES as FAULTS
from carrier_scripts.lab.judge import NAMES
from carrier_scripts.lab.serving import Lab
from tests.carrier_scripts.lab.walking import sign_in_copper, sign_in_harborline, sign_in_northgate
from tests.labs import RunningLab

PARENT = """
import subprocess, sys
lab = subprocess.Popen([sys.executable, "-m", "carrier_scripts.lab", "--state-dir", sys.argv[1], "--die-with-parent"], stdout=subprocess.PIPE)
lab.stdout.readline()
print(lab.pid, flush=True)
lab.wait()
"""
README = (Path(founding.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_every_fault_and_counter_is_in_the_readme() -> None:
    assert [name for name in (*FAULTS, *NAMES) if f"`{name}`" not in README] == []


def test_every_login_is_in_the_readme() -> None:
    assert [a.key for a in founding.ACCOUNTS if f"`{a.username}` | `{a.password}`" not in README] == []


@pytest.mark.parametrize("place", founding.LOCATIONS, ids=lambda place: place.key)
def test_provider_identifiers_pass_their_check_digit_in_the_test_range(place: founding.Location) -> None:
    assert place.npi.startswith("19999999")
    digits = [int(d) for d in reversed("80840" + place.npi)]
    doubled = [d if n % 2 == 0 else sum(divmod(2 * d, 10)) for n, d in enumerate(digits)]
    assert sum(doubled) % 10 == 0


def test_tax_numbers_have_a_prefix_that_is_never_issued() -> None:
    assert {place.tin[:2] for place in founding.LOCATIONS} == {"07"}


def test_the_founding_document_prints_itself() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "carrier_scripts.lab.founding"], capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout)["accounts"][0]["username"] == "saguaro.phoenix"


def test_behaviour_is_published(lab: RunningLab) -> None:
    facts = lab.control.get("/behaviour/copper_mesa_az").json()
    assert (facts["code_ttl_s"], facts["concurrency"], facts["idle_timeout_s"]) == (90, "newest_wins", 900)


@pytest.mark.parametrize(
    ("key", "walk"),
    [("harborline", sign_in_harborline), ("copper_mesa_az", sign_in_copper), ("northgate", sign_in_northgate)],
)
def test_home_weighs_what_real_homes_weigh_and_caches(lab: RunningLab, key: str, walk: object) -> None:
    with lab.browser(key) as browser:
        page = walk(browser, lab)  # type: ignore[operator]
        assets = set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text))
        answers = [browser.get(path) for path in assets]
    assert 18 <= len(assets) + 1 <= 60
    assert 200_000 <= len(page.content) + sum(len(a.content) for a in answers) <= 800_000
    assert {a.headers["cache-control"] for a in answers} == {"public, max-age=86400, immutable"}


def test_cookies_are_secure_and_out_of_scripts_reach(lab: RunningLab) -> None:
    with lab.browser("harborline") as browser:
        cookie = browser.get("/signin").headers["set-cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie


def test_the_process_starts_says_where_and_stops_on_sigterm(tmp_path: Path) -> None:
    lab = subprocess.Popen(
        [sys.executable, "-m", "carrier_scripts.lab", "--state-dir", str(tmp_path), "--sms-url-base", "http://127.0.0.1:9/hooks/sms/"],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    try:
        assert lab.stdout
        assert json.loads(lab.stdout.readline())["ready"]["web"]
        facts = json.loads((tmp_path / "lab.json").read_text(encoding="utf-8"))
        assert facts["sms"]["phones"]["+16025550142"] == "http://127.0.0.1:9/hooks/sms/16025550142"
        assert oct((tmp_path / "lab.json").stat().st_mode)[-3:] == "600"
        lab.send_signal(signal.SIGTERM)
        assert lab.wait(timeout=10) == 0
        assert not (tmp_path / "lab.json").exists()
    finally:
        lab.kill()
        lab.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    ended = os.pidfd_open(pid)
    parent.kill()
    parent.wait()
    assert select.select([ended], [], [], 10)[0]


def test_ports_and_keys_stay_the_same_over_a_restart(tmp_path: Path) -> None:
    facts = []
    for _ in range(2):
        lab = Lab(tmp_path)
        facts.append(lab.start())
        lab.stop()
    assert facts[0] == facts[1]
