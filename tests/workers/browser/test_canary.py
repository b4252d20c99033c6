"""Looks at sign-in pages: nobody signs in, a changed page is seen, a portal that is down is not called changed."""

import asyncio
import json

from sqlalchemy import select

from broker.base.actor import system
from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.scripts import service as scripts
from broker.scripts.models import PortalWatch, ScriptRun
from carrier_scripts.lab import founding
from tests.workers.browser.conftest import LOGIN, Node
from workers.browser import canary, evidence

HARBORLINE = "harborline"
OF_FRAMES = "oldfield_guild"


def make_due(node: Node, key: str = HARBORLINE) -> None:
    """This portal's turn; the others' is far off."""
    with node.portunus.unit(system("test")) as work:
        scripts.take_due(work)
        portal = directory.portal_by_key(work, key)
        for row in work.db.scalars(select(PortalWatch)):
            if row.portal_id == portal.id:
                row.next_look_at = work.clock.now()


def runs(node: Node) -> list[tuple[str, str, str]]:
    with node.portunus.reading(system("test")) as work:
        return [
            (row.verb, row.outcome, row.verdict) for row in work.db.scalars(select(ScriptRun).order_by(ScriptRun.at))
        ]


def login_structure(node: Node) -> tuple[int, bool]:
    with node.portunus.reading(system("test")) as work:
        (row,) = [one for one in scripts.structures(work) if one.page == "login"]
        return row.likeness, row.drifted_at is not None


async def look(node: Node, key: str = HARBORLINE) -> str | None:
    await asyncio.to_thread(make_due, node, key)
    assert node.host is not None
    return await canary.look_at_next(node.host.node)


def test_a_look_knows_the_sign_in_page_and_types_nothing(node: Node) -> None:
    async def test() -> None:
        assert await look(node) == "signed_out"
        assert await canary.look_at_next(node.host.node) is None
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE)
        assert (counted["password_submits"], counted["codes_sent"]) == (0, 0)
        assert node.host.node.egress.doors() == []

    node.run(test)
    assert runs(node) == [("look", "signed_out", "worked")]
    assert login_structure(node) == (100, False)


def test_a_sign_in_page_in_new_clothes_is_drift_and_a_failed_look(node: Node) -> None:
    async def test() -> None:
        await look(node)
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "skin", version=2)
        try:
            await look(node)
        finally:
            await asyncio.to_thread(node.lab.unfault, HARBORLINE, "skin")

    node.run(test)
    assert runs(node)[-1] == ("look", "unrecognised", "failed")
    assert login_structure(node)[1]


def test_a_sign_in_page_made_of_frames_in_new_clothes_is_drift(node: Node) -> None:
    async def test() -> None:
        await look(node, OF_FRAMES)
        await look(node, OF_FRAMES)
        assert await asyncio.to_thread(login_structure, node) == (100, False)
        await asyncio.to_thread(node.lab.fault, OF_FRAMES, "skin", version=2)
        try:
            await look(node, OF_FRAMES)
        finally:
            await asyncio.to_thread(node.lab.unfault, OF_FRAMES, "skin")

    node.run(test)
    assert runs(node)[-1] == ("look", "unrecognised", "failed")
    assert login_structure(node)[1]


def test_the_evidence_of_a_page_made_of_frames_has_words_structure_and_picture(node: Node) -> None:
    kept: list[str | None] = []

    async def test() -> None:
        live = await node.live(founding.accounts_of(OF_FRAMES)[0].username)
        kept.append(await evidence.keep_evidence(node.host.node, live))

    node.run(test)
    with node.portunus.unit(system("test")) as work:
        organization = work.db.scalars(select(PortalAccount.organization_id).limit(1)).one()
        sealed = node.portunus.blobs.read(f"evidence/{kept[0]}")
        told = json.loads(node.portunus.vault.unseal(work, organization, ("evidence", str(kept[0])), sealed))
    assert {"frame[name=top]", "frame[name=menu]"} <= set(told["outline"])
    assert any(one.startswith("top > ") for one in told["outline"])
    assert told["text"].strip()
    assert told["png"]


def test_a_portal_that_is_down_is_no_fault_of_its_script(node: Node) -> None:
    async def test() -> None:
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "maintenance")
        try:
            assert await look(node) == "down"
        finally:
            await asyncio.to_thread(node.lab.unfault, HARBORLINE, "maintenance")

    node.run(test)
    assert runs(node) == [("look", "down", "neither")]


def test_a_sign_in_leaves_its_run_and_the_structure_of_both_key_pages(node: Node) -> None:
    async def test() -> None:
        await node.live(LOGIN)

    node.run(test)
    assert runs(node) == [("sign_in", "signed_in", "worked")]
    with node.portunus.reading(system("test")) as work:
        assert {row.page for row in scripts.structures(work)} == {"login", "home"}
        (row,) = work.db.scalars(select(ScriptRun))
        told = [step["do"] for step in row.steps][:5]
        assert told == ["overlay", "goto", "recognise", "type_username", "type_secret"]
        assert "Saguaro" not in str(row.steps)
