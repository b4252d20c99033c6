"""The pages' own scripts and styles, under an address that changes with their content: browsers never ask for them twice."""

import hashlib
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PATH = "/static"
FOLDER = Path(__file__).parent / "web" / "static"
FOR_EVER = "public, max-age=31536000, immutable"
"""RFC 8246: a reload does not ask again either."""


def _version() -> str:
    """SHA-256 over every file's name and bytes, shortened: two versions of Portunus never share an address."""
    whole = hashlib.sha256()
    for file in sorted(FOLDER.iterdir()):
        whole.update(f"{file.name}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]


VERSION = _version()
BASE = f"{PATH}/{VERSION}"
"""What pages write before a file's name; the scripts name each other relative to it."""


class VersionedFiles(StaticFiles):
    """The folder below `/static/VERSION/`. A page of the version before still finds its files, but keeps none of them."""

    def get_path(self, scope: Scope) -> str:
        return super().get_path(scope).partition("/")[2]

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if answer.status_code in (200, 304) and scope["path"].startswith(BASE + "/") and _as_it_was(path):
            answer.headers["cache-control"] = FOR_EVER
        return answer


def _as_it_was(name: str) -> bool:
    """Whether the file is the one that `VERSION` was made of: an upgrade may replace it before the restart."""
    return _STAMPS.get(name) == _stamp(FOLDER / name)


def _stamp(file: Path) -> tuple[int, int, int]:
    told = file.stat()
    return told.st_ino, told.st_size, told.st_mtime_ns


_STAMPS = {file.name: _stamp(file) for file in FOLDER.iterdir()}
