"""A mail server whose certificate does not hold is not signed in to: the password stays here, and the words say why."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from broker.adapters.imap_mailbox import ImapMailbox
from broker.base.errors import Unavailable
from broker.ports.mailbox import MailboxAddress

HOST = "127.0.0.1"


def certificate(folder: Path, *, address: str, days: int) -> tuple[Path, Path]:
    """(certificate, key) files of one that signs itself; `days` until it ends."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.office.test")])
    end = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, own = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    own.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert, own


@contextmanager
def mail_server(cert: Path, key: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and what a client said to it once the connection was safe."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    heard: list[bytes] = []
    with socket.create_server((HOST, 0)) as listening:

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


def opened(port: int, *, trusts: Path | None) -> str:
    """What opening the mailbox says."""
    tls = ssl.create_default_context(cafile=str(trusts) if trusts else None)
    address = MailboxAddress(host=HOST, port=port, tls=True, username="codes", secret="Marble", folder="INBOX")  # noqa: S106
    with pytest.raises(Unavailable) as refused:
        ImapMailbox(address, tls=tls)
    return refused.value.message


@pytest.mark.parametrize(
    ("fault", "address", "days"),
    [("signed by nobody we trust", HOST, 20), ("ended", HOST, -2), ("another host's", "192.0.2.7", 20)],
)
def test_a_certificate_that_does_not_hold_ends_it_before_the_password(
    tmp_path: Path, fault: str, address: str, days: int
) -> None:
    cert, key = certificate(tmp_path, address=address, days=days)
    with mail_server(cert, key) as (port, heard):
        words = opened(port, trusts=None if fault == "signed by nobody we trust" else cert)
    assert "certificate is not valid" in words
    assert heard == []


def test_one_that_holds_is_signed_in_to(tmp_path: Path) -> None:
    """The same server with a certificate we trust hears the name and the password."""
    cert, key = certificate(tmp_path, address=HOST, days=20)
    with mail_server(cert, key) as (port, heard):
        assert "certificate" not in opened(port, trusts=cert)
    assert heard != []
