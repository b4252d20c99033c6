"""Task, every few seconds: lookups nobody works on are queued again, late ones end, waiting logins and webhooks get their hint."""

from datetime import timedelta

from broker.base.actor import system
from broker.lookups import batches, hooks, onward
from broker.lookups import service as lookups
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 5.0
PIECES = 20
"""Of a cancelled batch, per sweep; each is a transaction."""
KEPT = timedelta(days=30)


def run(portunus: Portunus) -> None:
    """One sweep."""
    with portunus.unit(lookups.HOLDER) as work:
        onward.after_repairs(work)
        for account_id in lookups.sweep(work):
            work.enqueue("run_lookups", account_id)
    for _ in range(PIECES):
        with portunus.unit(lookups.HOLDER) as work:
            more = batches.sweep(work)
        if not more:
            break
    with portunus.unit(system("webhooks")) as work:
        for message_id in hooks.due(work):
            work.enqueue("send_webhook", message_id)
        hooks.forget(work, portunus.clock.now() - KEPT)
