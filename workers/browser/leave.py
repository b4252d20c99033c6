"""Leaving a portal the way it wants: some lock a login whose last session was only closed."""

from typing import TYPE_CHECKING

from carrier_scripts.kit.outcomes import Outcome
from workers.browser.attempt import Node, run_verb
from workers.browser.live import LiveSession

if TYPE_CHECKING:
    from workers.browser.scriptrun import Done

LEAVE_S = 20.0


async def leave(node: Node, live: LiveSession) -> Outcome:
    """Run the script's `log_out` in the first tab, answering yes when the page asks; returns what the portal showed.

    `SIGNED_OUT` is success. Nothing else is an error: the browser is closed afterwards in any case.
    """
    live.leaving = True
    try:
        done: Done = await run_verb(node, live, "log_out", limit_s=LEAVE_S)
    finally:
        live.leaving = False
    return done.outcome
