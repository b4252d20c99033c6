"""Sign-ins whose codes would look the same at one endpoint stand in line: who came first asks the portal first."""

from datetime import timedelta

from sqlalchemy import delete, select

from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes import records
from broker.codes.matching import Rule, told_apart
from broker.codes.models import CodeTurn
from broker.codes.templates import rule_of
from broker.directory.models import PortalAccount

FRESH = timedelta(seconds=10)
"""Who stands in line says so every two seconds; one that has not for so long has gone away."""


def stand_in_line(work: Unit, *, attempt_id: str, account: PortalAccount) -> int:
    """Take or keep a place; how many come first, the one that waits for its code now among them."""
    method = account.mfa_methods[0]
    if method.endpoint_id is None:
        return 0
    records.one_at_a_time(work, method.endpoint_id)
    now, mine = work.clock.now(), _own(work, attempt_id)
    work.db.execute(delete(CodeTurn).where(CodeTurn.endpoint_id == method.endpoint_id, CodeTurn.seen_at < now - FRESH))
    if mine is None:
        mine = CodeTurn(
            id=new_id("trn"),
            endpoint_id=method.endpoint_id,
            attempt_id=attempt_id,
            rule=rule_of(work, account, method),
            since=now,
            seen_at=now,
        )
        work.db.add(mine)
    mine.seen_at = now
    work.db.flush()
    rule = Rule.of(mine.rule)
    waiting = [one for one in records.waiting_rows(work, method.endpoint_id) if not told_apart(rule, Rule.of(one.rule))]
    return len(waiting) + len(before(work, method.endpoint_id, attempt_id, rule))


def before(work: Unit, endpoint_id: str, attempt_id: str, rule: Rule) -> list[str]:
    """The sign-ins that came first, as far as a message could not tell their codes from this one's."""
    mine = _own(work, attempt_id)
    line = work.db.scalars(
        select(CodeTurn).where(
            CodeTurn.endpoint_id == endpoint_id,
            CodeTurn.attempt_id != attempt_id,
            CodeTurn.seen_at >= work.clock.now() - FRESH,
        )
    )
    return [
        one.attempt_id
        for one in line
        if (mine is None or (one.since, one.id) < (mine.since, mine.id)) and not told_apart(rule, Rule.of(one.rule))
    ]


def leave(work: Unit, attempt_id: str) -> None:
    """Its turn has come, or it gives up."""
    work.db.execute(delete(CodeTurn).where(CodeTurn.attempt_id == attempt_id))


def _own(work: Unit, attempt_id: str) -> CodeTurn | None:
    return work.db.scalar(select(CodeTurn).where(CodeTurn.attempt_id == attempt_id))
