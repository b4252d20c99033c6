"""Task, every minute: sign the audit log's head and show it to the second sink."""

from broker.audit import service as audit
from broker.audit.witness import witness
from broker.base.actor import system
from broker.base.beats import beat
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 60.0


def run(portunus: Portunus) -> None:
    """Sign and show. An unwritable sink raises OSError: the task fails loudly and the next one tries again."""
    with portunus.unit(system("witness")) as work:
        audit.sign_checkpoint(work, audit.log_key(work, portunus.keyring))
        witness(work, portunus.settings.witness)
        beat(work, "witness")
