"""Lookups in a test: asked as Maria, worked by the host at the lab, seen when they have ended."""

import asyncio
import json
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from broker.base.actor import system
from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.lookups import proof, showing
from broker.lookups import service as lookups
from broker.lookups.ask import EARLIER
from broker.lookups.models import Lookup
from broker.lookups.states import State
from broker.scripts.models import ScriptRun
from broker.tabs import service as tabs
from broker.tabs.models import LoginAttempt, PortalSession
from carrier_scripts.lab import founding, people
from tests.workers.browser.conftest import Node

GOING = (State.QUEUED, State.RUNNING)
ENDS_S = 60


def book(node: Node, key: str) -> people.Book:
    """The truth: the carrier's members and claims."""
    site = {"harborline": "Harborline", "copper_mesa_az": "CopperMesaAz", "northgate": "Northgate"}[key]
    module = __import__(f"carrier_scripts.lab.{key}", fromlist=[site])
    made = getattr(module, site)
    day = date.fromisoformat(node.lab.control.get("/clock").json()["now"][:10])
    return people.book(founding.carrier(key), made.statuses, made.paid, made.denied, day)


def oldest_day() -> str:
    """As far back as may be asked."""
    return (date.today() - EARLIER + timedelta(days=1)).isoformat()


def ask(node: Node, **told: Any) -> str:
    """Submit as Maria; the lookup's id."""
    told = {"kind": "eligibility", "portal": "harborline", "location": "phoenix"} | told
    with node.portunus.unit(node.maria()) as work:
        return lookups.submit(work, node.portunus.vault, lookups.parsed(told)).id


def turn(node: Node) -> list[str]:
    """What the Celery task does: sweep, take the turn of each login; the attempts that wait for a host now."""
    with node.portunus.unit(lookups.HOLDER) as work:
        for account_id in lookups.sweep(work):
            lookups.take_turn(work, account_id)
    with node.portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(LoginAttempt.id).where(LoginAttempt.state == "reserved")))


def state(node: Node, lookup_id: str) -> showing.Shown:
    with node.portunus.reading(system("test")) as work:
        return showing.shown(work, work.db.get_one(Lookup, lookup_id))


def result(node: Node, lookup_id: str) -> dict[str, Any]:
    with node.portunus.unit(node.maria()) as work:
        found = lookups.result_of(work, node.portunus.vault, work.db.get_one(Lookup, lookup_id))
        assert found is not None
        return found


async def work_off(node: Node, *ids: str) -> list[showing.Shown]:
    """Let the host work until these have ended (or wait for a person); how each stands then."""
    assert node.host is not None
    end = asyncio.get_running_loop().time() + ENDS_S
    while True:
        for attempt_id in await asyncio.to_thread(turn, node):
            node.host.run_attempt(attempt_id)
        now = [await asyncio.to_thread(state, node, one) for one in ids]
        if all(
            one.state not in ("queued", "running", "waiting_session", "waiting_code") or one.next_try_at for one in now
        ):
            return now
        assert asyncio.get_running_loop().time() < end, [(one.state, one.words) for one in now]
        await asyncio.sleep(0.2)


async def until(node: Node, lookup_id: str, wanted: str) -> None:
    """Wait until the lookup shows this state."""
    assert node.host is not None
    end = asyncio.get_running_loop().time() + ENDS_S
    while (now := await asyncio.to_thread(state, node, lookup_id)).state != wanted:
        assert asyncio.get_running_loop().time() < end, (now.state, now.words)
        for attempt_id in await asyncio.to_thread(turn, node):
            node.host.run_attempt(attempt_id)
        await asyncio.sleep(0.1)


def open_as_maria(node: Node) -> tuple[str, PortalSession]:
    """She opens the portal of the lookups' session."""
    with node.portunus.unit(node.maria()) as work:
        session = work.db.scalars(select(PortalSession).where(PortalSession.state == "ready")).one()
        lease = tabs.open_tab(work, session.account_id, session.location_id, "claim follow-up")
        assert lease.granted_at is not None
        return lease.id, session


def kept_page(node: Node, lookup_id: str) -> str | None:
    """Id of the page that was kept when a script did not know it."""
    with node.portunus.reading(system("test")) as work:
        return work.db.get_one(Lookup, lookup_id).error_evidence


def reported_pages(node: Node, verb: str) -> list[str]:
    """Ids of the pages that reports of failed runs brought along, for the script's author."""
    with node.portunus.reading(system("test")) as work:
        rows = select(ScriptRun.evidence).where(ScriptRun.verb == verb, ScriptRun.evidence.is_not(None))
        return [str(one) for one in work.db.scalars(rows)]


def page_kept_as(node: Node, evidence_id: str) -> dict[str, Any]:
    """What is kept of that page."""
    with node.portunus.unit(node.maria()) as work:
        organization = work.db.scalars(select(Lookup.organization_id).limit(1)).one()
        sealed = node.portunus.blobs.read(f"evidence/{evidence_id}")
        found: dict[str, Any] = json.loads(
            node.portunus.vault.unseal(work, organization, ("evidence", evidence_id), sealed)
        )
        return found


def failure_seen(node: Node, lookup_id: str) -> list[str]:
    """The words on the page that a failure rests on."""
    with node.portunus.unit(node.maria()) as work:
        row = work.db.get_one(Lookup, lookup_id)
        return [one.raw_text for one in proof.of_failure(work, node.portunus.vault, row)]


def released_and_retried(node: Node, lookup_id: str) -> None:
    """The login is unlocked with the carrier, released here, and the lookup goes on."""
    with node.portunus.unit(system("test")) as work:
        for account in work.db.scalars(select(PortalAccount)):
            if account.status != "active":
                directory.release_account(work, account, "unlocked with the carrier")
    with node.portunus.unit(node.maria()) as work:
        lookups.again(work, lookup_id)
