"""The first day of a practice: `portunus up` asks who administers, and from nothing she gets to an open portal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page

from carrier_scripts.lab import founding
from tests.demos import free_port, kill_group
from tests.labs import RunningLab, running_lab
from tests.waiting import until

pytestmark = pytest.mark.walk
START_S = 90
LINK = re.compile(r"(http://\S+/sign-in/link/\S+)")
ANSWERS = {
    "practice or billing company": "Saguaro Family Dental",
    "Your name": "Ana Petrova",
    "Your e-mail address": "ana@saguaro.test",
}


class Terminal:
    """`portunus up` in a terminal of its own."""

    def __init__(self, data_dir: Path, lab: RunningLab) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.shown = ""
        environment = {
            **os.environ,
            "PORTUNUS_DATA_DIR": str(data_dir),
            "PORTUNUS_PORT": self.url.rpartition(":")[2],
            "PORTUNUS_SIMULATED_PORTALS": "true",
            "PORTUNUS_RESOLVE": json.dumps(lab.resolve),
            "PORTUNUS_TRUSTED_SPKI": json.dumps([lab.spki]),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }
        self._ours, theirs = pty.openpty()
        command = [str(Path(sys.executable).with_name("portunus")), "up"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)

    def until(self, words: str) -> None:
        """Read what is shown until these words are."""
        end = time.monotonic() + START_S
        while words not in self.shown:
            assert time.monotonic() < end, self.shown
            if select.select([self._ours], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self._ours, 65536).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"portunus up ended:\n{self.shown}") from None

    def type(self, line: str) -> None:
        os.write(self._ours, line.encode() + b"\n")

    def stop(self) -> None:
        """Ctrl-C; raises TimeoutExpired when it does not end."""
        self.process.send_signal(signal.SIGINT)
        end = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self._ours, 65536).decode(errors="replace")
                except OSError:
                    break
        self.process.wait(timeout=5)
        os.close(self._ours)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[RunningLab]:
    with running_lab(tmp_path / "lab") as running:
        yield running


@pytest.fixture
def terminal(tmp_path: Path, lab: RunningLab) -> Iterator[Terminal]:
    running = Terminal(tmp_path / "data", lab)
    try:
        yield running
    finally:
        kill_group(running.process)


def come_in(page: Page, link: str, phrase: str) -> None:
    """The first time: by link, with a password and an authenticator of one's own."""
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("New password", exact=True).fill(phrase)
    page.get_by_label("New password again").fill(phrase)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Begin").click()
    seed = page.locator(".seed").inner_text().replace(" ", "")
    page.get_by_label("Code from the app").fill(pyotp.TOTP(seed).now())
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()


def add_location(page: Page, url: str, place: founding.Location) -> None:
    page.goto(f"{url}/locations")
    page.get_by_label("Short name").fill(place.key)
    page.get_by_label("Name, as your people say it").last.fill(place.name)
    page.get_by_label("NPI").last.fill(place.npi)
    page.get_by_label("City").last.fill(place.city)
    page.get_by_label("Time zone").last.select_option(place.time_zone)
    page.get_by_label("Legal name", exact=True).last.fill(place.legal_name)
    page.get_by_label("TIN", exact=True).last.fill(place.tin)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("heading", name=place.name).wait_for()


def add_login(page: Page, url: str, login: founding.Account, place: founding.Location) -> None:
    page.goto(f"{url}/accounts")
    page.get_by_label("Portal", exact=True).select_option(login.carrier)
    page.get_by_label("User name at the portal").fill(login.username)
    page.get_by_label("Password", exact=True).fill(login.password)
    page.get_by_label(place.name, exact=True).check()
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("summary", has_text=login.username).wait_for()


def invite(page: Page, url: str, name: str, email: str) -> str:
    """Invite a biller; her link."""
    page.goto(f"{url}/people")
    page.get_by_label("Name", exact=True).first.fill(name)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Invite").click()
    return page.locator("code.once").inner_text()


def test_from_the_first_question_to_an_open_portal(browser: Browser, terminal: Terminal, lab: RunningLab) -> None:
    for question, answer in ANSWERS.items():
        terminal.until(question)
        terminal.type(answer)
    terminal.until("Started in")
    found = LINK.search(terminal.shown)
    assert found is not None
    place = founding.location("phoenix")
    login = lab.account("harborline-1")

    ana = browser.new_context(viewport={"width": 1360, "height": 1000}).new_page()
    come_in(ana, found.group(1), "quiet harbour lantern")
    add_location(ana, terminal.url, place)
    add_login(ana, terminal.url, login, place)
    link = invite(ana, terminal.url, "Maria Lopez", "maria@saguaro.test")

    maria = browser.new_context(viewport={"width": 1360, "height": 1000}).new_page()
    come_in(maria, link, "seven herons at dawn")
    maria.goto(f"{terminal.url}/")
    maria.locator("button.tile").first.click()
    maria.wait_for_url("**/tabs/*")

    ana.goto(f"{terminal.url}/codes")  # nothing but the code desk was set up: a person reads the mail
    ana.get_by_label("Code", exact=True).wait_for(timeout=60_000)
    until(lambda: any(one["account"] == login.username and one["code"] for one in lab.outbox()))
    ana.get_by_label("Code", exact=True).fill(lab.last_code(login.key))
    ana.get_by_role("button", name="Send").click()

    maria.locator("#stage canvas").wait_for(timeout=60_000)
    counted = lab.counters(login.carrier, login.username)
    assert (counted["logins"], counted["wrong_codes"], counted["overlapping_logins"]) == (1, 0, 0)

    terminal.stop()
    assert "Nothing is left running." in terminal.shown
    assert terminal.process.returncode == 0
