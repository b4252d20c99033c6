"""Task, every ten minutes: compare the audit log with what the second sink saw; an alarm names the entry."""

import structlog

from broker.audit import monitor
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import system
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 600.0
log = structlog.get_logger("monitor")


def run(portunus: Portunus) -> None:
    """Check; what does not fit goes into the log file, beside the witness, and into the audit log itself."""
    with portunus.unit(system("monitor")) as work:
        key = audit.log_key(work, portunus.keyring)
    with portunus.reading(system("monitor")) as work:
        found = monitor.check(work, key, portunus.settings.witness)
    if not found:
        return
    for one in found:
        log.error("the audit log was tampered with", entry=one.index, words=one.words)
    with portunus.unit(system("monitor")) as work:
        detail = {"entry": found[0].index, "findings": len(found)}
        audit.record(work, Act.LOG_ALARM, "audit_log", "all", outcome="alarm", reason=found[0].words, detail=detail)
