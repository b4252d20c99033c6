"""Tells the broker how a run went: for the health board, for releases on trial, for drift. Never stops a session."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from playwright.async_api import Error
from sqlalchemy.exc import SQLAlchemyError

from broker.base.errors import BrokerError
from broker.base.unit import Unit
from broker.scripts import service as scripts
from workers.browser.live import LiveSession
from workers.browser.scriptrun import Done
from workers.browser.trace import NUMBER, Trace

if TYPE_CHECKING:
    from workers.browser.attempt import Node

log = structlog.get_logger("reports")


async def report(
    node: "Node", live: LiveSession, verb: str, done: Done, trace: Trace, evidence: str | None = None
) -> None:
    """Keep the run, and the structure of the key pages it came by."""
    claim = live.claim
    if not claim.portal_id:
        return
    seen, live.structures = live.structures, {}
    told = scripts.Report(
        portal_id=claim.portal_id,
        digest=claim.script_digest,
        verb=verb,
        outcome=done.outcome.value,
        ms=trace.ms,
        account_id=claim.account_id,
        location_id=claim.location_id,
        place=str(done.at or ""),
        steps=trace.steps,
        page="" if trace.discreet else _where(live),
        evidence=evidence,
    )

    def keep(work: Unit) -> None:
        scripts.note(work, told)
        for page, features in seen.items():
            if features:
                scripts.seen(work, claim.portal_id, page, features)

    try:
        await node.unit(keep)
    except (BrokerError, SQLAlchemyError) as failed:
        log.warning("a run could not be kept", kind=type(failed).__name__)


def _where(live: LiveSession) -> str:
    try:
        shown = urlsplit(live.tabs[0].page.url) if live.tabs else None
    except Error:
        return ""
    return f"{shown.netloc}{NUMBER.sub('#', shown.path)}" if shown else ""
