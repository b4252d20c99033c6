"""A restored backup is told of once, signed with the log's key: whoever has only the database cannot excuse a cut that way."""

import base64
import json

from sqlalchemy import select

from broker.audit import verify
from broker.audit.acts import Act
from broker.audit.checkpoint import public_bytes
from broker.audit.entry import encode
from broker.audit.models import AuditEntry
from broker.audit.seen import Known, Seen
from broker.audit.service import LogKey
from broker.base.unit import Unit


def told(key: LogKey, seen: Seen, start: int) -> dict[str, str | int]:
    """The details of an acknowledgement: from this entry on, what the sink holds by now is of an ended history."""
    said: dict[str, str | int] = {"start": start, "end": seen.end, "lines": seen.lines, "heads": seen.notes}
    return {**said, "signature": base64.b64encode(key.private.sign(_signed(said))).decode()}


def known(work: Unit, key: LogKey) -> list[Known]:
    """What was told, as far as its signature holds."""
    public, found = public_bytes(key.private), []
    for leaf in work.db.scalars(select(AuditEntry.leaf).where(AuditEntry.act == Act.LOG_ALARM_KNOWN)):
        said = json.loads(leaf)["detail"]
        signature = base64.b64decode(said.pop("signature", ""))
        if said and verify.ed25519_verify(public, _signed(said), signature):
            found.append(Known(**said))
    return found


def _signed(said: dict[str, str | int]) -> bytes:
    return b"portunus restore\n" + encode(said).encode()
