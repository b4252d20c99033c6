"""Temporary folders of hosts that were killed: each names its owner, and the next host to start removes the orphans."""

import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

import psutil
import structlog

PREFIXES = ("portunus-browser-", "portunus-script-")
OWNER = "owner"
NAMELESS_S = 3600
"""A folder without an owner's name may be one that is being made just now; after an hour it is not."""
log = structlog.get_logger("reaper")


def new_folder(prefix: str) -> Path:
    """A temporary folder that names this process as its owner."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    (folder / OWNER).write_text(f"{os.getpid()} {psutil.Process().create_time()}", encoding="ascii")
    return folder


def reap(place: Path | None = None) -> list[Path]:
    """Remove folders of ours whose owner is gone; returns them. Another user's, and links, are left alone."""
    gone = []
    for folder in (place or Path(tempfile.gettempdir())).iterdir():
        if folder.name.startswith(PREFIXES) and _orphaned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
    if gone:
        log.info("removed what a killed host left behind", folders=len(gone))
    return gone


def _orphaned(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:  # its own host removed it just now
        return False
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return False
    try:
        pid, _, started = (folder / OWNER).read_text(encoding="ascii").partition(" ")
        return not _alive(int(pid), float(started))
    except FileNotFoundError:
        return found.st_mtime < time.time() - NAMELESS_S
    except (OSError, ValueError):
        return False


def _alive(pid: int, started: float) -> bool:
    """The very process: numbers are used again."""
    try:
        return bool(abs(psutil.Process(pid).create_time() - started) < 1)
    except psutil.Error:
        return False
