"""A browser that dies in mid sign-in: said at once and in plain words, no code taken for it, no script blamed."""

import asyncio
import os
import signal

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.codes.models import CodeRequest
from broker.scripts.models import ScriptRun
from tests.waiting import until
from tests.workers.browser.conftest import LOGIN, Node
from tests.workers.browser.test_attempt_codes import verdicts

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]
HARBORLINE = "harborline"


def request_of(node: Node) -> CodeRequest | None:
    with node.portunus.reading(system("test")) as work:
        return work.db.scalar(select(CodeRequest))


def waits_for_code(node: Node) -> bool:
    asked = request_of(node)
    return asked is not None and asked.state == "waiting"


def verdicts_on_scripts(node: Node) -> list[str]:
    with node.portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(ScriptRun.verdict)))


def kill_the_browser(node: Node) -> None:
    assert node.host is not None
    (pid,) = (shard.pid for shard in node.host._pool._shards if shard.contexts)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def says_so(node: Node, opening: "asyncio.Task[tuple[object, str]]", session_id: str) -> None:
    """The sign-in ends with the crash, long before anything it waited for would have been given up."""
    async with asyncio.timeout(10):
        _, outcome = await opening
    session = await asyncio.to_thread(node.session, session_id)
    assert (outcome, session.state, session.end_reason) == ("browser_crashed", "ended", "browser_crashed")
    assert session.words == "The browser crashed. Open it again."
    assert await asyncio.to_thread(node.account_status) == "active"
    assert "failed" not in await asyncio.to_thread(verdicts_on_scripts, node)
    assert node.host is not None
    assert node.host.node.egress.doors() == []


async def opening(node: Node) -> "tuple[asyncio.Task[tuple[object, str]], str]":
    """A sign-in that goes on, and its session."""
    _, attempt_id = await asyncio.to_thread(node.reserve, LOGIN, "phoenix")
    session, _ = await asyncio.to_thread(node.ended, attempt_id)

    async def see_through() -> tuple[object, str]:
        assert node.host is not None
        node.host.run_attempt(attempt_id)
        await node.host._attempts[attempt_id]
        return await asyncio.to_thread(node.ended, attempt_id)

    return asyncio.create_task(see_through()), session.id


def test_before_the_password_it_costs_no_try(node: Node) -> None:
    node.lab.fault(HARBORLINE, "hang", path="/signin")

    async def test() -> None:
        under_way, session_id = await opening(node)
        await asyncio.to_thread(until, lambda: node.lab.counters(HARBORLINE)["pages"] > 0)
        kill_the_browser(node)
        await says_so(node, under_way, session_id)
        assert await asyncio.to_thread(request_of, node) is None
        assert (await asyncio.to_thread(node.lab.counters, HARBORLINE))["password_submits"] == 0

    node.run(test)


def test_while_the_code_is_waited_for_none_is_taken(node: Node) -> None:
    node.lab.fault(HARBORLINE, "code_late", seconds=60)

    async def test() -> None:
        under_way, session_id = await opening(node)
        await asyncio.to_thread(until, lambda: waits_for_code(node))
        kill_the_browser(node)
        await says_so(node, under_way, session_id)
        await asyncio.to_thread(node.lab.advance, 60)
        await asyncio.to_thread(until, lambda: "late" in verdicts(node))
        assert "matched" not in await asyncio.to_thread(verdicts, node)
        asked = await asyncio.to_thread(request_of, node)
        assert asked is not None
        assert (asked.state, asked.released_to, asked.sent) == ("withdrawn", None, 1)
        assert (await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN))["code_submits"] == 0

    node.run(test)


def test_after_the_code_was_typed_nobody_says_that_it_was_accepted(node: Node) -> None:
    node.lab.fault(HARBORLINE, "code_late", seconds=60)

    async def test() -> None:
        under_way, session_id = await opening(node)
        await asyncio.to_thread(until, lambda: waits_for_code(node))
        await asyncio.to_thread(node.lab.fault, HARBORLINE, "hang", path="/signin/verify")
        await asyncio.to_thread(node.lab.advance, 60)
        await asyncio.to_thread(until, lambda: getattr(request_of(node), "typed_at", None) is not None)
        kill_the_browser(node)
        await says_so(node, under_way, session_id)
        asked = await asyncio.to_thread(request_of, node)
        assert asked is not None
        assert asked.state == "released"

    node.run(test)
