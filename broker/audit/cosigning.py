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
from broker.audit.models import AuditCheckpoint
from broker.audit.ranges import Ranges
from broker.base.errors import Unavailable
from broker.base.unit import Unit
from broker.ports.witness import Said

ALGORITHM_COSIGNATURE = b"\x04"
SIGNED, CONFLICT, NO_PREFIX = 200, 409, 422


@dataclass(frozen=True)
class Contradiction:
    """What the witness saw cannot become this log: in words, and the first entry that cannot be the same (None: unknown)."""

    index: int | None
    words: str
    known: int
    """How many entries it has seen."""


@dataclass(frozen=True)
class Ask:
    """What the witness is shown: the head of `size` entries, after the head of `old` that it is thought to know."""

    size: int
    note: str
    old: int
    body: str


def prepare(work: Unit, known: int | None = None) -> Ask | None:
    """The newest head, unless it is signed already. `known`: the size that the witness says it saw last."""
    head = work.db.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))
    if head is None or head.cosignature is not None:
        return None
    shown = select(AuditCheckpoint.size).where(AuditCheckpoint.cosignature.is_not(None))
    old = work.db.scalar(shown.order_by(AuditCheckpoint.size.desc()).limit(1)) or 0 if known is None else known
    return Ask(head.size, head.note, old, request(work, head, old))


def judge(ask: Ask, said: Said, key: str) -> str | int | Contradiction:
    """The witness's signature line; or the size to ask after instead; or what cannot be. Raises `Unavailable`."""
    if said.status == SIGNED:
        return checked(said.text, ask.note, key)
    if said.status == CONFLICT and (known := _size(said)) != ask.old:
        if known <= ask.size:
            return known
        words = (
            f"the witness saw {known} entries, this log has {ask.size}: the end was cut, or an older copy was restored."
        )
        return Contradiction(ask.size, words, known)
    if said.status in (CONFLICT, NO_PREFIX):
        words = f"the first {ask.old} entries are not those that the witness saw: changed, or another history."
        return Contradiction(None, words, ask.old)
    raise Unavailable(f"The witness answered {said.status}.")


def keep(work: Unit, size: int, line: str) -> None:
    """The witness's signature beside the head that it is for."""
    head = work.db.get_one(AuditCheckpoint, size)
    head.cosignature, head.cosigned_at = line, work.clock.now()


def request(work: Unit, head: AuditCheckpoint, old: int) -> str:
    """The body of an add-checkpoint request: the old size, the consistency proof, an empty line, the checkpoint."""
    path: list[bytes] = []
    if 0 < old < head.size:
        path = tree.consistency_proof(old, head.size, Ranges(work))
    proof = "".join(base64.b64encode(node).decode() + "\n" for node in path)
    return f"old {old}\n{proof}\n{head.note}"


def checked(answer: str, note: str, key: str) -> str:
    """The witness's signature line, once it holds over this note. Raises `Unavailable`."""
    name, public, named = _witness_key(key)
    body = note.split("\n\n", 1)[0] + "\n"
    for line in answer.splitlines():
        if not line.startswith(f"— {name} "):
            continue
        try:
            blob = base64.b64decode(line.rpartition(" ")[2], validate=True)
            at = int.from_bytes(blob[4:12])
            public.verify(blob[12:], f"cosignature/v1\ntime {at}\n{body}".encode())
        except (InvalidSignature, ValueError):
            break
        if blob[:4] == named:
            return line
    raise Unavailable("The witness's signature does not hold.")


def _witness_key(key: str) -> tuple[str, Ed25519PublicKey, bytes]:
    """Name, key and key hash out of `name+hash+key`."""
    name, _, told = key.partition("+")
    named, _, encoded = told.partition("+")
    try:
        data = base64.b64decode(encoded, validate=True)
        public = Ed25519PublicKey.from_public_bytes(data[1:])
    except ValueError:
        data, public = b"", None
    digest = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if public is None or data[:1] != ALGORITHM_COSIGNATURE or digest.hex() != named:
        raise Unavailable("PORTUNUS_WITNESS_KEY is no key of a cosigning witness: name+hash+key.")
    return name, public, digest


def _size(said: Said) -> int:
    told = said.text.strip()
    if not (told.isascii() and told.isdigit() and len(told) < 20):
        raise Unavailable("The witness says that it knows another head, but not which.")
    return int(told)
