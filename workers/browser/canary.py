"""A look at a portal's sign-in page without signing in: does the script still know it? Costs no try and no code.

Each portal is looked at every few hours by one host; one where a person signs in herself (attended) never is.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.async_api import Error, Page

from broker.base.errors import BrokerError, Unavailable
from broker.base.unit import Unit
from broker.scripts import service as scripts
from carrier_scripts.kit.outcomes import NAMES, Outcome
from workers.browser import reports, scriptstore, structure
from workers.browser.egress import Door
from workers.browser.facade import CallRefused, Facade, watch_status
from workers.browser.limit import Limit
from workers.browser.scriptrun import Done
from workers.browser.scriptstore import Loaded
from workers.browser.trace import Trace

if TYPE_CHECKING:
    from workers.browser.attempt import Node

NOBODYS = "looks"
"""Browsers of looks are of no organization."""
LOOK_S = 60.0
SIGN_IN_PAGE = (Outcome.SIGNED_OUT, Outcome.UNRECOGNISED)
"""The sign-in page as the script knows it, or what stands in its place now."""


@dataclass(frozen=True)
class Due:
    """A portal whose turn it is."""

    portal_id: str
    loaded: Loaded


@dataclass
class _Seen:
    """What the facade needs of a live session: this has a door and one page, and nobody is signed in."""

    door: Door
    tabs: list[Any]


async def look_at_next(node: "Node") -> str | None:
    """Look at the portal that is due; its outcome, or None when none is."""
    due = await node.unit(_take)
    if due is None:
        return None
    door = await node.egress.open(
        session_id=f"look:{due.portal_id}",
        account_id=f"look:{due.portal_id}",
        fence=time.monotonic_ns(),
        hosts=sorted(due.loaded.hosts),
        on_denied=_nobody_to_tell,
    )
    try:
        return await _look(node, due, door)
    finally:
        await node.egress.shut(door)


def _take(work: Unit) -> Due | None:
    scripts.forget_old(work)
    portal = scripts.take_due(work)
    digest = scripts.standing(work, portal.id) if portal is not None else None
    if portal is None or digest is None:
        return None  # nothing is due, or its first version is not released yet
    return Due(portal.id, scriptstore.load(work, portal.key, digest))


async def _look(node: "Node", due: Due, door: Door) -> str:
    try:
        shard, context = await node.pool.context(
            NOBODYS, proxy={"server": door.url, "bypass": "<-loopback>"}, service_workers="block", locale="en-US"
        )
    except Unavailable:
        return "no_browser"
    trace, page = Trace(), None
    try:
        page = await context.new_page()
        watch_status(page)
        done = await _recognise(node, due, _Seen(door, []), page, trace)
        features = await structure.features(page) if done.outcome in SIGN_IN_PAGE else []
        where = urlsplit(page.url)
    except (Error, BrokerError):
        return "no_browser"
    finally:
        await node.pool.give_back(shard, context)
    told = scripts.Report(
        portal_id=due.portal_id,
        digest=due.loaded.script.digest,
        verb="look",
        outcome=reports.ended(done, trace),
        ms=trace.ms,
        place=str(done.at or ""),
        steps=trace.steps,
        page=f"{where.netloc}{where.path}",
    )

    def keep(work: Unit) -> None:
        scripts.note(work, told)
        scripts.looked(work, due.portal_id, told.outcome)
        if features:
            scripts.seen(work, due.portal_id, "login", features)

    await node.unit(keep)
    return told.outcome


async def _recognise(node: "Node", due: Due, seen: _Seen, page: Page, trace: Trace) -> Done:
    facade = Facade(seen, page)  # type: ignore[arg-type]
    answer = trace.watched(facade.call)
    try:
        await answer("goto", {"page": 0, "url": due.loaded.start})
    except CallRefused as no:
        return Done(_outcome(no.code), no.message)
    return await node.scripts.run(due.loaded.script, "recognise", answer, limit=Limit(LOOK_S))


def _nobody_to_tell(host: str) -> None:
    """The door refused a host: it is in the door's own list, and nobody watches."""
    del host


def _outcome(code: str) -> Outcome:
    return Outcome(code) if code in NAMES else Outcome.REFUSED
