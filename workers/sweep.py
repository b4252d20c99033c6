"""Task, every few seconds: bring to an end what nobody works on (see broker.tabs.sweep), close orphaned recordings."""

from broker.base.actor import system
from broker.base.beats import beat
from broker.recordings import service as recordings
from broker.recordings.retention import Retention, expire
from broker.scripts import alerts
from broker.tabs import service as tabs
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 5.0


def run(portunus: Portunus) -> None:
    """One sweep."""
    with portunus.unit(system("sweep")) as work:
        tabs.sweep(work)
        beat(work, "worker")
    with portunus.unit(system("sweep")) as work:
        recordings.recover(work, portunus.vault, portunus.blobs)
    with portunus.unit(system("sweep")) as work:
        if portunus.settings.mail_relay:
            alerts.send_late(work)
    with portunus.unit(system("sweep")) as work:
        days = {
            Retention.STANDARD: portunus.settings.retention_recordings_d,
            Retention.LONG: portunus.settings.retention_recordings_long_d,
        }
        expire(work, portunus.blobs, days)
