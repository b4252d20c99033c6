"""Files that pass between a portal and the holder: hashed, sealed, on record, typed by what is in them."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from playwright.async_api import Download, Error

from broker.base.actor import system
from broker.base.errors import BrokerError, Refused
from broker.tabs import files
from broker.tabs.files import LARGEST, Kept, Uploaded
from broker.wiring import Portunus
from workers.browser.live import LiveSession

ACTOR = system("browserhost")
MOST_UPLOADS = 20
BESIDE = 20_000_000
"""Bytes that the session's other tabs may fetch while a file comes."""
LOOK_S = 0.5
MOST_FILES, MOST_BYTES = 500, 2 * 1024**3
"""That one holder's tab takes from its portal."""
LEAST_FREE = 1024**3
"""Bytes that stay free on the machine's disk."""


class Files(Protocol):
    """What a stream asks of them."""

    async def take(self, download: Download) -> Kept | None: ...

    async def keep(self, data: bytes, name: str, *, printed: bool = False) -> Kept | None: ...

    async def given(self, ids: list[str]) -> list[Uploaded]: ...


class LeaseFiles:
    """The files of one lease."""

    def __init__(self, portunus: Portunus, live: LiveSession, lease_id: str) -> None:
        self._portunus = portunus
        self._live = live
        self._organization_id = live.claim.organization_id
        self._door = live.door
        self._lease_id = lease_id
        if live.taken[0] != lease_id:
            live.taken = (lease_id, 0, 0)

    async def take(self, download: Download) -> Kept | None:
        """Seal what the portal hands out; None when it failed or is larger than 50 MB. Raises `Refused` when there is no room."""
        try:
            self._check_room()
        except Refused:
            with contextlib.suppress(Error):
                await download.cancel()
                await download.delete()
            raise
        try:
            path = await self._whole(download)
            data = await asyncio.to_thread(_read, path)
            await download.delete()
        except (Error, OSError):
            return None
        return await self.keep(data, download.suggested_filename) if data is not None else None

    async def _whole(self, download: Download) -> Path:
        """Once it has come. A body that never ends would fill the disk: given up when far too much came through the door."""
        most = self._door.bytes_in + LARGEST + BESIDE
        coming = asyncio.ensure_future(download.path())
        while not (await asyncio.wait({coming}, timeout=LOOK_S))[0]:
            if self._door.bytes_in > most:
                await download.cancel()
        return await coming

    async def keep(self, data: bytes, name: str, *, printed: bool = False) -> Kept | None:
        """Seal these bytes under the lease; None when they are too many. Raises `Refused` when there is no room."""
        if len(data) > LARGEST:
            return None
        self._check_room()
        _, count, size = self._live.taken
        self._live.taken = (self._lease_id, count + 1, size + len(data))

        def seal() -> Kept:
            with self._portunus.unit(ACTOR) as work:
                return files.keep_download(
                    work,
                    self._portunus.vault,
                    self._portunus.blobs,
                    self._lease_id,
                    data,
                    name,
                    printed=printed,
                )

        return await asyncio.to_thread(seal)

    def _check_room(self) -> None:
        _, count, size = self._live.taken
        if count >= MOST_FILES or size >= MOST_BYTES:
            raise Refused(
                f"This tab has taken {count} files of {size / 1024**2:.0f} MB from the portal, and takes no more. "
                "Save what you need, end it and open the portal again."
            )
        places = (self._portunus.settings.data_dir, Path(tempfile.gettempdir()))
        if any(shutil.disk_usage(one).free < LEAST_FREE for one in places if one.exists()):
            raise Refused("The disk of the machine is nearly full: no file can be taken. Tell an administrator.")

    async def given(self, ids: list[str]) -> list[Uploaded]:
        """What the holder uploaded for the portal; unknown ones are left out."""

        def opened() -> list[Uploaded]:
            found = []
            with self._portunus.unit(ACTOR) as work:
                for one in ids[:MOST_UPLOADS]:
                    try:
                        found.append(
                            files.take_upload(work, self._portunus.vault, self._portunus.blobs, self._lease_id, one)
                        )
                    except BrokerError:
                        continue
            return found

        return await asyncio.to_thread(opened)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.stat().st_size <= LARGEST else None
