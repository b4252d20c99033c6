"""A mailbox over IMAP, against the lab's server and a real Dovecot: what it finds, and how it notices that a server is gone."""

import os
import smtplib
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage

import pytest

from broker.adapters import imap_mailbox
from broker.adapters.imap_mailbox import ImapMailbox
from broker.base.errors import Refused, Unavailable
from broker.ports.mailbox import MailboxAddress
from tests.fakes.tcp import Wire
from tests.labs import running_lab
from tests.thirdparty import mail as dovecot


@dataclass
class Server:
    """A mail server with one mailbox, behind a wire."""

    wire: Wire
    username: str
    password: str
    send: Callable[[EmailMessage], None]

    def open(self, **other: object) -> ImapMailbox:
        chosen = {"port": self.wire.port, "secret": self.password, "folder": "INBOX"} | other
        return ImapMailbox(MailboxAddress(host="127.0.0.1", tls=False, username=self.username, **chosen))  # type: ignore[arg-type]

    def deliver(self, text: str = "Your code is 482913") -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "codes@harborline.sim.test", "codes@lab.test", "Code"
        message["Message-ID"] = f"<{time.monotonic_ns()}@x>"
        message.set_content(text)
        self.send(message)


def by_smtp(port: int) -> Callable[[EmailMessage], None]:
    def send(message: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
            smtp.send_message(message)

    return send


@pytest.fixture(scope="module")
def lab_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[int, str, str, Callable[[EmailMessage], None]]]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        box = lab.mailbox
        yield box["port"], box["username"], box["password"], by_smtp(lab.facts["ports"]["smtp"])


@pytest.fixture(scope="module")
def office() -> Iterator[tuple[int, str, str, Callable[[EmailMessage], None]]]:
    if not dovecot.present():
        pytest.skip("no Dovecot on this machine")
    with dovecot.office() as one:
        yield one.imap_port, one.address, one.password, by_smtp(one.smtp_port)


