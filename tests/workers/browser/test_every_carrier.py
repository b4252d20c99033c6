"""Every simulated carrier through its shipped script and a real browser: in, awake and out, by the judge's count."""

import asyncio
import re
import threading
from typing import Any

import pytest
from sqlalchemy import select

from broker.base.errors import Refused
from broker.tabs.models import PortalSession
from carrier_scripts.kit.outcomes import Outcome
from tests.workers.browser.carriers import CASES, SENT, Case, codes_arrive, codes_live, counted, named
from tests.workers.browser.conftest import Node
from workers.browser import keepalive
from workers.browser.leave import leave

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(100)]

AMONG_OTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("code_twice", {}),
    ("code_decoys", {"count": 3}),
    ("trickle", {"seconds": 0.4}),
)
OF_A_TWIN: tuple[tuple[str, dict[str, Any]], ...] = (("code_foreign", {}),)
UNBELIEVABLE = tuple(
    (case, fault)
    for case in SENT
    for fault in ("code_never", "code_sender", *(("code_unsigned",) if case.mails else ()))
)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_in_awake_and_out(node: Node, case: Case) -> None:
    """Where no code has to come, every page comes a little at a time meanwhile (the others: see a code among others)."""
    if case not in SENT:
        node.lab.fault(case.key, "trickle", seconds=0.2)

    async def test() -> None:
        live = await node.live(case.login, case.place)
        host = await node.untended()
        assert await keepalive.look(host.node, live) is Outcome.SIGNED_IN
        counts = await counted(node, case)
        assert (counts["password_submits"], counts["logins"], counts["sessions_now"]) == (1, 1, 1)
        assert counts["wrong_codes"] == counts["wrong_passwords"] == 0
        assert (await leave(host.node, live)).value == "signed_out"
        counts = await counted(node, case)
        assert (counts["signouts"], counts["sessions_now"]) == (1, 0)

    with codes_arrive(node, case):
        node.run(test)


def test_a_carrier_that_forbids_programs_is_never_visited(node: Node) -> None:
    account = node.lab.account("pelican_federal-1")
    with pytest.raises(Refused) as refused:
        node.reserve(account.username, "phoenix")
    assert refused.value.code == "automation-policy"
    counts = node.lab.counters("pelican_federal")
    assert {name: counts[name] for name in ("pages", "forms_posted", "password_submits")} == {
        "pages": 0,
        "forms_posted": 0,
        "password_submits": 0,
    }


def test_a_number_chosen_on_the_telephone_opens_meridian(node: Node) -> None:
    login, over = "lead@saguaro.test", threading.Event()

    def choose_when_asked() -> None:
        while not over.wait(0.05):
            with node.portunus.reading(node.maria()) as work:
                words = list(work.db.scalars(select(PortalSession.words).where(PortalSession.state == "waiting_code")))
            number = re.search(r"choose (\d+)", str(words))
            if number and node.lab.approve("meridian_shared", number.group(1)):
                return

    async def test() -> None:
        await node.live(login)
        counts = await asyncio.to_thread(node.lab.counters, "meridian_shared", login)
        assert (counts["logins"], counts["codes_accepted"], counts["overlapping_logins"]) == (1, 1, 0)

    owner = threading.Thread(target=choose_when_asked)
    owner.start()
    try:
        node.run(test)
    finally:
        over.set()
        owner.join(timeout=10)


@pytest.mark.parametrize("case", SENT, ids=named)
def test_a_code_among_others_is_found(node: Node, case: Case) -> None:
    """Twice the same mail, advertising with numbers, another login's code, and all of it a little at a time."""
    for fault, args in (*AMONG_OTHERS, *(OF_A_TWIN if case.twins else ())):
        node.lab.fault(case.key, fault, **args)

    async def test() -> None:
        await node.live(case.login, case.place)
        counts = await counted(node, case)
        assert (counts["logins"], counts["codes_accepted"], counts["wrong_codes"]) == (1, 1, 0)

    with codes_arrive(node, case):
        node.run(test)


@pytest.mark.parametrize(
    ("case", "fault"),
    [pytest.param(case, fault, id=f"{case.key}-{fault}") for case, fault in UNBELIEVABLE],
)
def test_a_code_that_cannot_be_believed_is_not_typed(node: Node, case: Case, fault: str) -> None:
    codes_live(node, case.key, 2)
    node.lab.fault(case.key, fault, **({"sender": "+16025550199"} if fault == "code_sender" and case.texts else {}))

    async def test() -> None:
        session, ended = await node.open(case.login, case.place)
        assert (ended, session.state) == ("no_code", "ended")
        counts = await counted(node, case)
        assert (counts["password_submits"], counts["code_submits"]) == (1, 0)

    with codes_arrive(node, case):
        node.run(test)
