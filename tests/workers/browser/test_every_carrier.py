"""Every simulated carrier through its shipped script and a real browser: in, awake, out, and through each trouble, by the judge's count."""

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.base.errors import Refused
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.directory.service import Fact
from broker.scripts.models import ScriptRun
from broker.tabs.models import PortalSession
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.lab import founding
from tests.workers.browser.conftest import Node
from tests.workers.browser.test_attempt_codes import sms_hook
from workers.browser import desk, facade, keepalive
from workers.browser.leave import leave

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(100)]

LOOK_MS = 6_000
"""How long a page that no script knows is looked at; a sign-in here takes less."""
HANG_MS = 1_500
"""How long a page that never comes is waited for."""
NEVER = ("overlapping_logins", "wasted_tries", "lookalike_posts", "forbidden_hits", "terms_accepted", "fence_headers")


@dataclass(frozen=True)
class Case:
    """A login, and what its carrier has: whether it mails codes, what else may stand in the way after the password."""

    key: str
    mails: bool = True
    texts: bool = False
    calls: bool = False
    """Whether a person calls the carrier's provider line for the code."""
    after_password: tuple[tuple[str, dict[str, Any], str], ...] = ()
    before_password: tuple[tuple[str, dict[str, Any], str], ...] = ()
    place: str = "phoenix"
    twins: bool = False
    """Whether another login of this carrier gets its codes in the same mailbox."""
    offices: bool = True
    """Whether an office is chosen at the carrier, so that it could be another's."""

    @property
    def login(self) -> str:
        return founding.accounts_of(self.key)[0].username


PROFILE = ("profile", {}, "needs_person")
EXPIRED = ("password_age", {"days": 91}, "password_expired")
TERMS = ("terms", {"version": 9}, "terms_changed")
NO_NAME = "no_name"
"""No fault of the lab: the portal's name leads nowhere."""
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
AMONG_OTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("code_twice", {}),
    ("code_decoys", {"count": 3}),
    ("trickle", {"seconds": 0.4}),
)
OF_A_TWIN: tuple[tuple[str, dict[str, Any]], ...] = (("code_foreign", {}),)
CASES = (
    Case("harborline", twins=True, after_password=(TERMS, EXPIRED)),
    Case("copper_mesa_az", mails=False, texts=True, after_password=(PROFILE, EXPIRED)),
    Case("northgate", mails=False, after_password=(("password_age", {"days": 60}, "password_expired"),)),
    Case("copper_mesa_nv", after_password=(PROFILE, EXPIRED)),
    Case("oldfield_guild", mails=False, after_password=(EXPIRED,)),
    Case("evergreen_medicaid", mails=False, after_password=(EXPIRED, ("enrolment", {}, "needs_person"))),
    Case(
        "sentinel_dental",
        mails=False,
        texts=True,
        before_password=(("hints", {}, "captcha"), ("abroad", {}, "needs_person")),
        after_password=(EXPIRED, ("hold", {}, "locked")),
    ),
    Case("tidewater_trust", mails=False, calls=True, after_password=(EXPIRED,)),
    Case("meridian_shared", after_password=(("password_age", {"days": 181}, "password_expired"),)),
    Case(
        "union_summit",
        mails=False,
        after_password=(
            ("password_age", {"days": 181}, "password_expired"),
            ("dormant", {"days": 90}, "locked"),
            ("recovery", {}, "needs_person"),
        ),
    ),
    Case("bluestone_mutual", after_password=(TERMS, ("password_age", {"days": 121}, "password_expired"))),
)
SENT = tuple(case for case in CASES if case.mails or case.texts)
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
UNBELIEVABLE = tuple(
    (case, fault)
    for case in SENT
    for fault in ("code_never", "code_sender", *(("code_unsigned",) if case.mails else ()))
)
CLOCKED = ("northgate", "evergreen_medicaid", "union_summit")
"""Their codes come from an authenticator, so that a clock that differs matters."""


def named(case: Case) -> str:
    return case.key


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page nobody knows is given up after seconds, not after a third of a minute."""
    monkeypatch.setattr(facade, "GOTO_MS", LOOK_MS)


@contextmanager
def in_trouble(node: Node, case: Case, fault: str, args: dict[str, Any]) -> Iterator[None]:
    """The fault is on, and nobody waits longer for what will not come than this test needs."""
    with pytest.MonkeyPatch.context() as patch:
        if fault in ("hang", "skin"):
            patch.setattr(facade, "GOTO_MS", HANG_MS if fault == "hang" else LOOK_MS)
        if fault == NO_NAME:
            patch.setattr(asyncio.get_running_loop(), "getaddrinfo", nobody_knows)
            hosts = node.portunus.settings.resolve
            known = dict(hosts)
            hosts.clear()
        else:
            node.lab.fault(case.key, fault, **args)
        try:
            yield
        finally:
            if fault == NO_NAME:
                hosts.update(known)
            else:
                node.lab.unfault(case.key)


async def nobody_knows(*_: Any, **__: Any) -> Any:
    """DNS when a name is gone."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def release(node: Node, login: str) -> None:
    """What the owner does once the cause is dealt with."""
    with node.portunus.unit(system("test")) as work:
        account = work.db.scalars(select(PortalAccount).where(PortalAccount.username == login)).one()
        if account.status != "active":
            directory.release_account(work, account, "the fault was switched off")


def codes_live(node: Node, key: str, seconds: int) -> None:
    """The portal's codes are known to live this long."""
    with node.portunus.unit(system("test")) as work:
        fact = Fact(value=seconds, source="seen at the lab", verified_on=date(2026, 11, 21))
        directory.record_behaviour(work, directory.portal_by_key(work, key), "code_ttl_s", fact)


async def counted(node: Node, case: Case) -> dict[str, int]:
    """The judge's counts; none of what must never happen may have happened."""
    counts: dict[str, int] = await asyncio.to_thread(node.lab.counters, case.key)
    assert {name: counts[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
    return counts


@contextmanager
def codes_arrive(node: Node, case: Case) -> Iterator[None]:
    """Text messages have a hook to go to; provider lines have somebody who calls."""
    over = threading.Event()
    caller = threading.Thread(target=call_when_asked, args=(node, case, over)) if case.calls else None
    with contextlib.ExitStack() as stack:
        if case.texts:
            phone = founding.accounts_of(case.key)[0].address
            node.lab.send_sms_to(phone, stack.enter_context(sms_hook(node.portunus)) + phone.lstrip("+"))
        if caller:
            caller.start()
        try:
            yield
        finally:
            over.set()
            if caller:
                caller.join(timeout=10)


def call_when_asked(node: Node, case: Case, over: threading.Event) -> None:
    """Reads the reference where whoever waits reads it, calls, and hands in what the agent says, at the code desk."""
    while not over.wait(0.05):
        with node.portunus.reading(node.maria()) as work:
            waiting = [one for one in codes.pending(work) if one.state == "waiting"]
            words = list(work.db.scalars(select(PortalSession.words).where(PortalSession.state == "waiting_code")))
        reference = re.search(r"reference (\d{6})", str(words))
        if not waiting or reference is None:
            continue
        told = node.lab.call(case.key, reference.group(1))
        if told["answered"]:
            with node.portunus.unit(node.maria()) as work:
                codes.give(work, node.portunus.vault, waiting[0].id, told["code"])
            return


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
    monkeypatch.setattr(desk, "FIELD_MS", LOOK_MS)
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
