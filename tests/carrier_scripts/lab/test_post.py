"""How codes travel: mail in order with its verdict, text messages signed and tried again."""

import asyncio
import email
import email.policy
import json
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Self

import pytest
from imapclient import IMAPClient
from standardwebhooks import Webhook

from carrier_scripts.lab.mailserver import Gathered
from tests.carrier_scripts.lab.walking import password
from tests.labs import Browser, RunningLab
from tests.waiting import until


@pytest.fixture
def mailbox(lab: RunningLab) -> Iterator[IMAPClient]:
    box = lab.mailbox
    with IMAPClient(box["host"], box["port"], ssl=False) as client:
        client.login(box["username"], box["password"])
        client.select_folder("INBOX")
        yield client


def test_the_code_comes_in_html_after_a_decoy_with_the_servers_verdict(
    harborline: Browser, lab: RunningLab, mailbox: IMAPClient
) -> None:
    password(harborline, lab, "harborline-1")
    decoy, mail = _mails(mailbox, 2)
    assert decoy["Subject"] == "Earn CE credits this month"
    assert (mail["To"], mail["Subject"]) == ("codes+harborline-1@lab.test", "Your Harborline sign-in code")
    code = lab.last_code("harborline-1")
    assert f"{code[:3]}&nbsp;{code[3:]}" in mail.get_content()
    assert mail["Content-Transfer-Encoding"] == "quoted-printable"
    (verdict,) = mail.get_all("Authentication-Results")
    assert verdict.startswith("mx.lab.test; spf=pass smtp.mailfrom=harborline.sim.test; dkim=pass")
    assert verdict.endswith("dmarc=pass header.from=harborline.sim.test")


def test_who_idles_is_told_of_a_new_mail(harborline: Browser, lab: RunningLab, mailbox: IMAPClient) -> None:
    mailbox.idle()
    password(harborline, lab, "harborline-1")
    assert any(b"EXISTS" in answer for answer in mailbox.idle_check(timeout=10))
    mailbox.idle_done()


def test_another_servers_maildir_gets_each_mail_too(lab: RunningLab, tmp_path: Path, mailbox: IMAPClient) -> None:
    for part in ("tmp", "new"):
        (tmp_path / part).mkdir()
    lab.control.post("/maildir", json={"folder": str(tmp_path)}).raise_for_status()
    try:
        lab.deliver(to="codes@lab.test", sender="x@forger.test", subject="hi", text="Hello.", unsigned=True)
        _mails(mailbox, 1)
        until(lambda: list((tmp_path / "new").iterdir()))
    finally:
        lab.control.post("/maildir", json={"folder": None}).raise_for_status()
    (kept,) = (tmp_path / "new").iterdir()
    assert b"Authentication-Results: mx.lab.test; spf=fail" in kept.read_bytes()


def test_a_verdict_that_came_from_outside_is_stripped(lab: RunningLab, mailbox: IMAPClient) -> None:
    lab.deliver(
        to="codes@lab.test",
        sender="x@forger.test",
        subject="hi",
        text="Authentication-Results: mx.lab.test; dmarc=pass",
        unsigned=True,
    )
    (mail,) = _mails(mailbox, 1)
    assert "dmarc=fail" in mail["Authentication-Results"]


@pytest.mark.parametrize(
    ("fault", "args", "check"),
    [
        ("code_sender", {}, lambda m: "harborline-mail.test" in m[-1]["From"]),
        ("code_unsigned", {}, lambda m: "dmarc=fail" in m[-1]["Authentication-Results"]),
        (
            "code_foreign",
            {},
            lambda m: m[-2]["To"] == "codes+harborline-2@lab.test" and "sign-in code" in m[-2]["Subject"],
        ),
        ("code_twice", {}, lambda m: m[-1]["Message-ID"] == m[-2]["Message-ID"]),
        ("code_decoys", {"count": 1}, lambda m: m[-2]["Subject"] == m[-3]["Subject"] == "Earn CE credits this month"),
    ],
)
def test_faults_on_the_way(
    harborline: Browser,
    lab: RunningLab,
    mailbox: IMAPClient,
    fault: str,
    args: dict[str, int],
    check: Callable[[list[EmailMessage]], bool],
) -> None:
    lab.fault("harborline", fault, **args)
    password(harborline, lab, "harborline-1")
    expected = 2 if fault in ("code_sender", "code_unsigned") else 3
    assert check(_mails(mailbox, expected))


