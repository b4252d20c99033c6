"""The last messages of an endpoint, for setting up templates: sealed, every number in them replaced by an invented one."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select

from broker.base.errors import Unavailable
from broker.base.unit import Unit
from broker.codes.matching import Arrival
from broker.codes.models import Code, CodeMessage
from broker.directory.models import DeliveryEndpoint
from broker.vault.service import Vault

KEPT = 20
"""Samples per endpoint; older ones are dropped."""
KEPT_FOR = timedelta(days=90)
"""How long it is listed that a message came, and what became of it."""
AT_ONCE = 200
TEXT_CHARACTERS = 2000
ADDRESS = re.compile(r"https?://\S+")
NUMBER = re.compile(r"(?=[A-Za-z0-9]*[0-9])[A-Za-z0-9]+")
"""A number, or a word with digits in it, as a code of letters and digits is."""


@dataclass(frozen=True)
class Sample:
    """A message as it was seen, without its numbers."""

    message_id: str
    endpoint_id: str
    channel: str
    sender: str
    trusted: bool
    recipients: frozenset[str]
    subject: str
    text: str
    received_at: datetime
    verdict: str
    why: str
    head_only: bool = False
    """Its text was not read: codes of other senders were waited for."""


def masked(text: str, code: str | None = None) -> str:
    """The text with each number replaced by another of the same shape; the same number by the same one.

    The n-th different number becomes a row of the digit n (letters: of the n-th letter), so that a rule tested on the
    sample finds what it would find in the message.
    """
    known: dict[str, str] = {}

    def replace(found: re.Match[str]) -> str:
        word = found.group()
        number = len(known) + 1
        return known.setdefault(word, "".join(_stand_in(letter, number) for letter in word))

    text = ADDRESS.sub("https://…", text)
    if code and not any(letter.isdigit() for letter in code):
        text = re.sub(rf"(?<!\w){re.escape(code)}(?!\w)", replace, text)
    return NUMBER.sub(replace, text)


def _stand_in(letter: str, number: int) -> str:
    if letter.isdigit():
        return str(number % 10)
    return chr((ord("A") if letter.isupper() else ord("a")) + (number - 1) % 26)


def seal(
    work: Unit, vault: Vault, endpoint: DeliveryEndpoint, arrival: Arrival, code: str | None = None
) -> bytes | None:
    """A sealed sample of the message; None of one that could not be read."""
    if arrival.unreadable:
        return None
    told = masked(f"{arrival.subject}\n{arrival.text[:TEXT_CHARACTERS]}", code)
    subject, _, text = told.partition("\n")
    value = json.dumps(
        {
            "trusted": arrival.trusted,
            "recipients": sorted(arrival.recipients)[:10],
            "subject": subject,
            "text": text,
            "head_only": arrival.head_only,
        }
    )
    return vault.seal(work, endpoint.organization_id, _context(arrival.raw_digest, endpoint.id), value.encode())


def keep_newest(work: Unit, endpoint_id: str) -> None:
    """Drop the samples beyond the newest of this endpoint."""
    query = (
        select(CodeMessage)
        .where(CodeMessage.endpoint_id == endpoint_id, CodeMessage.sample.is_not(None))
        .order_by(CodeMessage.id.desc())
        .offset(KEPT)
    )
    for row in work.db.scalars(query):
        row.sample = None


def forget_old(work: Unit, endpoint_id: str) -> int:
    """Remove messages of this endpoint that are older than `KEPT_FOR`, some at a time; returns how many.

    The audit log keeps that they came. One whose code was held for a request stays with it.
    """
    old = (
        select(CodeMessage.id)
        .where(
            CodeMessage.endpoint_id == endpoint_id,
            CodeMessage.received_at < work.clock.now() - KEPT_FOR,
            ~exists().where(Code.message_id == CodeMessage.id),
        )
        .limit(AT_ONCE)
    )
    ids = work.db.scalars(old).all()
    if ids:
        work.db.execute(delete(CodeMessage).where(CodeMessage.id.in_(ids)))
    return len(ids)


def last(work: Unit, vault: Vault, endpoint: DeliveryEndpoint) -> list[Sample]:
    """The samples of this endpoint, newest first; one that was tampered with is left out."""
    query = (
        select(CodeMessage)
        .where(CodeMessage.endpoint_id == endpoint.id, CodeMessage.sample.is_not(None))
        .order_by(CodeMessage.id.desc())
        .limit(KEPT)
    )
    return [one for row in work.db.scalars(query) if (one := opened(work, vault, endpoint, row)) is not None]


def opened(work: Unit, vault: Vault, endpoint: DeliveryEndpoint, row: CodeMessage) -> Sample | None:
    """The sample of this message; None where none is kept, or it was tampered with."""
    if row.sample is None:
        return None
    try:
        value = vault.unseal(work, endpoint.organization_id, _context(row.raw_digest, endpoint.id), row.sample)
    except Unavailable:
        return None
    told = json.loads(value)
    return Sample(
        message_id=row.id,
        endpoint_id=endpoint.id,
        channel=row.channel,
        sender=row.sender,
        trusted=bool(told["trusted"]),
        recipients=frozenset(told["recipients"]),
        subject=told["subject"],
        text=told["text"],
        received_at=row.received_at,
        verdict=row.verdict,
        why=row.why,
        head_only=bool(told.get("head_only")),
    )


def _context(raw_digest: str, endpoint_id: str) -> tuple[str, ...]:
    return ("code_message", endpoint_id, raw_digest, "sample")
