"""Keep large things (recordings, downloads): named, written once, read by range. Names never hold PHI."""

from collections.abc import Iterator
from typing import Protocol


class Blobs(Protocol):
    def append(self, name: str, data: bytes) -> None:
        """Add bytes at the end of the object, creating it; durable against a killed process when it returns."""
        ...

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of the object. Raises `NotFound`."""
        ...

    def size(self, name: str) -> int:
        """Length in bytes. Raises `NotFound`."""
        ...

    def delete(self, name: str) -> None: ...

    def names(self, prefix: str) -> Iterator[str]: ...
