"""Task, every ten minutes: compare the audit log with what the second sink saw; an alarm names the entry."""

import structlog

from broker.audit import alarms, monitor
from broker.audit import service as audit
from broker.audit.proofs import signed_size
from broker.base.actor import system
from broker.base.beats import beat
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 600.0
LONGEST_S = 3000
"""Every entry is read: a log of millions takes minutes."""
log = structlog.get_logger("monitor")


def run(portunus: Portunus) -> None:
    """Check; what does not fit goes into the log file, beside the witness, and into the audit log itself."""
    with portunus.unit(system("monitor")) as work:
        key = audit.log_key(work, portunus.keyring)
    with portunus.reading(system("monitor")) as work:
        found = monitor.check(work, key, portunus.settings.witness)
    for one in found:
        log.error("the audit log is not as the witness saw it", entry=one.index, kind=one.kind, words=one.words)
    with portunus.unit(system("monitor")) as work:
        if found and signed_size(work):  # before the first head is signed there is nothing to compare
            alarms.sound(work, found)
        beat(work, "monitor")
