"""Whether a recording's file, or a film of it, is the one that the signed audit log names. Opens nothing: no key, no picture."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit import tree
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.audit.proofs import signed_size
from broker.audit.verify import Rejected, open_checkpoint
from broker.base.errors import NotFound
from broker.base.unit import Unit
from broker.ports.blobs import Blobs
from broker.ports.keyring import Keyring
from broker.recordings.models import Recording

PIECE = 1024 * 1024
NOT_PROVED = (
    "Not proved: what was on the screen before it was recorded, and that whoever holds both the database and the root key "
    "did not write log and file anew; for that hold an export of the log against the second sink (portunus audit verify --witness)."
)


class Outcome(StrEnum):
    PROVED = "proved"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    """Nothing speaks against it, and nothing signed speaks for it."""


@dataclass(frozen=True)
class Verdict:
    """What was found, in a sentence, and what it does not say."""

    outcome: Outcome
    recording_id: str
    words: str
    not_proved: str = NOT_PROVED


@dataclass(frozen=True)
class Measured:
    """A file as it is."""

    size: int
    digest: str
    """SHA-256 of the whole file, in hexadecimal."""


def measured(pieces: Iterable[bytes]) -> Measured:
    """Size and digest of a file that comes in pieces."""
    size, digest = 0, hashlib.sha256()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
    return Measured(size, digest.hexdigest())


def kept(work: Unit, keyring: Keyring, blobs: Blobs, recording_id: str) -> Verdict:
    """The file in the store. Raises `NotFound` for a recording that never was."""
    row = work.db.get(Recording, recording_id)
    if row is None:
        raise NotFound(f"There is no recording {recording_id}.")
    if row.destroyed_at is not None:
        words = f"It was destroyed on {row.destroyed_at:%Y-%m-%d} when its time was over; the log has the certificate."
        return Verdict(Outcome.UNKNOWN, recording_id, words)
    try:
        file = measured(_pieces(blobs, row.blob))
    except NotFound:
        file = None
    return copy(work, keyring, recording_id, file)


def copy(work: Unit, keyring: Keyring, recording_id: str, file: Measured | None) -> Verdict:
    """A recording's sealed file, wherever it is (None: nowhere)."""
    row = work.db.get(Recording, recording_id)
    if row is not None and row.ended_at is None:
        return Verdict(Outcome.UNKNOWN, recording_id, "It is still running: the log names its file when it is closed.")
    closings = _entries(work, Act.RECORDING_CLOSED, recording_id)
    if not closings:
        return Verdict(Outcome.CHANGED, recording_id, "The log does not know that this recording was closed.")
    if len(closings) > 1:
        words = f"The log closes this recording {len(closings)} times; it is closed once."
        return Verdict(Outcome.CHANGED, recording_id, words)
    entry, said = closings[0]
    told = said["detail"]
    if "digest" not in told:
        words = "It could not be read when it was closed, so the log names no file of it."
        return Verdict(Outcome.UNKNOWN, recording_id, words)
    if file is None and told["bytes"] == 0:
        return Verdict(Outcome.UNKNOWN, recording_id, "Its host stopped before anything was written: there is no file.")
    if file is None:
        return Verdict(
            Outcome.CHANGED, recording_id, "The file is gone, and the log does not say that it was destroyed."
        )
    if (file.size, file.digest) != (told["bytes"], told["digest"]):
        words = f"It is not the file that the log names: {file.size:,} bytes, {told['bytes']:,} in the log; SHA-256 {file.digest}, {told['digest']} in the log."
        return Verdict(Outcome.CHANGED, recording_id, words)
    whole = _whole(told, recovered=said["outcome"] == "recovered")
    words = f"Every byte is as it was when it was closed at {said['at']} ({file.size:,} bytes, SHA-256 {file.digest}). {whole}".strip()
    return _signed(work, keyring, entry, recording_id, words)


def film(work: Unit, keyring: Keyring, file: Measured) -> Verdict:
    """A file that may be a film which was taken out."""
    for entry, said in _entries(work, Act.RECORDING_EXPORTED):
        if said["detail"].get("film_digest") == file.digest:
            recording_id = said["thing"]["id"]
            words = (
                f"Every byte is as in the film of {recording_id} that {said['actor']['name']} had made at {said['at']} "
                f"(SHA-256 {file.digest}). A film is a copy; the evidence is the recording."
            )
            return _signed(work, keyring, entry, recording_id, words)
    words = f"The log names no film with SHA-256 {file.digest}: it was not made here, or was changed after it was."
    return Verdict(Outcome.CHANGED, "", words)


def _signed(work: Unit, keyring: Keyring, entry: AuditEntry, recording_id: str, words: str) -> Verdict:
    """Proved where the entry is under a head whose signature holds."""
    if signed_size(work) <= entry.index:
        words = f"{words} The log's entry of it is not signed yet: ask again in a minute."
        return Verdict(Outcome.UNKNOWN, recording_id, words)
    key = audit.log_key(work, keyring)
    proof = audit.prove(work, entry.id, key)
    try:
        size, root = open_checkpoint(proof.checkpoint, key.verifier)
    except Rejected as no:
        return Verdict(Outcome.CHANGED, recording_id, f"The log itself was changed: {no}.")
    path = [bytes.fromhex(node) for node in proof.path]
    if not tree.includes(tree.leaf_hash(entry.leaf.encode()), entry.index, size, path, root):
        words = (
            f"The log itself was changed: entry {entry.index}, which names this file, is not the one that was signed."
        )
        return Verdict(Outcome.CHANGED, recording_id, words)
    words = f"{words} The log's signature over this holds (entry {entry.index} of {size})."
    return Verdict(Outcome.PROVED, recording_id, words)


def _entries(work: Unit, act: Act, recording_id: str = "") -> list[tuple[AuditEntry, dict[str, Any]]]:
    """Entries of that act, by what their hashed text says: the columns beside it only find them."""
    query = select(AuditEntry).where(AuditEntry.act == act.value, AuditEntry.thing_kind == "recording")
    if recording_id:
        query = query.where(AuditEntry.thing_id == recording_id)
    rows = [(row, json.loads(row.leaf)) for row in work.db.scalars(query.order_by(AuditEntry.index))]
    return [
        (row, said)
        for row, said in rows
        if said["act"] == act.value and recording_id in ("", said["thing"]["id"]) and said["outcome"] != "refused"
    ]


def _whole(told: dict[str, Any], *, recovered: bool) -> str:
    """What the log attests of the messages in it."""
    words = []
    if recovered:
        words.append(
            f"Its host stopped: it has no end of its own, and {told['lost_bytes']:,} bytes after the last whole part."
        )
    if told.get("missing"):
        words.append(f"{told['missing']} of its messages are missing.")
    elif "missing" in told:
        words.append(f"None of its {told['messages']:,} messages is missing.")
    return " ".join(words)


def _pieces(blobs: Blobs, name: str) -> Iterator[bytes]:
    for place in range(0, blobs.size(name), PIECE):
        yield blobs.read(name, place, PIECE)
