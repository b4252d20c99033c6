"""Codes at the simulated carriers: by signed text message, by authenticator, never, and too late."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from api.routes import hooks
from broker.base.actor import system
from broker.codes.models import CodeMessage
from broker.directory import service as directory
from broker.directory.models import MfaMethod
from broker.directory.service import Fact
from broker.wiring import Portunus
from tests.waiting import until
from tests.workers.browser.conftest import LOGIN, Node

HARBORLINE = "harborline"


@contextmanager
def sms_hook(portunus: Portunus) -> Iterator[str]:
    """Where the provider posts text messages, on a port of its own; the number's digits follow the address."""
    app = FastAPI()
    app.state.portunus = portunus
    app.include_router(hooks.router)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    socket = server.config.bind_socket()
    running = threading.Thread(target=server.run, args=([socket],))
    running.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}/hooks/sms/"
    finally:
        server.should_exit = True
        running.join(timeout=10)
        socket.close()


def codes_live(node: Node, seconds: int) -> None:
    """The portal's codes are known to live this long, and to come at once."""
    with node.portunus.unit(system("test")) as work:
        for field, value in (("code_ttl_s", seconds), ("delivery_p95_s", 0)):
            fact = Fact(value=value, source="seen at the lab", verified_on=date(2026, 11, 21))
            directory.record_behaviour(work, directory.portal_by_key(work, HARBORLINE), field, fact)


def verdicts(node: Node) -> list[str]:
    with node.portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(CodeMessage.verdict).order_by(CodeMessage.received_at)))


def test_a_signed_text_message_opens_copper_mesa(node: Node) -> None:
    account = node.lab.account("copper_mesa_az-1")

    async def test() -> None:
        session, outcome = await node.open(account.username)
        assert (outcome, session.state) == ("signed_in", "ready")
        counted = await asyncio.to_thread(node.lab.counters, "copper_mesa_az", account.username)
        assert (counted["logins"], counted["codes_accepted"], counted["wrong_codes"]) == (1, 1, 0)
        assert await asyncio.to_thread(verdicts, node) == ["matched"]

    with sms_hook(node.portunus) as address:
        node.lab.send_sms_to(account.address, address + account.address.lstrip("+"))
        node.run(test)


def test_an_authenticators_code_opens_northgate(node: Node) -> None:
    account = node.lab.account("northgate-1")

    async def test() -> None:
        session, outcome = await node.open(account.username)
        assert (outcome, session.state) == ("signed_in", "ready")
        counted = await asyncio.to_thread(node.lab.counters, "northgate", account.username)
        assert (counted["logins"], counted["codes_accepted"], counted["wrong_codes"]) == (1, 1, 0)

    node.run(test)


def test_a_code_that_never_comes_ends_in_words_after_its_life(node: Node) -> None:
    codes_live(node, 1)
    node.lab.fault(HARBORLINE, "code_never")

    async def test() -> None:
        session, outcome = await node.open()
        assert (outcome, session.state) == ("no_code", "ended")
        assert "No code came" in str(session.words)
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["password_submits"], counted["code_submits"], counted["overlapping_logins"]) == (1, 0, 0)
        assert node.account_status() == "active"

    node.run(test)


def test_a_code_that_comes_after_its_life_is_kept_out(node: Node) -> None:
    codes_live(node, 1)
    node.lab.fault(HARBORLINE, "code_late", seconds=60)

    async def test() -> None:
        _, outcome = await node.open()
        assert outcome == "no_code"
        await asyncio.to_thread(node.lab.advance, 60)
        await asyncio.to_thread(until, lambda: "late" in verdicts(node))
        assert "matched" not in await asyncio.to_thread(verdicts, node)
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE, LOGIN)
        assert (counted["code_submits"], counted["wasted_tries"]) == (0, 0)

    node.run(test)


def test_two_sign_ins_that_no_message_tells_apart_take_turns_and_both_get_their_own_code(node: Node) -> None:
    first, second = node.lab.account("harborline-1"), node.lab.account("harborline-2")
    with node.portunus.unit(system("test")) as work:
        for method in work.db.scalars(select(MfaMethod).where(MfaMethod.channel == "email")):
            method.template = {name: value for name, value in method.template.items() if name != "alias"}

    async def test() -> None:
        outcomes = await asyncio.gather(node.open(first.username), node.open(second.username, "tucson"))
        assert [outcome for _, outcome in outcomes] == ["signed_in", "signed_in"]
        counted = await asyncio.to_thread(node.lab.counters, HARBORLINE)
        assert (counted["logins"], counted["codes_accepted"], counted["wrong_codes"]) == (2, 2, 0)

    node.run(test)
