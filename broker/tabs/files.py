"""Files of a lease, both ways: sealed under it, hashed into the audit log, named and typed by us, gone when it ends.

A browser fetches a file from the download origin, which knows no cookie: a ticket that is good for a minute says which.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Incomplete, NotFound, Refused
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.ports.blobs import Blobs
from broker.tabs import records
from broker.tabs.kinds import Kind, kind_of
from broker.tabs.leases import LOCKED
from broker.tabs.models import Lease
from broker.vault.service import Vault

LARGEST = 50 * 1024 * 1024
"""Bytes of one file."""
TICKET_LIFE = timedelta(seconds=60)
NAME_CHARACTERS = 80
BATCH = 50
RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)
"""Names of devices on Windows, whatever comes after their first dot."""
IDS = re.compile(r"^(fil|upl)_[A-Za-z0-9_]{1,40}$")


@dataclass(frozen=True)
class Kept:
    """A file the portal handed out, in the blob store."""

    id: str
    name: str
    kind: str
    size: int
    sha256: str
    warning: str
    """What the holder should know before opening it; empty when there is nothing."""

    def shown(self) -> dict[str, Any]:
        """For the viewer and the recording."""
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "bytes": self.size,
            "sha256": self.sha256,
            "warning": self.warning,
        }


@dataclass(frozen=True)
class Uploaded:
    """A file the holder gives to the portal."""

    name: str
    kind: str
    data: bytes

    def as_payload(self) -> Any:
        """As Playwright wants it: the bytes go to the page, never to a disk."""
        return {"name": self.name, "mimeType": self.kind, "buffer": self.data}


@dataclass(frozen=True)
class Opened:
    """A file on its way to the holder."""

    name: str
    kind: str
    data: bytes
    inline: bool
    """Whether a browser may show it (PDF and pictures) instead of saving it."""


def keep_download(
    work: Unit, vault: Vault, blobs: Blobs, lease_id: str, data: bytes, suggested: str, *, printed: bool = False
) -> Kept:
    """Seal a file the portal handed out (or a page printed as PDF). Raises `Incomplete` when it is larger than 50 MB."""
    lease = records.lease(work, lease_id)
    found = kind_of(data, suggested)
    kept = Kept(new_id("fil"), found.named(safe_name(suggested)), found.mime, len(data), _sha256(data), found.warning)
    told = {"lease": lease_id, "bytes": kept.size, "sha256": kept.sha256, "kind": kept.kind, "printed": printed}
    _record(work, Act.DOWNLOAD_TAKEN, "download", kept.id, lease, told)
    _store(work, vault, blobs, lease, "download", kept.id, {"name": kept.name, "kind": kept.kind}, data)
    return kept


def keep_upload(work: Unit, vault: Vault, blobs: Blobs, lease: Lease, data: bytes, suggested: str) -> str:
    """Seal a file on its way to the portal; its id. Raises `Incomplete` when it is empty or larger than 50 MB."""
    if not data:
        raise Incomplete("The file is empty. Choose another.")
    if len(data) > LARGEST:
        raise Incomplete("The file is larger than 50 MB. Choose a smaller one.")
    upload_id, kind = new_id("upl"), kind_of(data, suggested)
    told = {"lease": lease.id, "bytes": len(data), "sha256": _sha256(data), "kind": kind.mime}
    _record(work, Act.UPLOAD_GIVEN, "upload", upload_id, lease, told)
    _store(work, vault, blobs, lease, "upload", upload_id, {"name": safe_name(suggested), "kind": kind.mime}, data)
    return upload_id


def take_upload(work: Unit, vault: Vault, blobs: Blobs, lease_id: str, upload_id: str) -> Uploaded:
    """The uploaded file, for the browser. Raises `NotFound`."""
    about, data = _fetch(work, vault, blobs, records.lease(work, lease_id), "upload", upload_id)
    return Uploaded(about["name"], about["kind"], data)


def ticket(work: Unit, vault: Vault, blobs: Blobs, lease: Lease, file_id: str, *, inline: bool) -> str:
    """Fetches this one file for a minute, from an origin without cookies; who saves it is on record. Raises `NotFound`.

    The log has digest and size, not the name: carriers put patients into file names. The recording has the name.
    """
    _, data = _fetch(work, vault, blobs, lease, "download", file_id)
    told = {"lease": lease.id, "bytes": len(data), "sha256": _sha256(data), "shown": inline}
    _record(work, Act.DOWNLOAD_SAVED, "download", file_id, lease, told)
    until = (work.clock.now() + TICKET_LIFE).timestamp()
    which = json.dumps({"file": file_id, "until": until, "inline": inline}).encode()
    sealed = vault.seal(work, _organization(lease), ("file ticket", lease.id), which)
    return f"{lease.id}.{base64.urlsafe_b64encode(sealed).decode()}"


def open_ticket(work: Unit, vault: Vault, blobs: Blobs, token: str) -> Opened:
    """The file a ticket stands for. Raises `Refused` when the ticket is old, or its lease has ended."""
    lease_id, _, sealed = token.partition(".")
    lease = work.db.get(Lease, lease_id)
    if lease is None or lease.ended_at is not None:
        raise Refused("This tab has ended, and its files with it. Open the portal again.")
    if lease.locked_at is not None:
        raise Refused(LOCKED, code="tab-locked")
    try:
        told = json.loads(
            vault.unseal(work, _organization(lease), ("file ticket", lease.id), base64.urlsafe_b64decode(sealed))
        )
    except ValueError:
        raise Refused("This file cannot be had so. Go back to the tab and save it again.") from None
    if work.clock.now().timestamp() > told["until"]:
        raise Refused("This took too long. Go back to the tab and save the file again.")
    about, data = _fetch(work, vault, blobs, lease, "download", told["file"])
    kind = Kind(about["kind"])
    return Opened(about["name"], about["kind"], data, inline=bool(told["inline"]) and kind.shown_by_browsers)


def safe_name(suggested: str) -> str:
    """A file name of plain characters, at most 80, whatever somebody suggests."""
    tidy = re.sub(r"[^A-Za-z0-9._-]+", "-", suggested).strip(".-")[-NAME_CHARACTERS:].lstrip(".-")
    return RESERVED.sub(r"\1-file", tidy) or "download"


def tidy(work: Unit, blobs: Blobs) -> int:
    """Delete the files of tabs that have ended, which nobody can have any more. Returns of how many tabs."""
    rows = work.db.scalars(select(Lease).where(Lease.ended_at.is_not(None), Lease.has_files).limit(BATCH)).all()
    for row in rows:
        row.has_files = False
        for way in ("download", "upload"):
            for name in list(blobs.names(f"{way}s/{row.id}/")):
                blobs.delete(name)
    return len(rows)


def _store(
    work: Unit, vault: Vault, blobs: Blobs, lease: Lease, way: str, file_id: str, about: dict[str, str], data: bytes
) -> None:
    head = json.dumps(about).encode()
    plain = len(head).to_bytes(4, "big") + head + data
    lease.has_files = True
    blobs.append(
        f"{way}s/{lease.id}/{file_id}", vault.seal(work, _organization(lease), (way, lease.id, file_id), plain)
    )


def _fetch(
    work: Unit, vault: Vault, blobs: Blobs, lease: Lease, way: str, file_id: str
) -> tuple[dict[str, str], bytes]:
    if not IDS.match(file_id):
        raise NotFound("There is no such file.")
    sealed = blobs.read(f"{way}s/{lease.id}/{file_id}")
    plain = vault.unseal(work, _organization(lease), (way, lease.id, file_id), sealed)
    length = int.from_bytes(plain[:4], "big")
    about: dict[str, str] = json.loads(plain[4 : 4 + length])
    return about, plain[4 + length :]


def _organization(lease: Lease) -> str:
    return lease.portal_session.account.organization_id


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _record(work: Unit, act: Act, thing_kind: str, thing_id: str, lease: Lease, detail: dict[str, Any]) -> None:
    account_id = lease.portal_session.account_id
    audit.record(work, act, thing_kind, thing_id, account_id=account_id, location_id=lease.location_id, detail=detail)
