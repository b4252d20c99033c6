"""The root key from the environment or a secret file: for containers, where a key management system fills it in."""

import base64

from pydantic import SecretStr

from broker.adapters.sealing import derive_from, strong, unwrap_with, wrap_with
from broker.base.errors import Unavailable

VERSION = 1


class EnvironmentKeyring:
    """Root key in `PORTUNUS_ROOT_KEY` (or the file PORTUNUS_ROOT_KEY_FILE names): 32 random bytes in base64."""

    def __init__(self, key: SecretStr) -> None:
        try:
            self._root = base64.b64decode(key.get_secret_value(), validate=True)
        except ValueError:  # binascii.Error is one; letters beyond ASCII raise the plain one
            self._root = b""
        if not strong(self._root):
            raise Unavailable("PORTUNUS_ROOT_KEY must be 32 random bytes in base64: head -c 32 /dev/urandom | base64")

    def wrap(self, key: bytes, context: bytes) -> bytes:
        return wrap_with(self._root, VERSION, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return unwrap_with(self._root, wrapped, context)

    def current_version(self) -> int:
        return VERSION

    def derive(self, purpose: bytes) -> bytes:
        return derive_from(self._root, purpose)
