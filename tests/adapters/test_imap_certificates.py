"""A mail server whose certificate does not hold is not signed in to: the password stays here, and the words say why."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.adapters.imap_mailbox import ImapMailbox
from broker.base.errors import Unavailable
from broker.ports.mailbox import MailboxAddress
from carrier_scripts.lab.certificate import certificate, expired


@contextmanager
def mail_server(cert: Path, key: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and what a client said to it once the connection was safe."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            plain, _ = listening.accept()
            with plain:
                try:
                    with context.wrap_socket(plain, server_side=True) as safe:
                        safe.sendall(b"* OK ready\r\n")
                        while (said := safe.recv(4096)) != b"":
                            heard.append(said)
                            safe.sendall(b"* BYE\r\n" + said.split(b" ")[0] + b" NO not here\r\n")
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], heard
        finally:
            thread.join(10)


def refused(host: str, port: int, *, trusts: Path | None) -> Unavailable:
    """How opening the mailbox fails."""
    tls = ssl.create_default_context(cafile=str(trusts) if trusts else None)
    address = MailboxAddress(host=host, port=port, tls=True, username="codes", secret="Marble", folder="INBOX")  # noqa: S106
    with pytest.raises(Unavailable) as failed:
        ImapMailbox(address, tls=tls)
    return failed.value


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("localhost", "self-signed certificate in certificate chain"),
        ("localhost", "certificate has expired"),
        ("127.0.0.1", "IP address mismatch"),
    ],
    ids=["signed by nobody we trust", "ended", "another host's"],
)
def test_a_certificate_that_does_not_hold_ends_it_before_the_password(tmp_path: Path, host: str, fault: str) -> None:
    proof = certificate(tmp_path)
    chain, key = expired(tmp_path) if "expired" in fault else (proof.chain, proof.key)
    trusts = {"certificate has expired": chain, "IP address mismatch": proof.ca}.get(fault)
    with mail_server(chain, key) as (port, heard):
        failed = refused(host, port, trusts=trusts)
    assert "certificate is not valid" in failed.message
    assert fault in str(failed.__cause__ or failed.__context__)
    assert heard == []


def test_one_that_holds_is_signed_in_to(tmp_path: Path) -> None:
    """The same server with a certificate we trust hears the name and the password."""
    proof = certificate(tmp_path)
    with mail_server(proof.chain, proof.key) as (port, heard):
        assert "certificate" not in refused("localhost", port, trusts=proof.ca).message
    assert heard != []
