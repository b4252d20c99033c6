"""Blobs in a folder, or in an S3-compatible store through obstore. A blob only grows; it is read by range."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from broker.base.errors import NotFound, Unavailable
from broker.ports.blobs import Blobs

NAME = re.compile(r"[a-z0-9_]+(/[a-z0-9_.-]+){1,4}")


def open_blobs(url: str) -> Blobs:
    """`file:///folder` or `s3://bucket/prefix`. Raises `Unavailable` for anything else."""
    if url.startswith("file://"):
        return FolderBlobs(Path(url.removeprefix("file://")))
    if url.startswith("s3://"):
        return StoreBlobs(S3Store.from_url(url))
    raise Unavailable("PORTUNUS_BLOB_URL must be empty, file:///folder or s3://bucket/prefix.")


def checked(name: str) -> str:
    """The name, if it is one of ours. Raises ValueError: a name never comes from outside."""
    if not NAME.fullmatch(name) or ".." in name:
        raise ValueError("not a blob name")
    return name


class FolderBlobs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, name: str, data: bytes) -> None:
        file = self._folder / checked(name)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            written = os.write(handle, data)
            if written != len(data):
                raise OSError("short write")
        finally:
            os.close(handle)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        try:
            with (self._folder / checked(name)).open("rb") as file:
                file.seek(start)
                return file.read() if length is None else file.read(length)
        except FileNotFoundError as missing:
            raise NotFound("The stored file is not there.") from missing

    def size(self, name: str) -> int:
        try:
            return (self._folder / checked(name)).stat().st_size
        except FileNotFoundError as missing:
            raise NotFound("The stored file is not there.") from missing

    def delete(self, name: str) -> None:
        (self._folder / checked(name)).unlink(missing_ok=True)

    def names(self, prefix: str) -> Iterator[str]:
        for file in sorted((self._folder / prefix.rpartition("/")[0]).rglob("*")):
            name = file.relative_to(self._folder).as_posix()
            if file.is_file() and name.startswith(prefix):
                yield name


@contextmanager
def _as_on_disk() -> Iterator[None]:
    """What the store refuses is an OSError, as a full or broken disk's is: callers know one kind of trouble."""
    try:
        yield
    except BaseError as failed:
        raise OSError(f"object store: {type(failed).__name__}") from failed


class StoreBlobs:
    """An object store cannot append: each append is one numbered object, read back as if they were one."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._next: dict[str, int] = {}

    def append(self, name: str, data: bytes) -> None:
        number = self._next.get(name)
        if number is None:
            number = len(self._parts(name))
        with _as_on_disk():
            obstore.put(self._store, f"{checked(name)}/{number:08d}", data, mode="create")
        self._next[name] = number + 1

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        parts = self._parts(name)
        if not parts:
            raise NotFound("The stored file is not there.")
        end = sum(size for _, size in parts) if length is None else start + length
        pieces, at = [], 0
        for path, size in parts:
            low, high = max(start - at, 0), min(end - at, size)
            if low < high:
                with _as_on_disk():
                    pieces.append(bytes(obstore.get_range(self._store, path, start=low, end=high)))
            at += size
        return b"".join(pieces)

    def size(self, name: str) -> int:
        parts = self._parts(name)
        if not parts:
            raise NotFound("The stored file is not there.")
        return sum(size for _, size in parts)

    def delete(self, name: str) -> None:
        for path, _ in self._parts(name):
            with _as_on_disk():
                obstore.delete(self._store, path)
        self._next.pop(name, None)

    def names(self, prefix: str) -> Iterator[str]:
        with _as_on_disk():
            seen = {meta["path"].rsplit("/", 1)[0] for page in obstore.list(self._store, prefix) for meta in page}
        return iter(sorted(seen))

    def _parts(self, name: str) -> list[tuple[str, int]]:
        with _as_on_disk():
            listed = [meta for page in obstore.list(self._store, f"{checked(name)}/") for meta in page]
        return sorted((meta["path"], meta["size"]) for meta in listed)
