"""Keeps idle sessions signed in as far as the portal's behaviour record allows, in a tab of its own that nobody sees."""

import random
from typing import TYPE_CHECKING, Any

from playwright.async_api import Page

from broker.tabs import service as tabs
from carrier_scripts.kit.outcomes import MEANINGS, Next, Outcome
from workers.browser import reports
from workers.browser.attempt import Node, run_verb
from workers.browser.closing import closed
from workers.browser.live import LiveSession
from workers.browser.tasks import seen_through

if TYPE_CHECKING:
    from workers.browser.scriptrun import Done

UNKNOWN_IDLE_S = 600
EARLY, LATE = 0.6, 0.9
GLANCE_S = 10.0
TROUBLE = (Outcome.DOWN, Outcome.SCRIPT_FAILED, Outcome.REFUSED)
"""Not a proof of being signed out: look again later."""


def due_in(behaviour: dict[str, Any]) -> float | None:
    """Seconds until the next look, with jitter; None where the portal does not allow keeping alive."""
    if behaviour.get("keepalive_allowed") is False:
        return None
    idle = float(behaviour.get("idle_timeout_s") or UNKNOWN_IDLE_S)
    return idle * random.uniform(EARLY, LATE)


def signs_out_after(behaviour: dict[str, Any]) -> float | None:
    """Seconds without a click until the portal signs its holder out; None where Portunus may keep it alive, or nobody knows."""
    idle = behaviour.get("idle_timeout_s")
    return float(idle) if idle and behaviour.get("keepalive_allowed") is False else None


async def look(node: Node, live: LiveSession) -> Outcome:
    """Look at the home page once, unseen; ends the session when the portal has signed out."""
    live.hiding += 1
    page = await live.context.new_page()
    try:
        done: Done = await run_verb(node, live, "keep_alive", page=page)
    finally:
        live.hidden.discard(page)
        await seen_through(closed(page), "close a look's page")
    await settle(node, live, done.outcome)
    if MEANINGS[done.outcome].next is Next.AUTHOR:
        await reports.report(node, live, "keep_alive", done, live.trace)
    return done.outcome


async def prove(node: Node, live: LiveSession) -> Outcome:
    """Show the home page in the session's own tab and prove it, before a new holder sees anything.

    A session whose tab no longer answers to its script is ended: nobody could be let in, now or later.
    """
    done = await run_verb(node, live, "keep_alive")
    await settle(node, live, done.outcome)
    if done.outcome in (Outcome.SCRIPT_FAILED, Outcome.REFUSED) and not live.shard.dead:
        words = MEANINGS[done.outcome].words
        await node.unit(lambda work: tabs.lost(work, live.id, done.outcome.value, words))
    return done.outcome


async def glance(node: Node, live: LiveSession, page: Page) -> None:
    """Look at the page the holder has come to: is it the portal's own sign-in, her session is over, and nothing else is.

    A password typed there would pass neither the lockout budget nor the rule of one sign-in at a time.
    """
    done = await run_verb(node, live, "recognise", limit_s=GLANCE_S, page=page)
    if done.outcome is Outcome.SIGNED_OUT:
        await settle(node, live, done.outcome)
    elif done.outcome in TROUBLE:
        live.glanced_at = ""  # it was not seen what the page is: look again


async def settle(node: Node, live: LiveSession, outcome: Outcome) -> None:
    """Write down what the look showed."""
    if outcome is Outcome.SIGNED_IN:
        await node.unit(lambda work: tabs.proved(work, live.id))
    elif outcome not in TROUBLE:
        words = MEANINGS[outcome].words
        await node.unit(lambda work: tabs.lost(work, live.id, outcome.value, words))
