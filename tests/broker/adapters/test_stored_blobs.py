"""Blobs grow and are read by range, in a folder and in an object store, which cannot append."""

from pathlib import Path
from typing import Any

import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from broker.adapters.stored_blobs import FolderBlobs, StoreBlobs
from broker.base.errors import NotFound, Unavailable
from broker.ports.blobs import Blobs

NAME = "recordings/org_1/rec_1"


@pytest.fixture(params=["folder", "store"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return FolderBlobs(tmp_path / "blobs") if request.param == "folder" else StoreBlobs(MemoryStore())  # type: ignore[arg-type]


def test_what_is_appended_is_read_in_order_and_by_range(blobs: Blobs) -> None:
    for piece in (b"abc", b"defg", b"h"):
        blobs.append(NAME, piece)
    assert blobs.read(NAME) == b"abcdefgh"
    assert blobs.read(NAME, 2, 4) == b"cdef"
    assert blobs.read(NAME, 6) == b"gh"
    assert blobs.size(NAME) == 8


def test_what_is_deleted_is_gone_and_may_begin_anew(blobs: Blobs) -> None:
    blobs.append(NAME, b"abc")
    blobs.delete(NAME)
    blobs.delete(NAME)
    with pytest.raises(NotFound):
        blobs.read(NAME)
    with pytest.raises(NotFound):
        blobs.size(NAME)
    blobs.append(NAME, b"xy")
    assert blobs.read(NAME) == b"xy"


def test_names_are_listed_under_their_folder_only(blobs: Blobs) -> None:
    for name in ("downloads/lea_1/fil_1", "downloads/lea_1/fil_2", "downloads/lea_2/fil_3", "uploads/lea_1/upl_1"):
        blobs.append(name, b"x")
    assert list(blobs.names("downloads/lea_1/")) == ["downloads/lea_1/fil_1", "downloads/lea_1/fil_2"]
    assert list(blobs.names("downloads/lea_9/")) == []


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../../b", "/etc/passwd", "a", "A/b", "a/b/c/d/e/f/g"])
def test_a_name_that_is_none_of_ours_is_refused(blobs: Blobs, name: str) -> None:
    with pytest.raises(ValueError, match="not a blob name"):
        blobs.append(name, b"x")


def test_trouble_of_the_store_is_trouble_as_a_disk_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder stops a stream that cannot be written; it knows OSError."""

    def refuse(*_: Any, **__: Any) -> None:
        raise GenericError("s3: 503 SlowDown secret-key-in-the-text")

    blobs = StoreBlobs(MemoryStore())  # type: ignore[arg-type]
    blobs.append(NAME, b"abc")
    monkeypatch.setattr("broker.adapters.stored_blobs.obstore.put", refuse)
    with pytest.raises(OSError, match="object store: GenericError") as told:
        blobs.append(NAME, b"def")
    assert "secret-key" not in str(told.value)


def test_two_writers_of_one_blob_do_not_overwrite_each_other() -> None:
    store = MemoryStore()
    one, other = StoreBlobs(store), StoreBlobs(store)  # type: ignore[arg-type]
    one.append(NAME, b"a")
    other.append(NAME, b"b")
    with pytest.raises(OSError, match="AlreadyExists"):
        one.append(NAME, b"c")
    assert one.read(NAME) == b"ab"


def test_an_address_of_no_kind_is_refused() -> None:
    from broker.adapters.stored_blobs import open_blobs

    with pytest.raises(Unavailable):
        open_blobs("ftp://somewhere")
