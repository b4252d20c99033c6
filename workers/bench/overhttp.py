"""A simulated carrier asked over HTTP, without a browser: what a large batch's rows are answered from."""

import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2

from broker.base.errors import Unavailable
from carrier_scripts.lab import founding

HOST = "harborline.sim.test"
START_S = 30
LOOK_S = 0.05
TABS = ("maximums", "coverage")


class AtHarborline:
    """Signed in at Harborline's lab for one practice; one connection, as one session has."""

    def __init__(self, facts: dict[str, Any], place: str) -> None:
        context = ssl.create_default_context(cafile=facts["ca"])
        self._http = httpx2.Client(
            base_url=f"https://127.0.0.1:{facts['ports']['web']}", headers={"host": HOST}, verify=context,
            trust_env=False, follow_redirects=True, timeout=30,
        )  # fmt: skip
        self._control = httpx2.Client(base_url=facts["control"], trust_env=False, timeout=30)
        self._sign_in(place)

    def close(self) -> None:
        self._http.close()
        self._control.close()

    def truth(self) -> dict[str, Any]:
        """Members as the carrier knows them, and how often it was asked for each and which day."""
        told: dict[str, Any] = self._control.get("/truth/harborline").raise_for_status().json()
        return told

    def look(self, member_id: str, born: str, on: str) -> list[list[str]]:
        """Search, then the benefit pages: every row of every table, the member's line first. Raises `Unavailable`."""
        asked = {"member_id": member_id, "date_of_birth": born, "service_date": on}
        first = self._ask("POST", "/eligibility", data=asked)
        rows = [
            *_rows(first),
            *(row for tab in TABS for row in _rows(self._ask("GET", f"/eligibility/{member_id}?tab={tab}"))),
        ]
        if len(rows) < len(TABS) * 4:
            raise Unavailable("The lab does not show this member.")
        return rows

    def _ask(self, method: str, path: str, **more: Any) -> str:
        answer = self._http.request(method, path, extensions={"sni_hostname": HOST}, **more)
        return str(answer.raise_for_status().text)

    def _sign_in(self, place: str) -> None:
        account = next(one for one in founding.accounts_of("harborline") if place in one.locations)
        self._ask("GET", "/signin")
        self._ask("POST", "/signin", data={"username": account.username, "password": account.password})
        self._ask("POST", "/signin/verify", data={"code": self._code(account.username)})
        if 'id="signed-in-as"' not in self._ask("POST", "/practice", data={"tin": place}):
            raise Unavailable("The lab did not sign in.")

    def _code(self, username: str) -> str:
        end, again = time.monotonic() + START_S, threading.Event()
        while time.monotonic() < end:
            for message in reversed(self._control.get("/outbox").raise_for_status().json()):
                if message["account"] == username and message["code"]:
                    return str(message["code"])
            again.wait(LOOK_S)
        raise Unavailable("The lab sent no code.")


@contextmanager
def harborline(folder: Path, place: str) -> Iterator[AtHarborline]:
    """A lab in a process of its own, and a session there."""
    command = [sys.executable, "-m", "carrier_scripts.lab", "--state-dir", str(folder), "--die-with-parent"]
    lab = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert lab.stdout is not None
        if not lab.stdout.readline():
            raise Unavailable("The lab did not start.")
        session = AtHarborline(json.loads((folder / "lab.json").read_text(encoding="utf-8")), place)
        try:
            yield session
        finally:
            session.close()
    finally:
        lab.terminate()
        lab.wait(START_S)


class _Tables(HTMLParser):
    """Rows of cells, and the paragraph under the member's name as a row of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        if tag in ("tr", "p"):
            self.rows.append([""] if tag == "p" else [])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        self._in = self._in or tag in ("tr", "p")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("tr", "p"):
            self._in = False

    def handle_data(self, data: str) -> None:
        if self._in and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def _rows(html: str) -> list[list[str]]:
    tables = _Tables()
    tables.feed(html)
    return [[cell.strip() for cell in row] for row in tables.rows if any(cell.strip() for cell in row)]
