"""Every simulated carrier in trouble before the password, which costs no try, and with a clock that differs."""

import asyncio
from typing import Any

import pytest

from tests.workers.browser.carriers import CASES, NO_NAME, Case, counted, in_trouble, named, release
from tests.workers.browser.conftest import Node

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(100)]

BEFORE: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("error", {"status": 500}, "down"),
    ("maintenance", {"status": 200}, "down"),
    ("reset", {}, "down"),
    ("hang", {}, "down"),
    (NO_NAME, {}, "down"),
    ("expired_certificate", {}, "refused"),
    ("lookalike", {}, "refused"),
    ("skin", {"version": 2}, "unrecognised"),
    ("captcha", {}, "captcha"),
)
CLOCKED = ("northgate", "evergreen_medicaid", "union_summit")
"""Their codes come from an authenticator, so that a clock that differs matters."""


@pytest.mark.parametrize("case", CASES, ids=named)
def test_trouble_before_the_password_costs_no_try(node: Node, case: Case) -> None:
    async def test() -> None:
        for fault, args, outcome in (*BEFORE, *case.before_password):
            with in_trouble(node, case, fault, args):
                session, ended = await node.open(case.login, case.place)
            assert (fault, ended, session.state) == (fault, outcome, "ended")
            assert session.words
            await asyncio.to_thread(release, node, case.login)
        assert (await counted(node, case))["password_submits"] == 0
        assert node.host is not None
        assert node.host.node.egress.doors() == []

    node.run(test)


@pytest.mark.parametrize("key", CLOCKED)
def test_an_authenticators_code_under_a_clock_that_differs_is_tried_once(node: Node, key: str) -> None:
    node.lab.advance(120)
    case = next(one for one in CASES if one.key == key)

    async def test() -> None:
        session, ended = await node.open(case.login, case.place)
        assert (ended, session.state) == ("wrong_code", "ended")
        counts = await counted(node, case)
        assert (counts["code_submits"], counts["wrong_codes"], counts["password_submits"], counts["logins"]) == (
            1,
            1,
            1,
            0,
        )

    node.run(test)
