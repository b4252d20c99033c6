"""What a recording can be found by: member ids, claim numbers and pages that came up in it, as keyed digests.

A patient stands in no row of it: a word is kept as an HMAC under the organization's key (as codes are), which only answers whether
a given word is the same. Who looks for one must know it, and every search is in the audit log, without its words.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Incomplete
from broker.base.unit import Unit
from broker.recordings.attestation import EVENT, HEAD
from broker.recordings.container import Message
from broker.recordings.models import Recording, RecordingWord
from broker.vault.service import Vault

LEAST, LONGEST = 3, 40
"""Characters of a word."""
MOST = 5_000
"""Words of one recording."""
MOST_ASKED = 6
WORD = re.compile(r"[^\W_]+")
DIGEST_BYTES = 16


def words_in(text: str) -> Iterator[str]:
    """Each word in small letters, and what is written together with signs between ("HD1-000-42") once more without them."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    for together in plain.split():
        parts = WORD.findall(together)
        for word in {*parts, "".join(parts)}:
            if LEAST <= len(word) <= LONGEST:
                yield word


def told_by(event: dict[str, Any]) -> Iterator[str]:
    """The texts of an event by which its moment is looked for: pages, what was typed (never in a secret field) or copied, files."""
    kind = event.get("e")
    if kind == "tabs":
        for tab in event.get("tabs", ()):
            if tab.get("n") == event.get("active"):
                yield from (str(tab.get(name) or "") for name in ("page", "title", "path"))
    elif kind in ("typed", "copied", "chosen", "answered") and not event.get("secret"):
        yield str(event.get("v") or "")
    elif kind == "download":
        yield str(event.get("name") or "")


class Heard:
    """The words of one recording as it goes on, each with its first moment."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._new: dict[str, int] = {}

    def note(self, message: Message) -> None:
        """Take the words of an event in; a picture has none."""
        if len(message.data) <= HEAD.size or message.data[0] != EVENT or len(self._known) >= MOST:
            return
        try:
            event = json.loads(message.data[HEAD.size :])
        except ValueError:
            return
        for text in told_by(event):
            for word in words_in(text):
                if word not in self._known and len(self._known) < MOST:
                    self._known.add(word)
                    self._new[word] = message.ms

    def unkept(self) -> dict[str, int]:
        """Words and milliseconds that are not in the database yet."""
        return dict(self._new)

    def kept(self, words: dict[str, int]) -> None:
        """These are, now."""
        for word in words:
            self._new.pop(word, None)


def keep(work: Unit, vault: Vault, row: Recording, words: dict[str, int]) -> None:
    """Add words, each once, with the first moment."""
    digests = {_digest(vault.digest(work, row.organization_id, _told(word))): ms for word, ms in words.items()}
    there = set(
        work.db.scalars(
            select(RecordingWord.digest).where(
                RecordingWord.recording_id == row.id, RecordingWord.digest.in_(list(digests))
            )
        )
    )
    work.db.add_all(
        RecordingWord(recording_id=row.id, digest=digest, ms=ms)
        for digest, ms in digests.items()
        if digest not in there
    )


def forget(work: Unit, recording_id: str) -> None:
    """With its key goes what it could be found by."""
    work.db.execute(delete(RecordingWord).where(RecordingWord.recording_id == recording_id))


def asked(work: Unit, vault: Vault, organization_id: str, text: str) -> list[bytes]:
    """The digest of each word that is looked for. Raises `Incomplete`."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    wanted = list(dict.fromkeys("".join(WORD.findall(together)) for together in plain.split()))
    if not wanted or any(not LEAST <= len(word) <= LONGEST for word in wanted) or len(wanted) > MOST_ASKED:
        raise Incomplete(
            f"Look for a member id, a claim number or a page: at most {MOST_ASKED} words of {LEAST} to {LONGEST} characters."
        )
    return [_digest(vault.digest(work, organization_id, _told(word))) for word in wanted]


def has(digests: Sequence[bytes]) -> ColumnElement[bool]:
    """The condition on `Recording`: all of these words came up in it."""
    return Recording.id.in_(
        select(RecordingWord.recording_id)
        .where(RecordingWord.digest.in_(digests))
        .group_by(RecordingWord.recording_id)
        .having(func.count() >= len(digests))
    )


def moments(work: Unit, digests: Sequence[bytes], recording_ids: list[str]) -> dict[str, int]:
    """In each recording, the milliseconds after which all of the words had come up."""
    rows = work.db.execute(
        select(RecordingWord.recording_id, func.max(RecordingWord.ms))
        .where(
            RecordingWord.recording_id.in_(recording_ids),
            RecordingWord.digest.in_(digests),
        )
        .group_by(RecordingWord.recording_id)
    )
    return {row[0]: row[1] for row in rows}


def searched(work: Unit, organization_id: str, found: int) -> None:
    """Into the log: that somebody looked, and how many were found; never for whom."""
    audit.record(work, Act.RECORDINGS_SEARCHED, "organization", organization_id, detail={"found": found})


def _told(word: str) -> str:
    return f"recording word {word}"


def _digest(whole: bytes) -> bytes:
    return whole[:DIGEST_BYTES]
