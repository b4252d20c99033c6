"""A sign-in at a simulated carrier through the shipped script: opened, or ended with the outcome a person understands."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from tests.workers.browser.conftest import Node

HARBORLINE = "harborline"
LOGIN = "saguaro.phoenix"
PARTS = {
    "browserhost": {
        Act.ATTEMPT_CLAIMED,
        Act.LOGIN_SUBMITTED,
        Act.SECRET_RELEASED,
        Act.CODE_RELEASED,
        Act.CODE_TYPED,
        Act.CODE_ANSWERED,
        Act.ATTEMPT_ENDED,
        Act.SESSION_PROVED,
        Act.TAB_GRANTED,
    },
    "mailwatch": {Act.SECRET_RELEASED, Act.CODE_ARRIVED, Act.CODE_MATCHED},
}
"""What the host and the mail watcher leave of one sign-in with a mailed code."""


def test_a_mailed_code_opens_the_tab_with_one_login(node: Node) -> None:
    async def test() -> None:
        session, outcome = await node.open()
        assert (outcome, session.state) == ("signed_in", "ready")
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert counted["logins"] == counted["password_submits"] == counted["codes_accepted"] == 1
        assert counted["overlapping_logins"] == counted["wasted_tries"] == counted["wrong_codes"] == 0
        assert counted["sessions_now"] == 1

    node.run(test)


def test_each_step_of_a_sign_in_is_on_record_under_the_part_that_did_it(node: Node) -> None:
    node.run(node.open)
    with node.portunus.reading(system("test")) as work:
        entries = work.db.execute(select(AuditEntry.actor_kind, AuditEntry.actor_id, AuditEntry.act)).tuples().all()
    by = {part: {act for kind, actor, act in entries if (kind, actor) == ("system", part)} for part in PARTS}
    assert {part: acts - by[part] for part, acts in PARTS.items()} == {part: set() for part in PARTS}


def test_a_hint_delivered_three_times_is_one_login(node: Node) -> None:
    async def test() -> None:
        _, attempt_id = await asyncio.to_thread(node.reserve, LOGIN, "phoenix")
        assert node.host is not None
        for _ in range(3):
            node.host.run_attempt(attempt_id)
        await node.host._attempts[attempt_id]
        node.host.run_attempt(attempt_id)
        await node.host._attempts[attempt_id]
        _, outcome = await asyncio.to_thread(node.ended, attempt_id)
        assert outcome == "signed_in"
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["password_submits"], counted["overlapping_logins"]) == (1, 0)

    node.run(test)


@pytest.mark.parametrize(
    ("fault", "args", "outcome", "submits"),
    [
        ("maintenance", {"status": 200}, "down", 0),
        ("captcha", {}, "captcha", 0),
        pytest.param("lock", {}, "locked", 1, marks=pytest.mark.wastes),
    ],
)
def test_trouble_ends_with_its_outcome(
    node: Node, fault: str, args: dict[str, Any], outcome: str, submits: int
) -> None:
    """One of each kind, quickly; all of them at every carrier: test_every_carrier.py."""
    node.lab.fault(HARBORLINE, fault, **args)

    async def test() -> None:
        session, ended = await node.open()
        assert (ended, session.state) == (outcome, "ended")
        assert session.words
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE)
        assert (counted["password_submits"], counted["lookalike_posts"], counted["overlapping_logins"]) == (
            submits,
            0,
            0,
        )
        assert node.host is not None
        assert node.host.node.egress.doors() == []

    node.run(test)
