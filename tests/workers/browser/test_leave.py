"""The script logs out where a person asked for it, and at portals that lock a login that was only closed."""

import asyncio
import json
from datetime import date

from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.directory import service as directory
from broker.directory.service import Fact
from broker.scripts.models import ScriptRun
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from carrier_scripts.lab import founding
from tests.workers.browser.conftest import Node

PORTAL = "copper_mesa_nv"
LOGIN = founding.accounts_of(PORTAL)[0].username


def wants_a_log_out(node: Node) -> None:
    with node.portunus.unit(system("test")) as work:
        portal = directory.portal_by_key(work, PORTAL)
        directory.record_behaviour(work, portal, "formal_logout_required", Fact(True, "test", date(2026, 11, 21)))


def sign_out(node: Node, session_id: str) -> None:
    with node.portunus.unit(node.maria()) as work:
        lease = work.db.scalars(select(Lease).where(Lease.portal_session_id == session_id)).all()[-1]
        tabs.sign_out(work, lease.id)


def log_outs(node: Node) -> int:
    return int(node.lab.counters(PORTAL, LOGIN).get("signouts", 0))


def test_the_script_logs_out_when_the_session_is_ended(node: Node) -> None:
    wants_a_log_out(node)

    async def test() -> None:
        live = await node.live(LOGIN)
        host = await node.untended()
        await asyncio.to_thread(sign_out, node, live.id)
        await host.end_session(live.id)
        await asyncio.gather(*host._leaving.values())
        assert await asyncio.to_thread(log_outs, node) == 1
        assert host.node.egress.doors() == []

    node.run(test)
    with node.portunus.reading(system("test")) as work:
        entry = work.db.scalars(select(AuditEntry).where(AuditEntry.act == Act.SESSION_LOGGED_OUT)).one()
        assert json.loads(entry.leaf)["outcome"] == "signed_out"
        run = work.db.scalars(select(ScriptRun).order_by(ScriptRun.at.desc())).first()
        assert run is not None
        assert (run.verb, run.outcome, run.verdict) == ("log_out", "signed_out", "worked")


def test_a_new_sign_in_of_the_account_waits_until_the_old_session_is_logged_out(node: Node) -> None:
    wants_a_log_out(node)

    async def test() -> None:
        live = await node.live(LOGIN)
        await node.untended()
        await asyncio.to_thread(sign_out, node, live.id)
        session, outcome = await node.open(LOGIN)
        assert (outcome, session.state) == ("signed_in", "ready")
        assert await asyncio.to_thread(log_outs, node) == 1

    node.run(test)


def test_who_signs_out_is_signed_out_at_the_portal_too(node: Node) -> None:
    async def test() -> None:
        live = await node.live(LOGIN)
        host = await node.untended()
        await asyncio.to_thread(sign_out, node, live.id)
        await host.end_session(live.id)
        await asyncio.gather(*host._leaving.values())
        assert await asyncio.to_thread(log_outs, node) == 1

    node.run(test)


def test_two_looks_at_a_session_that_was_ended_log_it_out_once(node: Node) -> None:
    async def test() -> None:
        live = await node.live(LOGIN)
        host = await node.untended()
        await asyncio.to_thread(sign_out, node, live.id)
        await asyncio.gather(host._tend_one(live), host._tend_one(live), host.end_session(live.id))
        await asyncio.gather(*host._leaving.values())

    node.run(test)
    with node.portunus.reading(system("test")) as work:
        left = select(AuditEntry.leaf).where(AuditEntry.act == Act.SESSION_LOGGED_OUT)
        assert [json.loads(leaf)["outcome"] for leaf in work.db.scalars(left)] == ["signed_out"]


def test_a_session_that_portunus_ends_by_itself_is_only_closed_where_that_is_enough(node: Node) -> None:
    def expire(session_id: str) -> None:
        with node.portunus.unit(system("test")) as work:
            tabs.lost(work, session_id, "other_location", "Signed in for another location.")

    async def test() -> None:
        live = await node.live(LOGIN)
        host = await node.untended()
        await asyncio.to_thread(expire, live.id)
        await host.end_session(live.id)
        assert await asyncio.to_thread(log_outs, node) == 0
        assert host.node.egress.doors() == []

    node.run(test)
