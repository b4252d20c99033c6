"""One sealed value: a key used once, AES-256-GCM, bound to what it belongs to, committed to its key.

The single-use key is wrapped by the organization's key; both are bound to a length-prefixed identity, so that a sealed
value moved to another row, field, version or organization does not open. The commitment is there because AES-GCM alone
is not key-committing (https://c2sp.org/chunked-encryption discusses why that matters).
"""

import hmac
import os
import struct
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

FORMAT = b"\x01"
NONCE = 12
COMMITMENT = 32
WRAPPED = NONCE + 32 + 16


class Unopenable(ValueError):
    """The sealed bytes, their identity or their key are not the ones it was sealed with."""


def identity(parts: Sequence[str | int]) -> bytes:
    """Each part with its length in front: no two lists of parts give the same bytes."""
    encoded = [str(part).encode() for part in parts]
    return b"".join(struct.pack(">I", len(part)) + part for part in encoded)


def seal(tenant_key: bytes, parts: Sequence[str | int], value: bytes) -> bytes:
    """`value` sealed under a fresh key, that key wrapped under `tenant_key`, all bound to `parts`."""
    context = FORMAT + identity(parts)
    key, wrap_nonce = os.urandom(32), os.urandom(NONCE)
    wrapped = wrap_nonce + AESGCM(tenant_key).encrypt(wrap_nonce, key, b"key" + context)
    encrypting, commitment = _derive(key, context)
    return FORMAT + wrapped + commitment + AESGCM(encrypting).encrypt(bytes(NONCE), value, b"value" + context)


def unseal(tenant_key: bytes, parts: Sequence[str | int], sealed: bytes) -> bytes:
    """The value again. Raises `Unopenable`, the same for every cause."""
    context = FORMAT + identity(parts)
    try:
        if sealed[:1] != FORMAT:
            raise InvalidTag
        wrapped, rest = sealed[1 : 1 + WRAPPED], sealed[1 + WRAPPED :]
        key = AESGCM(tenant_key).decrypt(wrapped[:NONCE], wrapped[NONCE:], b"key" + context)
        encrypting, commitment = _derive(key, context)
        if not hmac.compare_digest(commitment, rest[:COMMITMENT]):
            raise InvalidTag
        return AESGCM(encrypting).decrypt(bytes(NONCE), rest[COMMITMENT:], b"value" + context)
    except (InvalidTag, ValueError) as wrong:
        raise Unopenable("a sealed value could not be opened") from wrong


def _derive(key: bytes, context: bytes) -> tuple[bytes, bytes]:
    """Encryption key and commitment; the key encrypts one message only, so its nonce may be fixed."""
    both = HKDFExpand(algorithm=SHA256(), length=32 + COMMITMENT, info=b"portunus vault" + context).derive(key)
    return both[:32], both[32:]
