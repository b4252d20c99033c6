"""Task, every minute: sign the audit log's head and show it to the second sink."""

from datetime import timedelta

import structlog
from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.cosigning import Contradiction, judge, keep, prepare
from broker.audit.models import AuditEntry
from broker.audit.witness import witness
from broker.base.actor import system
from broker.base.beats import beat
from broker.base.errors import Unavailable
from broker.ports.witness import Witness
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 60.0
AGAIN_AFTER = timedelta(hours=1)
log = structlog.get_logger("witness")


def run(portunus: Portunus) -> None:
    """Sign and show. An unwritable sink raises OSError: the task fails loudly and the next one tries again."""
    with portunus.unit(system("witness")) as work:
        audit.sign_checkpoint(work, audit.log_key(work, portunus.keyring))
        witness(work, portunus.settings.witness)
        beat(work, "witness")
    if portunus.cosigner is not None:
        _cosign(portunus, portunus.cosigner)


def _cosign(portunus: Portunus, cosigner: Witness) -> None:
    """A witness that cannot go along is an alarm; one that does not answer is asked again a minute later."""
    wrong = _shown(portunus, cosigner)
    if wrong is None:
        return
    log.error("the witness contradicts the audit log", entry=wrong.index, words=wrong.words)
    with portunus.unit(system("witness")) as work:
        said = select(AuditEntry.id).where(
            AuditEntry.act == Act.LOG_ALARM,
            AuditEntry.actor_id == work.actor.id,
            AuditEntry.at > work.clock.now() - AGAIN_AFTER,
        )
        if work.db.scalar(said.limit(1)) is not None:
            return  # an alarm a minute would bury the log
        detail = {"entry": wrong.index, "findings": 1}
        audit.record(work, Act.LOG_ALARM, "audit_log", "all", outcome="alarm", reason=wrong.words, detail=detail)


def _shown(portunus: Portunus, cosigner: Witness) -> Contradiction | None:
    """No transaction is open while the witness thinks. It may know a later head than we remember: then once more."""
    known: int | None = None
    for _ in range(2):
        with portunus.reading(system("witness")) as work:
            ask = prepare(work, known)
        if ask is None:
            return None
        judged = judge(ask, cosigner.show(ask.body), cosigner.key)
        if isinstance(judged, Contradiction):
            return judged
        if isinstance(judged, str):
            with portunus.unit(system("witness")) as work:
                keep(work, ask.size, judged)
            return None
        known = judged
    raise Unavailable("The witness names another head each time.")
