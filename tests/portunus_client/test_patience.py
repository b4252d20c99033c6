"""The client when Portunus restarts under it: what may be asked twice is asked again, the rest is a problem in words."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import portunus_client
from portunus_client import Client, Problem, eligibility


class Office(HTTPServer):
    """Hangs up on so many requests, then answers; remembers what it was asked."""

    hang_ups = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Office

    def do_GET(self) -> None:
        self.server.asked.append((self.command, self.headers["idempotency-key"]))
        self.rfile.read(int(self.headers["content-length"] or 0))
        if len(self.server.asked) <= self.server.hang_ups:
            return
        body = json.dumps({"id": "lkp_1", "state": "queued"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - http.server's own names

    def log_message(self, *words: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(portunus_client, "PAUSES_S", (0.0, 0.0))
    with Office() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_state_is_asked_again_when_the_line_breaks(office: Office) -> None:
    office.hang_ups = 2
    assert Client(office.url, "key").state("lkp_1")["state"] == "queued"
    assert len(office.asked) == 3


def test_a_lookup_is_sent_again_with_the_same_key(office: Office) -> None:
    office.hang_ups = 1
    Client(office.url, "key").submit(eligibility("harborline", "phoenix", member_id="HD1", birth_date="1984-03-17"))
    (_, first), (_, again) = office.asked
    assert first == again is not None


def test_what_has_no_key_is_sent_once(office: Office) -> None:
    office.hang_ups = 1
    with pytest.raises(Problem, match="does not answer"):
        Client(office.url, "key").cancel("lkp_1")
    assert len(office.asked) == 1


def test_who_never_answers_is_a_problem_in_words(office: Office) -> None:
    office.hang_ups = 9
    with pytest.raises(Problem, match="does not answer") as no:
        Client(office.url, "key").state("lkp_1")
    assert (no.value.code, len(office.asked)) == ("unreachable", 3)
