"""Task, every minute: sign the audit log's head and show it to the second sink."""

import structlog

from broker.audit import alarms, restores
from broker.audit import service as audit
from broker.audit.cosigning import Contradiction, judge, keep, prepare
from broker.audit.seen import FORKED, UNKNOWN, Finding
from broker.audit.witness import first_round, witness
from broker.base.actor import system
from broker.base.beats import beat
from broker.base.errors import Unavailable
from broker.ports.witness import Witness
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 60.0
log = structlog.get_logger("witness")


def run(portunus: Portunus) -> None:
    """Sign and show. An unwritable sink raises OSError: the task fails loudly and the next one tries again.

    A sink that lost what it held is an alarm, and nothing more is written there: raises `Unavailable`.
    """
    with portunus.unit(system("witness")) as work:
        audit.sign_checkpoint(work, audit.log_key(work, portunus.keyring))
    try:
        with portunus.unit(system("witness")) as work:
            first_round(work, portunus.settings.witness)
            witness(work, portunus.settings.witness)
            beat(work, "witness")
    except Unavailable as lost:
        _alarm(portunus, Finding(None, lost.message, UNKNOWN))
        raise
    finally:
        if portunus.cosigner is not None:
            _cosign(portunus, portunus.cosigner)


def _alarm(portunus: Portunus, finding: Finding) -> None:
    log.error("the audit log is not as the witness saw it", entry=finding.index, words=finding.words)
    with portunus.unit(system("witness")) as work:
        alarms.sound(work, [finding])


def _cosign(portunus: Portunus, cosigner: Witness) -> None:
    """A witness that cannot go along is an alarm; one that does not answer is asked again a minute later, and is seen to be silent."""
    wrong = _shown(portunus, cosigner)
    if wrong is not None and not _restored(portunus, wrong):
        _alarm(portunus, Finding(wrong.index, wrong.words, FORKED))
    with portunus.unit(system("witness")) as work:
        beat(work, "cosigner")


def _restored(portunus: Portunus, wrong: Contradiction) -> bool:
    """Whether what it saw ended with a restore that a person told of: it will never go along again, and that is known."""
    with portunus.unit(system("witness")) as work:
        told = restores.known(work, audit.log_key(work, portunus.keyring))
    return any(one.start < wrong.known <= one.end + 1 for one in told)


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
