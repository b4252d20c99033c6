"""Task, every few seconds: bring to an end what nobody works on (see broker.tabs.sweep), close orphaned recordings."""

from broker.base.actor import system
from broker.base.beats import beat
from broker.recordings import service as recordings
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
