"""Task, every ten minutes: files and pages of lookups whose time is over are destroyed."""

from broker.base.actor import system
from broker.lookups import retention
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 600.0


def run(portunus: Portunus) -> None:
    """As many as are due, some at a time."""
    with portunus.unit(system("sweep")) as work:
        retention.forget_uploads(work, portunus.blobs)
    while True:
        with portunus.unit(system("sweep")) as work:
            if not retention.expire(work, portunus.blobs, portunus.settings.retention_recordings_d):
                return