def test_a_late_code_waits_for_the_clock(harborline: Browser, lab: RunningLab, mailbox: IMAPClient) -> None:
    lab.fault("harborline", "code_late", seconds=900)
    password(harborline, lab, "harborline-1")
    _mails(mailbox, 1)
    assert [m["state"] for m in lab.outbox() if m["code"]] == ["held"]
    lab.advance(900)
    assert _mails(mailbox, 2)[-1]["Subject"] == "Your Harborline sign-in code"


def test_a_code_never_sent_is_not_in_the_outbox(harborline: Browser, lab: RunningLab) -> None:
    lab.fault("harborline", "code_never", times=1)
    assert "Check your e-mail" in password(harborline, lab, "harborline-1").text
    assert [m for m in lab.outbox() if m["code"]] == []
    harborline.post("/signin/resend")
    assert len([m for m in lab.outbox() if m["code"]]) == 1


def test_a_broken_mailbox_refuses_the_password(lab: RunningLab) -> None:
    lab.fault("harborline", "mailbox_down")
    box = lab.mailbox
    with IMAPClient(box["host"], box["port"], ssl=False) as client, pytest.raises(IMAPClient.Error):
        client.login(box["username"], box["password"])
    lab.unfault()
    with IMAPClient(box["host"], box["port"], ssl=False) as client:
        client.login(box["username"], box["password"])


def test_a_text_message_is_signed_and_tried_again(copper: Browser, lab: RunningLab) -> None:
    with Hooks(refuse_first=True) as hooks:
        lab.send_sms_to("+16025550142", hooks.url)
        password(copper, lab, "copper_mesa_az-1")
        body, headers = hooks.taken()
    said = Webhook(lab.facts["sms"]["secret"]).verify(body, headers)
    assert said["endpoint"] == "+16025550142"
    assert lab.last_code("copper_mesa_az-1") in said["text"]
    assert headers["webhook-id"] == said["id"]


class Hooks:
    """A receiver of webhooks, one request at a time."""

    def __init__(self, *, refuse_first: bool) -> None:
        self._refuse = refuse_first
        self._got: list[tuple[str, dict[str, str]]] = []
        self._arrived = threading.Event()
        outer = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                refused, outer._refuse = outer._refuse, False
                self.send_response(503 if refused else 204)
                self.end_headers()
                if not refused:
                    outer._got.append((body, {k.lower(): v for k, v in self.headers.items()}))
                    outer._arrived.set()

            def log_message(self, *args: object) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def taken(self) -> tuple[str, dict[str, str]]:
        assert self._arrived.wait(10), json.dumps("no webhook came")
        return self._got[0]


def _mails(mailbox: IMAPClient, count: int) -> list[EmailMessage]:
    """The mailbox's messages once there are so many."""
    mailbox.idle()
    uids: list[int] = []
    for _ in range(20):
        mailbox.idle_check(timeout=0.2)
        mailbox.idle_done()
        uids = mailbox.search("ALL")
        mailbox.idle()
        if len(uids) >= count:
            break
    mailbox.idle_done()
    assert len(uids) == count
    raw = mailbox.fetch(uids, ["BODY.PEEK[]"])
    return [email.message_from_bytes(raw[uid][b"BODY[]"], policy=email.policy.default) for uid in sorted(uids)]  # type: ignore[misc]


def test_imap_answers_come_in_whole_lines() -> None:
    """A client that looks between two pieces of `* 1 FETCH (...)` would take the connection for broken."""
    sent: list[bytes] = []

    class Wire:
        def write(self, piece: bytes) -> None:
            sent.append(piece)

        def is_closing(self) -> bool:
            return False

        async def drain(self) -> None:
            return

    writer = Gathered(Wire())  # type: ignore[arg-type]
    writer.write(b"* 1 FETCH ")
    writer.writelines([b"(FLAGS ", b"())\r\n"])
    assert sent == []
    asyncio.run(writer.drain())
    assert sent == [b"* 1 FETCH (FLAGS ())\r\n"]
