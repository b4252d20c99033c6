"""Tells the broker how a run went: for the health board, for releases on trial, for drift. Never stops a session."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from playwright.async_api import Error
from sqlalchemy.exc import SQLAlchemyError

from broker.base.errors import BrokerError
from broker.base.unit import Unit
from broker.directory.models import PortalAccount
from broker.scripts import service as scripts
from carrier_scripts.kit.outcomes import Outcome
from workers.browser.live import LiveSession
from workers.browser.scriptrun import Done
from workers.browser.trace import NUMBER, Trace

if TYPE_CHECKING:
    from workers.browser.attempt import Node

log = structlog.get_logger("reports")


LED_AWAY = "led_away"
"""The page led to a host that the script does not name: to the session a refusal, to the script's author a fault."""


async def report(
    node: "Node",
    live: LiveSession,
    verb: str,
    done: Done,
    trace: Trace,
    evidence: str | None = None,
    *,
    outcome: str | None = None,
) -> None:
    """Keep the run, and the structure of the key pages it came by. `outcome`: what the host made of what the script said."""
    claim = live.claim
    if not claim.portal_id:
        return
    seen, live.structures = live.structures, {}
    told = scripts.Report(
        portal_id=claim.portal_id,
        digest=claim.script_digest,
        verb=verb,
        outcome=outcome or ended(done, trace),
        ms=trace.ms,
        account_id=claim.account_id,
        location_id=claim.location_id,
        session_id=live.id,
        place=str(done.at or ""),
        steps=trace.steps,
        page="" if trace.discreet else _where(live),
        evidence=evidence,
    )

    def keep(work: Unit) -> None:
        scripts.note(work, told)
        for page, features in seen.items():
            if features:
                whose = work.db.get(PortalAccount, claim.account_id) if page == "home" else None
                scripts.seen(work, claim.portal_id, page, features, whose)

    try:
        await node.unit(keep)
    except (BrokerError, SQLAlchemyError) as failed:
        log.warning("a run could not be kept", kind=type(failed).__name__)


def ended(done: Done, trace: Trace) -> str:
    """How the run ended, for the script's record."""
    last = trace.steps[-1].get("why") if trace.steps else None
    return LED_AWAY if done.outcome is Outcome.REFUSED and last == LED_AWAY else done.outcome.value


def _where(live: LiveSession) -> str:
    try:
        shown = urlsplit(live.tabs[0].page.url) if live.tabs else None
    except Error:
        return ""
    return f"{shown.netloc}{NUMBER.sub('#', shown.path)}" if shown else ""
