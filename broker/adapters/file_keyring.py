"""The root key in a file of mode 0600, protected by a passphrase if one is given (Argon2id)."""

import contextlib
import json
import os
import stat
import tempfile
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
        try:
            if not self._file.exists():
                self._create()
            key, salt = self._read()
        except OSError as away:
            raise Unavailable(
                f"The root key in {self._file} cannot be read or made ({away.strerror}): "
                "give it to the user Portunus runs as, in a folder that user can write."
            ) from away
        if bool(salt) != bool(self._passphrase.get_secret_value()):
            raise Unavailable(
                f"{self._file} is protected by a passphrase: set PORTUNUS_ROOT_KEY_PASSPHRASE_FILE to it."
                if salt
                else f"{self._file} was made without a passphrase, so that the one you set protects nothing: unset "
                "PORTUNUS_ROOT_KEY_PASSPHRASE, or set it before the first start in an empty data folder."
            )
        if salt:
            try:
                key = unwrap_with(self._stretch(salt), key, b"root key")
            except ValueError as wrong:
                raise Unavailable(
                    "The root key's passphrase is wrong: set PORTUNUS_ROOT_KEY_PASSPHRASE_FILE to the right one."
                ) from wrong
        if not strong(key):
            raise Unavailable(f"{self._file} does not hold a random key of 32 bytes; restore it from your copy.")
        return key

    def _read(self) -> tuple[bytes, bytes]:
        """The key as it is kept, and the passphrase's salt (empty: none)."""
        with self._file.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise Unavailable(
                    f"Others can read {self._file}: run chmod 600 on it, and think about who has read it."
                )
            written = file.read()
        try:
            kept = json.loads(written)
            return bytes.fromhex(kept["key"]), bytes.fromhex(kept["salt"])
        except (ValueError, KeyError, TypeError):
            pass  # the error at hand carries the file's text, so it is not chained
        raise Unavailable(f"{self._file} is not a root key that Portunus wrote; restore it from your copy.")

    def _create(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key, salt = os.urandom(32), b""
        if self._passphrase.get_secret_value():
            salt = os.urandom(16)
            key = wrap_with(self._stretch(salt), VERSION, key, b"root key")
        handle, draft = tempfile.mkstemp(prefix="root.", dir=self._file.parent)  # of mode 0600; a pid can come again
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                json.dump({"version": VERSION, "salt": salt.hex(), "key": key.hex()}, file)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another process was first: then theirs counts
                os.link(draft, self._file)
        finally:
            Path(draft).unlink()
        folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # what is sealed with the key must not outlive its name
        finally:
            os.close(folder)

    def _stretch(self, salt: bytes) -> bytes:
        secret = self._passphrase.get_secret_value().encode()
        return hash_secret_raw(secret, salt, time_cost=3, memory_cost=65536, parallelism=1, hash_len=32, type=Type.ID)
