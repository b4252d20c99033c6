"""The root key in a file of mode 0600, protected by a passphrase if one is given (Argon2id)."""

import json
import os
import stat
from functools import cached_property
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from pydantic import SecretStr

from broker.adapters.sealing import derive_from, strong, unwrap_with, wrap_with
from broker.base.errors import Unavailable

VERSION = 1


class FileKeyring:
    """Root key in `directory/root.key`, made at first use. Refuses a file that others can read."""

    def __init__(self, directory: Path, passphrase: SecretStr) -> None:
        self._file = directory / "root.key"
        self._passphrase = passphrase

    def wrap(self, key: bytes, context: bytes) -> bytes:
        return wrap_with(self._root, VERSION, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return unwrap_with(self._root, wrapped, context)

    def current_version(self) -> int:
        return VERSION

    def derive(self, purpose: bytes) -> bytes:
        return derive_from(self._root, purpose)

    @cached_property
    def _root(self) -> bytes:
        if not self._file.exists():
            self._create()
        status = self._file.stat()
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise Unavailable(f"Others can read {self._file}: run chmod 600 on it, and think about who has read it.")
        kept = json.loads(self._file.read_text(encoding="ascii"))
        key = bytes.fromhex(kept["key"])
        if kept["salt"]:
            try:
                key = unwrap_with(self._stretch(bytes.fromhex(kept["salt"])), key, b"root key")
            except ValueError as wrong:
                raise Unavailable(
                    "The root key's passphrase is wrong: set PORTUNUS_ROOT_KEY_PASSPHRASE_FILE to the right one."
                ) from wrong
        if not strong(key):
            raise Unavailable(f"{self._file} does not hold a random key of 32 bytes; restore it from your copy.")
        return key

    def _create(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key, salt = os.urandom(32), b""
        if self._passphrase.get_secret_value():
            salt = os.urandom(16)
            key = wrap_with(self._stretch(salt), VERSION, key, b"root key")
        draft = self._file.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump({"version": VERSION, "salt": salt.hex(), "key": key.hex()}, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, self._file)  # fails if another process was first: then theirs counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def _stretch(self, salt: bytes) -> bytes:
        secret = self._passphrase.get_secret_value().encode()
        return hash_secret_raw(secret, salt, time_cost=3, memory_cost=65536, parallelism=1, hash_len=32, type=Type.ID)
