"""What arrived at an endpoint while somebody tries it out: masked, with the verdict, and which portals would have read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from broker.base.unit import Unit
from broker.codes import matching, samples
from broker.codes.matching import Rule
from broker.codes.models import CodeMessage
from broker.codes.notices import recording_of
from broker.codes.samples import Sample
from broker.codes.templates import as_arrival, rule_of
from broker.directory.models import DeliveryEndpoint, MfaMethod
from broker.vault.service import Vault

MOST = 10


@dataclass(frozen=True)
class Arrived:
    """A message as an administrator may see it: every number in it is an invented one."""

    id: str
    endpoint_id: str
    endpoint: str
    channel: str
    at: datetime
    sender: str
    text: str
    verdict: str
    why: str
    trusted: bool | None
    """Whether its sender was confirmed; None of a message that could not be read."""
    read_by: tuple[str, ...]
    """Portals whose logins use the endpoint and whose template finds a code in it."""
    recording: str


def newest(work: Unit, endpoint_ids: Sequence[str]) -> str:
    """The id of the newest message there; empty when none ever came."""
    query = select(CodeMessage.id).where(CodeMessage.endpoint_id.in_(endpoint_ids)).order_by(CodeMessage.id.desc())
    return work.db.scalar(query.limit(1)) or ""


def arrived(
    work: Unit, vault: Vault, endpoints: Sequence[DeliveryEndpoint], after: str, channel: str = ""
) -> list[Arrived]:
    """What came to these endpoints after that message, oldest first."""
    query = select(CodeMessage).where(
        CodeMessage.endpoint_id.in_([row.id for row in endpoints]), CodeMessage.id > after
    )
    if channel:
        query = query.where(CodeMessage.channel == channel)
    rows = work.db.scalars(query.order_by(CodeMessage.id).limit(MOST)).all()
    places = {row.id: row for row in endpoints}
    return [_shown(work, vault, places[row.endpoint_id], row) for row in rows]


def last(work: Unit, vault: Vault, endpoint: DeliveryEndpoint, limit: int) -> list[Arrived]:
    """The last messages of an endpoint, newest first."""
    query = select(CodeMessage).where(CodeMessage.endpoint_id == endpoint.id).order_by(CodeMessage.id.desc())
    return [_shown(work, vault, endpoint, row) for row in work.db.scalars(query.limit(limit)).all()]


def _shown(work: Unit, vault: Vault, endpoint: DeliveryEndpoint, row: CodeMessage) -> Arrived:
    sample = samples.opened(work, vault, endpoint, row)
    text = f"{sample.subject}\n{sample.text}".strip() if sample else ""
    return Arrived(
        id=row.id,
        endpoint_id=endpoint.id,
        endpoint=endpoint.name,
        channel=row.channel,
        at=row.received_at,
        sender=row.sender,
        text=text,
        verdict=row.verdict,
        why=row.why,
        trusted=sample.trusted if sample else None,
        read_by=_read_by(work, sample) if sample else (),
        recording=recording_of(row),
    )


def _read_by(work: Unit, sample: Sample) -> tuple[str, ...]:
    methods = work.db.scalars(
        select(MfaMethod).where(MfaMethod.endpoint_id == sample.endpoint_id, MfaMethod.channel == sample.channel)
    )
    found = set()
    for method in methods:
        rule = Rule.of(rule_of(work, method.account, method))
        if matching.sender_fits(as_arrival(sample), rule) and matching.find_codes(sample.subject, sample.text, rule):
            found.add(method.account.portal.name)
    return tuple(sorted(found))
