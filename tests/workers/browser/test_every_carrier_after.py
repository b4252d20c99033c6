"""Every simulated carrier in trouble after the password, which costs one try and never a code."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.codes.models import CodeRequest
from broker.scripts.models import ScriptRun
from tests.workers.browser.carriers import CASES, LOOK_MS, Case, codes_arrive, counted
from tests.workers.browser.conftest import Node
from workers.browser import facade, fields

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(100)]

AFTER = tuple(
    (case, trouble)
    for case in CASES
    for trouble in (
        ("lock", {}, "locked"),
        ("unknown_page", {}, "unrecognised"),
        *((("wrong_practice", {"location": "tucson"}, "wrong_practice"),) if case.offices else ()),
        *case.after_password,
    )
)
ON_THE_WAY = tuple(
    pytest.param(
        CASES[number], fault, path, id=f"{CASES[number].key}-{fault}-{'after' if after else 'on'}_the_code_page"
    )
    for number, fault, path, after in (
        (0, "error", "/signin/verify", False),
        (0, "hang", "/signin/verify", False),
        (0, "reset", "/signin/verify", False),
        (0, "error", "/practice", True),
        (0, "hang", "/practice", True),
        (1, "error", "/Account/Verify", False),
    )
)
"""The portal goes down after the password, or right after the code."""


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page nobody knows is given up after seconds, not after a third of a minute."""
    monkeypatch.setattr(facade, "GOTO_MS", LOOK_MS)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("case", "trouble"),
    [
        pytest.param(
            case, trouble, id=f"{case.key}-{trouble[0]}", marks=[pytest.mark.wastes] if trouble[0] == "lock" else []
        )
        for case, trouble in AFTER
    ],
)
def test_trouble_after_the_password_costs_one(node: Node, case: Case, trouble: tuple[str, dict[str, Any], str]) -> None:
    fault, args, outcome = trouble
    node.lab.fault(case.key, fault, **args)

    async def test() -> None:
        session, ended = await node.open(case.login, case.place)
        assert (ended, session.state) == (outcome, "ended")
        assert session.words
        counts = await asyncio.to_thread(node.lab.counters, case.key)
        submits, wasted = counts["password_submits"], counts["wasted_tries"]
        assert (submits, wasted) == (1, 1 if fault == "lock" else 0)  # a lock nobody could know of is found out once
        assert counts["overlapping_logins"] == counts["terms_accepted"] == 0
        assert node.host is not None
        assert node.host.node.egress.doors() == []

    with codes_arrive(node, case):
        node.run(test)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("case", "fault", "path"), ON_THE_WAY)
def test_a_portal_that_goes_down_after_the_password_is_called_down_and_no_code_accepted(
    node: Node, case: Case, fault: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, "FIELD_MS", LOOK_MS)
    monkeypatch.setattr(facade, "ACT_MS", LOOK_MS)
    node.lab.fault(case.key, fault, path=path)

    async def test() -> None:
        session, ended = await node.open(case.login, case.place)
        assert (ended, session.state) == ("down", "ended")
        counts = await counted(node, case)
        assert (counts["password_submits"], counts["wrong_codes"]) == (1, 0)
        assert await asyncio.to_thread(answers, node) == (["released"] if path == "/practice" else ["withdrawn"])
        assert await asyncio.to_thread(blamed, node) == []

    try:
        with codes_arrive(node, case):
            node.run(test)
    finally:
        node.lab.unfault(case.key)


def answers(node: Node) -> list[str]:
    """What became of each code that was asked for; `released`: typed, and the portal did not say."""
    with node.portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(CodeRequest.state)))


def blamed(node: Node) -> list[str]:
    """Outcomes that count against a script."""
    with node.portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(ScriptRun.outcome).where(ScriptRun.verdict == "failed")))
