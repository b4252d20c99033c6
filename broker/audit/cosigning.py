"""Show the newest signed head to a witness elsewhere and keep its signature, by https://c2sp.org/tlog-witness.

The witness compares with the last head it saw: a cut end, a restored copy or another history cannot be shown to it.
Cosignatures: https://c2sp.org/tlog-cosignature (Ed25519 over the time and the checkpoint).
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from broker.audit import tree
from broker.audit.models import AuditCheckpoint, AuditEntry
from broker.base.errors import Unavailable
from broker.base.unit import Unit
from broker.ports.witness import Said, Witness

ALGORITHM_COSIGNATURE = b"\x04"
SIGNED, CONFLICT, NO_PREFIX = 200, 409, 422


@dataclass(frozen=True)
class Contradiction:
    """What the witness saw cannot become this log: in words, and the first entry that cannot be the same (None: unknown)."""

    index: int | None
    words: str


def cosign(work: Unit, witness: Witness) -> Contradiction | None:
    """Have the newest head signed, unless it is. Raises `Unavailable` when the witness gives no usable answer."""
    head = work.db.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))
    if head is None or head.cosignature is not None:
        return None
    shown = select(AuditCheckpoint.size).where(AuditCheckpoint.cosignature.is_not(None))
    old = work.db.scalar(shown.order_by(AuditCheckpoint.size.desc()).limit(1)) or 0
    said = witness.show(request(work, head, old))
    if said.status == CONFLICT and (known := _size(said)) != old:
        if known > head.size:
            words = f"the witness saw {known} entries, this log has {head.size}: the end was cut, or an older copy was restored."
            return Contradiction(head.size, words)
        old = known
        said = witness.show(request(work, head, old))
    if said.status in (CONFLICT, NO_PREFIX):
        return Contradiction(
            None, f"the first {old} entries are not those that the witness saw: changed, or another history."
        )
    if said.status != SIGNED:
        raise Unavailable(f"The witness answered {said.status}.")
    head.cosignature = checked(said.text, head.note, witness.key)
    head.cosigned_at = work.clock.now()
    return None


def request(work: Unit, head: AuditCheckpoint, old: int) -> str:
    """The body of an add-checkpoint request: the old size, the consistency proof, an empty line, the checkpoint."""
    path: list[bytes] = []
    if 0 < old < head.size:
        leaves = select(AuditEntry.leaf_hash).where(AuditEntry.index < head.size).order_by(AuditEntry.index)
        path = tree.Hashes(list(work.db.scalars(leaves))).consistency(old)
    proof = "".join(base64.b64encode(node).decode() + "\n" for node in path)
    return f"old {old}\n{proof}\n{head.note}"


def checked(answer: str, note: str, key: str) -> str:
    """The witness's signature line, once it holds over this note. Raises `Unavailable`."""
    name, _, told = key.partition("+")
    expected, _, encoded = told.partition("+")
    public = base64.b64decode(encoded)[1:]
    if hashlib.sha256(name.encode() + b"\n" + ALGORITHM_COSIGNATURE + public).digest()[:4].hex() != expected:
        raise Unavailable("PORTUNUS_WITNESS_KEY is no key of a cosigning witness: name+hash+key.")
    body = note.split("\n\n", 1)[0] + "\n"
    for line in answer.splitlines():
        if not line.startswith(f"— {name} "):
            continue
        blob = base64.b64decode(line.rpartition(" ")[2])
        at = int.from_bytes(blob[4:12])
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(blob[12:], f"cosignature/v1\ntime {at}\n{body}".encode())
        except InvalidSignature:
            break
        if blob[:4].hex() == expected:
            return line
    raise Unavailable("The witness's signature does not hold.")


def _size(said: Said) -> int:
    told = said.text.strip()
    if not (told.isascii() and told.isdigit() and len(told) < 20):
        raise Unavailable("The witness says that it knows another head, but not which.")
    return int(told)
