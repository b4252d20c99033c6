"""A code's way, link by link, from the audit log: asked for, arrived, matched, released, typed, answered, the session it opened."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from broker.audit import proofs, tree
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.audit.service import LogKey
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.directory.models import Location, PortalAccount
from broker.tabs.way import Link, Way, way


@dataclass(frozen=True)
class Custody:
    """The way of one request's code."""

    code_request_id: str
    portal: str
    location: str
    login_tail: str
    channel: str
    state: str
    asked_by: str
    asked_at: datetime
    links: tuple[Link, ...]
    missing: tuple[str, ...]
    """Parts of a complete way that the log does not hold (yet)."""
    differs: tuple[str, ...]
    """Where the tables say something else than the log: somebody changed them."""
    recording_id: str | None
    recording_digest: str | None
    recording_offset_ms: int | None


@dataclass(frozen=True)
class Proved:
    """One entry as the proof file proves it, in hexadecimal: the hash of its text, and the hashes up to the root, lowest first."""

    index: int
    leaf_hash: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Printed:
    """What a proof file shows, for paper: its entries and the one signed head that all of them are under."""

    entries: tuple[Proved, ...]
    head: str
    """The note as it was signed: the log's name, how many entries, the root, the signatures."""
    older_heads: int


def custody(work: Unit, request_id: str) -> Custody:
    """The chain of a code request. Raises `NotFound` for one that is unknown, or not at a place within reach."""
    found = way(work, request_id)
    account, location = work.db.get(PortalAccount, found.account_id), work.db.get(Location, found.location_id)
    recording = found.recording
    return Custody(
        code_request_id=request_id,
        portal=account.portal.name if account else found.account_id,
        location=location.name if location else found.location_id,
        login_tail="…" + account.username[-3:] if account else "",
        channel=str(found.asked.detail["channel"]),
        state=state(found),
        asked_by=found.asked_by,
        asked_at=found.asked.at,
        links=found.links,
        missing=found.missing,
        differs=differs(work, found),
        recording_id=recording.thing if recording else None,
        recording_digest=_digest(recording),
        recording_offset_ms=0 if recording else None,
    )


def state(found: Way) -> str:
    """How far it is, in one word, by the newest entry that says so."""
    said = found.last(
        Act.CODE_ANSWERED,
        Act.CODE_RELEASED,
        Act.CODE_CONFIRMED,
        Act.CODE_MATCHED,
        Act.CODE_EXPIRED,
        Act.CODE_WITHDRAWN,
    )
    match said.act if said else "":
        case Act.CODE_ANSWERED:
            return said.outcome if said else ""
        case Act.CODE_RELEASED | Act.CODE_CONFIRMED:
            return "released"
        case Act.CODE_MATCHED:
            return "matched"
        case Act.CODE_EXPIRED:
            return "expired"
        case Act.CODE_WITHDRAWN:
            return "withdrawn"
    return "waiting"


def differs(work: Unit, found: Way) -> tuple[str, ...]:
    """What the request's row says otherwise than the log does, in words."""
    row, told = work.db.get(CodeRequest, found.request_id), found.asked.detail
    if row is None:
        return ("The request's row is gone from the database; the log still holds its way.",)
    words = []
    if (row.requester_kind, row.requester_id) != (told.get("for_kind"), told.get("for")):
        named = codes.name_of(work, row.requester_kind, row.requester_id)
        words.append(f"The database names {named} as who asked, the log {found.asked_by}.")
    if row.attempt_id != told.get("attempt") or row.lease_id != told.get("lease"):
        words.append("The database names another sign-in or tab than the log.")
    if row.location_id != found.location_id or row.account_id != found.account_id:
        words.append("The database names another login or location than the log.")
    if row.state in ("accepted", "rejected", "released") and row.state != state(found):
        words.append(f"The database says {row.state}, the log {state(found)}.")
    return tuple(words)


def prove(work: Unit, key: LogKey, request_id: str) -> Iterator[str]:
    """The proof file of a code request, as far as a head is signed: JSON Lines for `verify.py`. Raises `NotFound`."""
    whole, size = way(work, request_id), proofs.signed_size(work)
    found = replace(whole, links=tuple(link for link in whole.links if link.index < size))
    recording = found.recording
    subject: dict[str, object] = {
        "code_request": request_id,
        "recording": recording.thing if recording else None,
        "recording_digest": _digest(recording),
        "recording_offset_ms": 0 if recording else None,
    }
    wanted = [link.index for link in found.links]
    entries = work.db.scalars(select(AuditEntry).where(AuditEntry.index.in_(wanted))).all()
    return proofs.bundle(work, key, entries, subject)


def printed(work: Unit, key: LogKey, request_id: str) -> Printed:
    """The proof file's own hashes and head, taken from its lines. Raises `NotFound`, also while no head is signed over the way."""
    lines = [json.loads(line) for line in prove(work, key, request_id)]
    entries = tuple(
        Proved(line["index"], tree.leaf_hash(line["leaf"].encode()).hex(), tuple(line["path"]))
        for line in lines
        if line["kind"] == "proof"
    )
    older = sum(line["kind"] == "consistency" for line in lines)
    return Printed(entries, next(line["note"] for line in lines if line["kind"] == "checkpoint"), older)


def _digest(recording: Link | None) -> str | None:
    return str(recording.detail["digest"]) if recording and recording.detail.get("digest") else None
