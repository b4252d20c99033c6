"""Blobs in memory."""

from collections.abc import Iterator

from broker.base.errors import NotFound


class MemoryBlobs:
    def __init__(self) -> None:
        self.kept: dict[str, bytearray] = {}

    def append(self, name: str, data: bytes) -> None:
        self.kept.setdefault(name, bytearray()).extend(data)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if name not in self.kept:
            raise NotFound(f"There is no blob {name}.")
        end = None if length is None else start + length
        return bytes(self.kept[name][start:end])

    def size(self, name: str) -> int:
        if name not in self.kept:
            raise NotFound(f"There is no blob {name}.")
        return len(self.kept[name])

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)

    def names(self, prefix: str) -> Iterator[str]:
        return iter([name for name in self.kept if name.startswith(prefix)])
