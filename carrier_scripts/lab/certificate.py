"""The lab's own certificate authority and the certificate of its hosts, kept in the state folder."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from carrier_scripts.lab.founding import CARRIERS, LOOKALIKE_HOSTS, SUFFIX

YEARS = timedelta(days=3650)
LEAF_LIFE = timedelta(days=390)


@dataclass(frozen=True)
class Certificate:
    ca: Path
    chain: Path
    key: Path
    spki: str
    """Base64 SHA-256 of the leaf's SubjectPublicKeyInfo, as Chromium's certificate error list wants it."""


def hosts() -> list[str]:
    return ["*" + SUFFIX, *(h for c in CARRIERS for h in c.hosts), *LOOKALIKE_HOSTS.values(), "localhost"]


def certificate(directory: Path) -> Certificate:
    """The certificate in `directory`; made on first use, and anew when it is about to end."""
    ca, chain, key = directory / "ca.pem", directory / "chain.pem", directory / "key.pem"
    if not (ca.exists() and chain.exists() and key.exists()) or _ends_soon(chain):
        _make(ca, chain, key)
    leaf = x509.load_pem_x509_certificate(chain.read_bytes())
    spki = leaf.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Certificate(ca, chain, key, base64.b64encode(hashlib.sha256(spki).digest()).decode())


def expired(directory: Path) -> tuple[Path, Path]:
    """A certificate (and its key) that ended yesterday, of a key that nobody was told to trust."""
    chain, key = directory / "expired.pem", directory / "expired-key.pem"
    if not (chain.exists() and key.exists()):
        now, secret = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sim.test")])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(secret.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=90))
            .not_valid_after(now - timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts()]), critical=False)
            .sign(secret, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        key.touch(mode=0o600)
        key.write_bytes(secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        chain.write_bytes(made.public_bytes(pem))
    return chain, key


def _ends_soon(chain: Path) -> bool:
    leaf = x509.load_pem_x509_certificate(chain.read_bytes())
    return leaf.not_valid_after_utc < datetime.now(UTC) + timedelta(days=7)


def _make(ca_file: Path, chain_file: Path, key_file: Path) -> None:
    now = datetime.now(UTC)
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Portal lab (test only)")])
    ca = (
        x509.CertificateBuilder()
        .subject_name(ca_name)
        .issuer_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sim.test")]))
        .issuer_name(ca_name)
        .public_key(leaf_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LEAF_LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts()]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key_file.touch(mode=0o600)
    key_file.write_bytes(leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    ca_file.write_bytes(ca.public_bytes(pem))
    chain_file.write_bytes(leaf.public_bytes(pem) + ca.public_bytes(pem))


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False,
    )  # fmt: skip
