"""Signed tree heads in C2SP checkpoint form: a signed note over origin, size and root, Ed25519.

Formats: https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note.
"""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALGORITHM_ED25519 = b"\x01"


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The key's public half, 32 raw bytes."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_hash(name: str, public: bytes) -> bytes:
    """The four bytes that name a key in a signature line."""
    return hashlib.sha256(name.encode() + b"\n" + ALGORITHM_ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """The note verifier key `name+hash+key`, to be pinned by whoever checks the log."""
    encoded = base64.b64encode(ALGORITHM_ED25519 + public).decode()
    return f"{name}+{key_hash(name, public).hex()}+{encoded}"


def sign(origin: str, size: int, root: bytes, key: Ed25519PrivateKey) -> str:
    """The checkpoint note for a tree of `size` entries with this root hash."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = key_hash(origin, public_bytes(key)) + key.sign(text.encode())
    return f"{text}\n— {origin} {base64.b64encode(signature).decode()}\n"
