"""Saving a file that the portal handed out in a tab: its holder only, and on record before a byte leaves."""

import hashlib
import re

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.ports.blobs import Blobs
from broker.tabs.leases import own_lease
from broker.vault.service import Vault

FILE_ID = re.compile(r"fil_[0-9A-Za-z]{1,40}")


def save_download(work: Unit, vault: Vault, blobs: Blobs, lease_id: str, file_id: str) -> bytes:
    """The file's bytes, for the tab's own holder; the save is recorded. Raises `NotFound`.

    The log has digest and size, not the name: carriers put patients into file names. The recording has the name.
    """
    lease = own_lease(work, lease_id)
    if not FILE_ID.fullmatch(file_id):
        raise NotFound("There is no such file.")
    account = lease.portal_session.account
    sealed = blobs.read(f"downloads/{lease.id}/{file_id}")
    data = vault.unseal(work, account.organization_id, ("download", lease.id, file_id), sealed)
    audit.record(
        work,
        Act.DOWNLOAD_SAVED,
        "download",
        file_id,
        account_id=account.id,
        location_id=lease.location_id,
        detail={"lease": lease.id, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
    )
    return data