@pytest.fixture(params=["lab_server", "office"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    port, username, password, send = request.getfixturevalue(request.param)
    wire = Wire(port)
    yield Server(wire, username, password, send)
    wire.close()


def new(mailbox: ImapMailbox, since: int) -> list[str]:
    return [mail.raw.decode(errors="replace") for mail in mailbox.since(since)]


def test_only_what_came_since_is_read(server: Server) -> None:
    server.deliver("an old one")
    mailbox = server.open()
    _, following = mailbox.baseline()
    assert new(mailbox, following) == []
    server.deliver("Your code is 482913")
    mailbox.probe()
    (raw,) = new(mailbox, following)
    assert "482913" in raw
    mailbox.close()


def test_a_mail_larger_than_any_code_mail_is_named_and_not_fetched(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_mailbox, "MESSAGE_BYTES", 2000)
    mailbox = server.open()
    _, following = mailbox.baseline()
    server.deliver("x" * 70 + "\n" + ("y" * 70 + "\n") * 100)
    mailbox.probe()
    (mail,) = list(mailbox.since(following))
    assert (mail.raw, mail.size > 2000) == (b"", True)
    mailbox.close()


def test_a_wait_ends_when_mail_comes(server: Server) -> None:
    mailbox = server.open()
    _, following = mailbox.baseline()
    threading.Timer(0.2, server.deliver).start()
    assert mailbox.wait(20)
    assert len(new(mailbox, following)) == 1
    mailbox.close()


def test_a_wait_ends_when_somebody_rings(server: Server) -> None:
    mailbox = server.open()
    ear, bell = os.pipe()
    threading.Timer(0.2, os.write, (bell, b".")).start()
    began = time.monotonic()
    assert mailbox.wait(20, ear)
    assert time.monotonic() - began < 15
    mailbox.close()


def test_a_wait_without_news_says_so(server: Server) -> None:
    mailbox = server.open()
    assert mailbox.wait(0.1) is False
    mailbox.close()


def test_idle_is_issued_anew_before_servers_and_routers_forget_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_mailbox, "IDLE_S", 0.1)
    mailbox = server.open()
    _, following = mailbox.baseline()
    issued = []
    idle = mailbox._client.idle
    monkeypatch.setattr(mailbox._client, "idle", lambda: issued.append(1) or idle())
    for _ in range(3):
        assert mailbox.wait(5)
    assert len(issued) == 3
    server.deliver()
    assert mailbox.wait(5)
    mailbox.probe()
    assert len(new(mailbox, following)) == 1
    mailbox.close()


def test_a_server_that_is_frozen_is_noticed_by_a_probe(server: Server) -> None:
    mailbox = server.open()
    assert mailbox.wait(0.1) is False
    mailbox._client.socket().settimeout(0.5)
    server.wire.freeze()
    assert mailbox.wait(0.1) is False  # it looks just like "no mail"
    with pytest.raises(Unavailable):
        mailbox.probe()
    server.wire.thaw()
    mailbox.close()


def test_a_connection_that_is_cut_is_noticed_while_waiting(server: Server) -> None:
    mailbox = server.open()
    assert mailbox.wait(0.1) is False
    threading.Timer(0.2, server.wire.cut).start()
    with pytest.raises(Unavailable):
        for _ in range(3):
            mailbox.wait(10)
            mailbox.probe()
    mailbox.close()


def test_a_server_that_does_not_answer_at_all(server: Server) -> None:
    server.wire.refuses = True
    with pytest.raises(Unavailable, match="check host, port"):
        server.open()


def test_a_wrong_password_is_told_and_never_repeated(server: Server) -> None:
    wrong = server.password[::-1]
    with pytest.raises(Refused, match="store it again") as refused:
        server.open(secret=wrong)
    assert refused.value.code == "mailbox-login"
    assert wrong not in "".join(traceback.format_exception(refused.value))


def test_a_folder_that_is_not_there_is_named(server: Server) -> None:
    with pytest.raises(Unavailable, match="Nowhere"):
        server.open(folder="Nowhere")


def test_a_mailbox_elsewhere_is_read_over_tls_only() -> None:
    with pytest.raises(Unavailable, match="TLS"):
        ImapMailbox(MailboxAddress(host="imap.saguaro.test", port=143, tls=False, username="a", secret="b"))


def test_the_secret_is_not_in_what_is_printed() -> None:
    assert "hunter2" not in repr(MailboxAddress(host="h", port=993, tls=True, username="a", secret="hunter2"))


def refusing(answer: bytes) -> Iterator[int]:
    """A server that answers every sign-in like this."""
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                line, _ = door.accept()
                with line, line.makefile("rwb") as talk, suppress(OSError):
                    talk.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
                    talk.flush()
                    for asked in iter(talk.readline, b""):
                        tag, _, said = asked.partition(b" ")
                        if said.startswith(b"LOGIN") and not answer:
                            break
                        talk.write(tag + b" " + (answer if said.startswith(b"LOGIN") else b"OK done") + b"\r\n")
                        talk.flush()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    yield door.getsockname()[1]
    door.shutdown(socket.SHUT_RDWR)
    door.close()
    serving.join(5)


@pytest.mark.parametrize(
    ("answer", "raises"),
    [
        (b"NO [AUTHENTICATIONFAILED] Authentication failed.", Refused),
        (b"NO LOGIN failed.", Refused),
        (b"NO [UNAVAILABLE] Temporary authentication failure.", Unavailable),
        (b"NO [ALERT] Too many simultaneous connections. (Failure)", Unavailable),
        (b"", Unavailable),
    ],
    ids=["wrong password", "wrong password at Microsoft", "for now", "too many at Gmail", "broke off"],
)
def test_a_sign_in_that_failed_for_the_servers_own_reasons_is_no_wrong_password(
    answer: bytes, raises: type[Exception]
) -> None:
    with contextmanager(refusing)(answer) as port, pytest.raises(raises):
        ImapMailbox(MailboxAddress(host="127.0.0.1", port=port, tls=False, username="codes", secret="Marble"))
