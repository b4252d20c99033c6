"""The main job: a biller opens a portal, works in it, ends; the auditor proves who got the code; nothing secret leaked."""

import json
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from carrier_scripts.lab import founding
from tests.demos import Demo
from tests.walks.conftest import until
from tests.walks.floorplan import floorplan_of_harborline

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.timeout(300)]


def rows(demo: Demo, query: str) -> list[tuple]:
    with sqlite3.connect(f"file:{demo.data_dir / 'portunus.db'}?mode=ro", uri=True) as db:
        return db.execute(query).fetchall()


def shows(person, title: str) -> None:
    """The remote page has this title."""
    person.page.wait_for_function(f"() => document.title.startsWith({json.dumps(title)})", timeout=30_000)


def goes(person, link: tuple[float, float], title: str) -> None:
    """Follow this link, again while the page before is still being drawn over it."""
    for _ in range(10):
        person.click_at(*link)
        with suppress(PlaywrightTimeoutError):
            person.page.wait_for_function(f"() => document.title.startsWith({json.dumps(title)})", timeout=2_000)
            return
    raise AssertionError(f"{title} did not show")


def test_a_biller_searches_eligibility_in_harborline(demo: Demo, people, browser: Browser, tmp_path: Path) -> None:
    """With mouse and keyboard in the streamed picture; what the carrier saw is what its judge says."""
    maria = people["Maria"]
    member = demo.control.get("/truth/harborline").json()["members"][0]
    with floorplan_of_harborline(browser, tmp_path) as plan:
        close = plan.middle_of("/home", "#announcement-close")
        eligibility = plan.middle_of("/home", "#nav-eligibility")
        member_id = plan.middle_of("/eligibility", "#member-id")
        search = plan.middle_of("/eligibility", "#search-button")
    maria.open("harborline phoenix")
    maria.sees_stream()
    shows(maria, "Home")
    posted = demo.counters("harborline")["forms_posted"]
    maria.click_at(*close)
    until(lambda: demo.counters("harborline")["forms_posted"] > posted)
    goes(maria, eligibility, "Eligibility")
    maria.click_at(*member_id)
    maria.page.keyboard.type(member["id"])
    maria.page.keyboard.press("Tab")
    year, month, day = member["born"].split("-")
    maria.page.keyboard.type(month + day + year)
    maria.click_at(*search)
    shows(maria, "Benefits")
    maria.end()
    searches = [line for line in demo.control.get("/log").json() if line["what"].startswith("eligibility search")]
    assert [(line["carrier"], line["account"], line["what"]) for line in searches] == [
        ("harborline", "saguaro.phoenix", f"eligibility search {member['id']}")
    ]
    assert demo.counters("harborline")["logins"] == 1
    assert maria.problems == []


def test_the_second_time_it_is_warm(demo: Demo, people) -> None:
    maria = people["Maria"]
    maria.open("harborline phoenix")
    maria.sees_stream()
    maria.end()
    assert demo.counters("harborline")["logins"] == 1


def test_a_code_by_text_message(demo: Demo, people) -> None:
    people["Maria"].open("copper phoenix")
    people["Maria"].sees_stream()
    people["Maria"].end()
    assert demo.counters("copper_mesa_az")["codes_accepted"] == 1


def test_a_code_from_an_authenticator(demo: Demo, people) -> None:
    people["Maria"].open("northgate phoenix")
    people["Maria"].sees_stream()
    people["Maria"].end()
    assert demo.counters("northgate")["codes_accepted"] == 1


def test_who_received_the_last_code(demo: Demo, people, tmp_path: Path) -> None:
    asked = demo.portunus("audit", "last-code", "--portal", "harborline", "--location", "phoenix", "--json")
    answer = json.loads(asked.stdout)
    assert (answer["asked_by"], answer["channel"], answer["answer"]) == ("Maria Lopez", "email", "accepted")
    assert answer["recording_id"]
    assert answer["proof"]["path"]
    log = tmp_path / "log.jsonl"
    assert demo.portunus("audit", "export", "-o", str(log)).returncode == 0
    verify = [sys.executable, "-I", "broker/audit/verify.py", str(log)]
    assert subprocess.run(verify, capture_output=True).returncode == 0
    whole = log.read_bytes()
    log.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    assert subprocess.run(verify, capture_output=True).returncode == 1


def test_the_compliance_officer_asks_the_same_in_the_browser(demo: Demo, people) -> None:
    page = people["Audrey"].page
    page.goto(f"{demo.url}/last-code?portal=harborline&location=phoenix")
    assert "Maria Lopez" in page.locator(".answer").inner_text()
    page.get_by_role("link", name="recording", exact=True).click()
    page.fill("#reason", "Quarterly sample")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => window.portunusPlayer && window.portunusPlayer.drawn > 0")


def test_no_secret_is_anywhere_in_clear(demo: Demo, people) -> None:
    outbox = demo.control.get("/outbox").json()
    secrets = {account.password for account in founding.ACCOUNTS} | {
        account.totp_seed for account in founding.ACCOUNTS if account.totp_seed
    }
    facts = json.loads((demo.data_dir / "lab" / "lab.json").read_text())
    secrets |= {facts["mailbox"]["password"], facts["sms"]["secret"]}
    codes = {message["code"] for message in outbox if message.get("code")}
    socket, password = (
        demo.data_dir / "run" / "valkey.sock",
        (demo.data_dir / "keys" / "valkey.password").read_text().strip(),
    )
    if not socket.exists():
        from broker.base.settings import Settings

        socket = Settings(data_dir=demo.data_dir).run_dir / "valkey.sock"
    server = redis.Redis(unix_socket_path=str(socket), password=password)
    held = b"".join(server.dump(key) or b"" for key in server.keys("*"))
    files = {
        str(path): path.read_bytes()
        for path in demo.data_dir.rglob("*")
        if path.is_file() and "lab" not in path.relative_to(demo.data_dir).parts and path.suffix != ".out"
    }
    files["redis"] = held
    assert secrets
    assert codes
    found = [(name, what[:4]) for name, data in files.items() for what in secrets if what.encode() in data]
    logs = [
        (name, code)
        for name, data in files.items()
        if "/log/" in name or name == "redis"
        for code in codes
        if code.encode() in data
    ]
    assert (found, logs) == ([], [])


def test_the_judge_saw_no_overlap_and_no_wasted_try(demo: Demo, people) -> None:
    for carrier in ("harborline", "copper_mesa_az", "northgate"):
        counted = demo.counters(carrier)
        assert (counted["overlapping_logins"], counted["wasted_tries"], counted["forbidden_hits"]) == (0, 0, 0), carrier
