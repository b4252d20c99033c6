"""A code that somebody mistypes at the code desk: she looks again, and the same sign-in goes on at the portal."""

import asyncio

from sqlalchemy import select

from broker.base.actor import system
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.directory.models import MfaMethod
from tests.waiting import until
from tests.workers.browser.conftest import LOGIN, Node
from tests.workers.browser.test_attempt_codes import HARBORLINE

SYSTEM = system("test")


def at_the_desk(node: Node) -> None:
    """Nobody reads the mailbox for Portunus: a person does."""
    with node.portunus.unit(SYSTEM) as work:
        for method in work.db.scalars(select(MfaMethod).where(MfaMethod.channel == "email")):
            method.channel, method.endpoint, method.template = "desk", None, {"pattern": r"\d{6}"}


def waiting(node: Node) -> list[str]:
    with node.portunus.reading(SYSTEM) as work:
        return list(work.db.scalars(select(CodeRequest.id).where(CodeRequest.state == "waiting")))


def states(node: Node) -> list[str]:
    with node.portunus.reading(SYSTEM) as work:
        return list(work.db.scalars(select(CodeRequest.state).order_by(CodeRequest.id)))


def give(node: Node, request: str, code: str) -> None:
    with node.portunus.unit(node.maria()) as work:
        codes.give(work, node.portunus.vault, request, code)


def wrong(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 1_000_000:06d}"


async def hand_in(node: Node, seen: set[str], value) -> None:
    """Give a code for the request that waits now and did not wait before."""
    await asyncio.to_thread(until, lambda: bool(set(waiting(node)) - seen))
    (request,) = set(await asyncio.to_thread(waiting, node)) - seen
    seen.add(request)
    code = await asyncio.to_thread(node.lab.last_code, "harborline-1")
    await asyncio.to_thread(give, node, request, value(code))


def test_the_right_code_after_a_mistyped_one_opens_the_portal_in_the_same_sign_in(node: Node) -> None:
    at_the_desk(node)

    async def test() -> None:
        seen: set[str] = set()

        async def desk() -> None:
            await hand_in(node, seen, wrong)
            await hand_in(node, seen, lambda code: code)

        (session, outcome), _ = await asyncio.gather(node.open(), desk())
        assert (outcome, session.state) == ("signed_in", "ready")
        assert await asyncio.to_thread(states, node) == ["rejected", "accepted"]
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["password_submits"], counted["codes_sent"]) == (1, 1)
        assert (counted["code_submits"], counted["wrong_codes"], counted["overlapping_logins"]) == (2, 1, 0)

    node.run(test)


def test_two_mistyped_codes_end_the_sign_in_before_the_carrier_locks_it(node: Node) -> None:
    at_the_desk(node)

    async def test() -> None:
        seen: set[str] = set()

        async def desk() -> None:
            await hand_in(node, seen, wrong)
            await hand_in(node, seen, lambda code: wrong(code, 2))

        (session, outcome), _ = await asyncio.gather(node.open(), desk())
        assert (outcome, session.state) == ("wrong_code", "ended")
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["code_submits"], counted["wrong_codes"], counted["locks"]) == (2, 2, 0)
        assert node.account_status() == "active"

    node.run(test)
