"""Alarms about the log, in the log itself: raised by the monitor and the witness, shown until a person says that she knows why."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from broker.audit import monitor, restores
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.entry import clean
from broker.audit.models import AuditEntry
from broker.audit.seen import FORKED, UNKNOWN, Finding, seen_in
from broker.audit.service import LogKey
from broker.base.errors import Conflict, Incomplete
from broker.base.unit import Unit

AGAIN_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Alarm:
    """The newest alarm that nobody has said anything about."""

    at: datetime
    words: str
    entry: int | None
    findings: int


def sound(work: Unit, found: list[Finding]) -> bool:
    """Record the first finding, unless this actor said as much a short while ago: an alarm a minute would bury the log.

    A nearer entry is told at once, and so is a change found while only "unknown" was said: that would hide it for a day.
    """
    first = found[0]
    before = _newest(work, Act.LOG_ALARM, work.actor.id)
    if before is not None and before.at > work.clock.now() - AGAIN_AFTER:
        said = json.loads(before.leaf)
        over = _newest(work, Act.LOG_ALARM_KNOWN)
        if over is not None and over.index > before.index:
            again = said["reason"] != clean(first.words)
        else:
            earlier, told = first.index, said["detail"]["entry"]
            nearer = earlier is not None and told is not None and earlier < told
            again = nearer or (said["detail"]["kind"] == UNKNOWN and first.kind != UNKNOWN)
        if not again:
            return False
    detail = {"entry": first.index, "findings": len(found), "kind": first.kind}
    audit.record(work, Act.LOG_ALARM, "audit_log", "all", outcome="alarm", reason=first.words, detail=detail)
    return True


def standing(work: Unit) -> Alarm | None:
    """What is to be looked at: raised, and not acknowledged since."""
    alarm, over = _newest(work, Act.LOG_ALARM), _newest(work, Act.LOG_ALARM_KNOWN)
    if alarm is None or (over is not None and over.index > alarm.index):
        return None
    said = json.loads(alarm.leaf)
    return Alarm(alarm.at, str(said["reason"]), said["detail"]["entry"], int(said["detail"]["findings"]))


def acknowledge(work: Unit, key: LogKey, directory: Path, reason: str) -> None:
    """A person knows why, and says so. After a restored backup the histories that the sink holds are taken as they are.

    What was changed goes on being found: it is told again a day later. Raises `Incomplete`, `Conflict` (no alarm stands).
    """
    if not reason.strip():
        raise Incomplete("Say what happened: a restored backup, from when, by whom.")
    if standing(work) is None:
        raise Conflict("No alarm about the audit log stands.")
    forked = [one.index for one in monitor.check(work, key, directory) if one.kind == FORKED and one.index is not None]
    detail = restores.told(key, seen_in(directory, key), min(forked)) if forked else {}
    audit.record(work, Act.LOG_ALARM_KNOWN, "audit_log", "all", outcome="known", reason=reason.strip(), detail=detail)


def _newest(work: Unit, act: Act, actor_id: str | None = None) -> AuditEntry | None:
    query = select(AuditEntry).where(AuditEntry.act == act)
    if actor_id is not None:
        query = query.where(AuditEntry.actor_id == actor_id)
    return work.db.scalar(query.order_by(AuditEntry.index.desc()).limit(1))
