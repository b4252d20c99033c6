"""Files a portal hands out: taken from the browser, hashed, sealed, offered to the holder, and on record."""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Download, Error

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import system
from broker.base.ids import new_id
from broker.wiring import Portunus
from workers.browser.live import LiveSession

LARGEST = 50 * 1024 * 1024
ACTOR = system("browserhost")


@dataclass(frozen=True)
class Taken:
    """A file in the blob store."""

    id: str
    name: str
    size: int


class Downloads:
    """Downloads of one lease."""

    def __init__(self, portunus: Portunus, live: LiveSession, lease_id: str) -> None:
        self._portunus = portunus
        self._live = live
        self._lease_id = lease_id

    async def take(self, download: Download) -> Taken | None:
        """Seal the file under the lease; None when it failed or is larger than 50 MB."""
        try:
            path = await download.path()
            name = safe_name(download.suggested_filename)
            taken = await asyncio.to_thread(self._seal, path, name)
            await download.delete()
        except (Error, OSError):
            return None
        return taken

    def _seal(self, path: Path, name: str) -> Taken | None:
        if path.stat().st_size > LARGEST:
            return None
        data, file_id, claim = path.read_bytes(), new_id("fil"), self._live.claim
        with self._portunus.unit(ACTOR) as work:
            sealed = self._portunus.vault.seal(work, claim.organization_id, ("download", self._lease_id, file_id), data)
            self._portunus.blobs.append(f"downloads/{self._lease_id}/{file_id}", sealed)
            audit.record(
                work,
                Act.DOWNLOAD_TAKEN,
                "download",
                file_id,
                account_id=claim.account_id,
                location_id=claim.location_id,
                detail={"lease": self._lease_id, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
            )
        return Taken(file_id, name, len(data))


def safe_name(suggested: str) -> str:
    """A file name of plain characters, at most 80, whatever the portal suggests."""
    tidy = re.sub(r"[^A-Za-z0-9._-]+", "-", suggested).strip(".-")[-80:]
    return tidy or "download"
