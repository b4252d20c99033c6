"""Files a portal handed out in a tab: opened again for the tab's own holder."""

import re

from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.ports.blobs import Blobs
from broker.tabs import leases, records
from broker.vault.service import Vault

FILE_ID = re.compile(r"fil_[0-9a-f]{32}")
NOTHING = "There is no such file."


def open_file(work: Unit, vault: Vault, blobs: Blobs, lease_id: str, file_id: str) -> bytes:
    """The file. Raises `NotFound` for another's tab or an unknown file, `Unavailable` when it was changed at rest."""
    lease = leases.own_lease(work, lease_id)
    if not FILE_ID.fullmatch(file_id):
        raise NotFound(NOTHING)
    session = records.portal_session(work, lease.portal_session_id)
    sealed = blobs.read(f"downloads/{lease.id}/{file_id}")
    return vault.unseal(work, session.account.organization_id, ("download", lease.id, file_id), sealed)
