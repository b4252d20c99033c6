"""Codes that a portal did not take: how many lately, and whether a person had typed the last one."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from broker.base.unit import Unit
from broker.codes import records
from broker.codes.models import Code, CodeRequest

REJECTED = "rejected"


def mistyped(work: Unit, request_id: str) -> CodeRequest | None:
    """The request, if the portal refused its code and a person had typed that code. None for codes that were matched."""
    row = records.request(work, request_id)
    typed = any(code.state == REJECTED and code.given_by for code in row.codes)
    return row if row.state == REJECTED and typed else None


def rejected(work: Unit, account_id: str, since: datetime) -> Sequence[datetime]:
    """When the portal refused codes of this account after `since`, as far as it has not taken one since then."""
    asked = select(CodeRequest.state_at).where(CodeRequest.account_id == account_id)
    accepted = work.db.scalar(
        asked.where(CodeRequest.state == "accepted").order_by(CodeRequest.state_at.desc()).limit(1)
    )
    after = max(since, accepted) if accepted else since
    return work.db.scalars(asked.where(CodeRequest.state == REJECTED, CodeRequest.state_at > after)).all()


def refused_before(work: Unit, row: CodeRequest, digest: bytes) -> bool:
    """Whether the portal refused this very code in the same sign-in."""
    same = (
        select(Code.id)
        .join(CodeRequest, CodeRequest.id == Code.request_id)
        .where(CodeRequest.attempt_id == row.attempt_id, Code.state == REJECTED, Code.digest == digest)
    )
    return work.db.scalar(same.limit(1)) is not None
