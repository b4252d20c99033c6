"""A carrier redesigns its pages: the next look sees it, a mended version goes out to one location first, a bad one comes back."""

import asyncio
import re
from typing import Any

from broker.adapters.script_process import with_facts
from broker.base.actor import Actor, system
from broker.directory import service as directory
from broker.directory.models import Organization
from broker.identity.places import location_by_key
from broker.scripts import service as scripts
from carrier_scripts import registry
from carrier_scripts.kit.process import digest_of
from tests import factories
from tests.conftest import acting
from tests.workers.browser.conftest import Node
from tests.workers.browser.test_canary import HARBORLINE, login_structure, look

OLD = registry.script(HARBORLINE).sources


def people(node: Node) -> tuple[Actor, Actor]:
    """Mira writes, Ana approves."""
    with node.portunus.unit(system("test")) as work:
        place = location_by_key(work, "phoenix")
        org = work.db.get_one(Organization, place.organization_id)
        return (
            acting(factories.user(work, org, "Mira Chen", role="script_maintainer")),
            acting(factories.user(work, org, "Ana Silva", role="admin")),
        )


def version(change: Any) -> tuple[str, list[dict[str, str]]]:
    """The shipped sources with their last file changed."""
    sources = [{"module": one["module"], "text": one["text"]} for one in OLD]
    sources[-1]["text"] = change(sources[-1]["text"])
    return digest_of(sources), sources


def mended(text: str) -> str:
    """Every id has a new name, and a page stands between sign-in and home."""
    text = re.sub(r"#(?=[a-z])", "#v2-", text)
    text = text.replace("between = (Choice(", 'between = (Later(at("/whats-new"), button="text=Show me"), Choice(')
    return text.replace("from carrier_scripts.kit import (", "from carrier_scripts.kit import (\n    Later,")


def broken(text: str) -> str:
    """A slip of the pen in the one sign that proves the sign-in."""
    return mended(text).replace('sees("#v2-signed-in-as")', 'sees("#v2-signed-in-az")')


def send_out(node: Node, change: Any, mira: Actor, ana: Actor) -> str:
    digest, sources = version(change)
    bundle = with_facts(HARBORLINE, digest, sources)
    with node.portunus.unit(mira) as work:
        scripts.submit(work, bundle, "The carrier renamed every id.")
    with node.portunus.unit(ana) as work:
        scripts.approve(work, digest)
        scripts.release(work, digest, canary="phoenix")
    return digest


def standing(node: Node) -> tuple[str, str | None]:
    """What is in force, and the stage (or end) of the newest release."""
    with node.portunus.reading(system("test")) as work:
        portal = directory.portal_by_key(work, HARBORLINE)
        newest = next(iter(scripts.releases(work, portal.id)), None)
        return scripts.in_force(work, portal.id), (newest.end or newest.stage) if newest else None


def test_a_redesign_is_seen_mended_and_released_without_touching_this_machines_files(node: Node) -> None:
    mira, ana = people(node)

    async def test() -> None:
        await look(node)
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "skin", version=2)
        try:
            assert await look(node) == "unrecognised"
            assert (await asyncio.to_thread(login_structure, node))[1]
            digest = await asyncio.to_thread(send_out, node, mended, mira, ana)
            session, outcome = await node.open()
            assert (outcome, session.script_digest) == ("signed_in", digest)
        finally:
            await asyncio.to_thread(node.lab.unfault, HARBORLINE, "skin")

    node.run(test)
    assert standing(node) == (registry.script(HARBORLINE).digest, "canary")


def test_a_bad_version_is_rolled_back_by_its_first_failure(node: Node) -> None:
    mira, ana = people(node)

    async def test() -> None:
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "skin", version=2)
        try:
            await asyncio.to_thread(send_out, node, broken, mira, ana)
            _, outcome = await node.open()
            assert outcome == "unrecognised"
        finally:
            await asyncio.to_thread(node.lab.unfault, HARBORLINE, "skin")

    node.run(test)
    assert standing(node) == (registry.script(HARBORLINE).digest, "rolled_back")
    with node.portunus.unit(mira) as work:
        (failed,) = scripts.failed(work)
        assert failed.evidence is not None
        assert failed.page == "harborline.sim.test/home"
        assert failed.steps[-1]["saw"] == "unrecognised"


def test_a_version_that_is_nowhere_on_this_machine_signs_in_at_its_canary(node: Node) -> None:
    mira, ana = people(node)

    async def test() -> None:
        await asyncio.to_thread(send_out, node, lambda text: text + "\n# unchanged but for this\n", mira, ana)
        session, outcome = await node.open("saguaro.phoenix", "phoenix")
        assert (outcome, session.script_digest != registry.script(HARBORLINE).digest) == ("signed_in", True)

    node.run(test)
    with node.portunus.reading(system("test")) as work:
        portal = directory.portal_by_key(work, HARBORLINE)
        release = scripts.running(work, portal.id)
        assert release is not None
        assert scripts.trial(work, release).worked == 1
