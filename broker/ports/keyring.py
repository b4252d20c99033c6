"""Wrap and unwrap keys with the root key. The root key itself never leaves its provider."""

from typing import Protocol


class Keyring(Protocol):
    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt a 32-byte key under the current root key, bound to `context`."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key again. Raises `Unavailable` when sealed, `ValueError` when wrapped bytes or context were changed."""
        ...

    def current_version(self) -> int:
        """The version that `wrap` uses."""
        ...

    def derive(self, purpose: bytes) -> bytes:
        """32 bytes that only holders of the root key can compute, different for each purpose."""
        ...
