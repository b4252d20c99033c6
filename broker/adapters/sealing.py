"""AES-256-GCM with a fresh nonce: how root keys wrap other keys."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

NONCE = 12


def wrap_with(root: bytes, version: int, key: bytes, context: bytes) -> bytes:
    """version (1 byte), nonce, ciphertext; bound to `context` and the version."""
    nonce = os.urandom(NONCE)
    header = bytes([version])
    return header + nonce + AESGCM(root).encrypt(nonce, key, header + context)


def unwrap_with(root: bytes, wrapped: bytes, context: bytes) -> bytes:
    """The key again. Raises ValueError when anything was changed."""
    try:
        return AESGCM(root).decrypt(wrapped[1 : 1 + NONCE], wrapped[1 + NONCE :], wrapped[:1] + context)
    except (InvalidTag, ValueError) as wrong:
        raise ValueError("the wrapped key or its context was changed") from wrong


def derive_from(root: bytes, purpose: bytes) -> bytes:
    """32 bytes for one purpose (HKDF-Expand, RFC 5869)."""
    return HKDFExpand(algorithm=SHA256(), length=32, info=b"portunus derive " + purpose).derive(root)


def strong(key: bytes) -> bool:
    """Whether these 32 bytes can have been chosen at random."""
    return len(key) == 32 and len(set(key)) >= 12
