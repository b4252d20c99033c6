"""Task, every few seconds: logins whose time has come sign in by themselves, and what is signed in is let go of."""

from broker.base.errors import Conflict
from broker.tabs import early
from broker.wiring import Portunus

PERMISSION = "system"
EVERY_S = 10.0
MOST = 50
"""Turns per run; each is a transaction."""


def run(portunus: Portunus) -> None:
    """One look. Two workers at once change nothing: each turn is taken by one conditional UPDATE."""
    with portunus.unit(early.HOLDER) as work:
        early.settle(work)
    for _ in range(MOST):
        try:
            with portunus.unit(early.HOLDER) as work:
                taken = early.take_due(work)
        except Conflict:
            return  # somebody opened the portal at this moment; the next look finds that
        if taken is None:
            return
