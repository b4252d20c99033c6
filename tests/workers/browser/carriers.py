"""Every simulated carrier as a case: its login, how its codes come, what can stand in the way, and the judge's count."""

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
from broker.codes import service as codes
from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.directory.service import Fact
from broker.tabs.models import PortalSession
from carrier_scripts.lab import founding
from tests.workers.browser.conftest import Node
from tests.workers.browser.test_attempt_codes import sms_hook
from workers.browser import facade

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


def named(case: Case) -> str:
    return case.key


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
    """The portal's codes are known to live this long, and to come at once."""
    with node.portunus.unit(system("test")) as work:
        for field, value in (("code_ttl_s", seconds), ("delivery_p95_s", 0)):
            fact = Fact(value=value, source="seen at the lab", verified_on=date(2026, 11, 21))
            directory.record_behaviour(work, directory.portal_by_key(work, key), field, fact)


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
