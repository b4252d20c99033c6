"""Task: a batch's file is kept; turn its rows into lookups, piece by piece, in the name of who sent it."""

from broker.base.actor import system
from broker.lookups import batches, retention
from broker.wiring import Portunus

PERMISSION = "system"
PIECES = 10
"""Per task; what is left gets another hint."""


def look(portunus: Portunus, batch_id: str) -> None:
    """Each piece is a transaction that counts the rows already there: killed and delivered again, no row comes twice."""
    with portunus.reading(system("worker")) as work:
        actor = batches.requester(work, batch_id)
    if actor is None:
        return
    for _ in range(PIECES):
        with portunus.unit(actor) as work:
            more = batches.read_piece(work, portunus.vault, portunus.blobs, batch_id)
        if not more:
            with portunus.unit(system("worker")) as work:
                retention.forget_file(work, portunus.blobs, batch_id)
            return
    with portunus.unit(system("worker")) as work:
        work.enqueue("read_batch", batch_id)
