"""Leaving a portal: by its own way out where a person asked for that, or where it locks a login that is only closed."""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from playwright.async_api import Error

from broker.base.unit import Unit
from broker.tabs import service as tabs
from broker.tabs.models import PortalSession
from broker.tabs.states import SessionState
from carrier_scripts.kit.outcomes import NAMES, Outcome
from workers.browser import reports
from workers.browser.attempt import Node, run_verb
from workers.browser.live import LiveSession

if TYPE_CHECKING:
    from workers.browser.scriptrun import Done

ASKED = ("signed_out_by_holder",)
"""A person wanted the sign-in at the carrier to be over."""
LEAVE_S = 20.0
FORMAL_S = 10.0
"""Shorter than a door stays open on one proof (egress.HOLD_S): nobody renews the door of a session that has ended."""


def due(live: LiveSession, reason: str | None) -> bool:
    """Whether a session that ended for this reason is logged out at the portal."""
    return bool(live.claim.behaviour.get("formal_logout_required")) or reason in ASKED


async def leave(node: Node, live: LiveSession) -> Outcome:
    """Run the script's `log_out` in the first tab, answering yes when the page asks; returns what the portal showed, and
    reports it for the script's record.

    `SIGNED_OUT` is success. Nothing else is an error: the browser is closed afterwards in any case.
    """
    live.leaving = True
    try:
        done: Done = await run_verb(node, live, "log_out", limit_s=LEAVE_S)
    finally:
        live.leaving = False
    await reports.report(node, live, "log_out", done, live.trace)
    return done.outcome


async def formally(node: Node, live: LiveSession) -> None:
    """Log out of a session that Portunus has ended, where that is due; what the portal showed is written down.

    A newer sign-in of the account waits for it (`Host._leaving`). A session that the portal itself ended is left as it is,
    and so is one whose account a newer sign-in holds: its door is not ours any more.
    """
    if not live.tabs:
        return

    def still_ours(work: Unit) -> bool:
        row = work.db.get(PortalSession, live.id)
        if row is None or row.state != SessionState.ENDED or row.account.fence != live.claim.fence:
            return False
        return row.end_reason not in NAMES and due(live, row.end_reason)

    asked_at = time.monotonic()
    if not await node.reading(still_ours):
        return
    node.egress.renew(live.door, asked_at)
    outcome = Outcome.SCRIPT_FAILED
    with contextlib.suppress(TimeoutError, Error):
        async with asyncio.timeout(FORMAL_S):
            outcome = await leave(node, live)
    await node.unit(lambda work: tabs.logged_out(work, live.id, outcome.value))
