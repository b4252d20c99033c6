"""Task, every few seconds: bring to an end what nobody works on (see broker.tabs.sweep), close orphaned recordings, shred old films."""

import structlog

from broker.base.actor import system
from broker.base.beats import beat
from broker.base.errors import BrokerError
from broker.base.unit import Unit
from broker.recordings import films
from broker.recordings import service as recordings
from broker.recordings.retention import Retention, expire
from broker.scripts import alerts
from broker.tabs import files
from broker.tabs import service as tabs
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 5.0
log = structlog.get_logger("sweep")


def run(portunus: Portunus) -> None:
    """One sweep."""
    with portunus.unit(system("sweep")) as work:
        tabs.sweep(work)
        beat(work, "worker")
    for one in (_recover, _alert, _expire, _tidy, _films):
        try:
            with portunus.unit(system("sweep")) as work:
                one(portunus, work)
        except (BrokerError, OSError) as failed:  # one that fails does not keep the others from their turn
            log.exception("a part of the sweep failed", part=one.__name__, kind=type(failed).__name__)


def _recover(portunus: Portunus, work: Unit) -> None:
    recordings.recover(work, portunus.vault, portunus.blobs)


def _alert(portunus: Portunus, work: Unit) -> None:
    if portunus.settings.mail_relay:
        alerts.send_late(work)


def _expire(portunus: Portunus, work: Unit) -> None:
    days = {
        Retention.STANDARD: portunus.settings.retention_recordings_d,
        Retention.LONG: portunus.settings.retention_recordings_long_d,
    }
    expire(work, portunus.blobs, days)


def _tidy(portunus: Portunus, work: Unit) -> None:
    files.tidy(work, portunus.blobs)


def _films(portunus: Portunus, work: Unit) -> None:
    films.sweep(work, portunus.blobs)
