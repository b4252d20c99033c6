"""Hostile scripts against the real facade and desk on a page of a portal: no secret is read back, nothing read is left behind."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Page, Route, async_playwright

from broker.base.settings import Settings
from broker.tabs.service import Claim, Practice
from carrier_scripts.kit import selectors
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.process import digest_of
from carrier_scripts.registry import Script
from tests.fakes.clock import ManualClock
from tests.fakes.signals import MemorySignals
from tests.hostile.facing import ANSWER, CODE, FACING, HEAD, PASSWORD, PRACTICE, READ, SIBLING, Facing
from workers.browser import desk as desks
from workers.browser import fields
from workers.browser.attempt import run_verb
from workers.browser.egress import Door
from workers.browser.facade import Facade
from workers.browser.find import find
from workers.browser.limit import Limit
from workers.browser.live import LiveSession
from workers.browser.ownworld import OwnWorld
from workers.browser.scriptrun import Done, ScriptProcesses
from workers.browser.scriptstore import Loaded

pytestmark = pytest.mark.browser
HOST = "portal.example"
HOME = f"""<title>Harbor</title><p id=harmless>Welcome</p><p id=member>{READ}</p><p id=practice>{SIBLING}</p>
<p id=hidden hidden>{PRACTICE}</p>
<form onsubmit="return false"><table><tr><td>User</td><td><input id=user></td></tr>
<tr><td>Password</td><td><input id=password type=password></td></tr></table><button id=go>Go</button>
<button id=show type=button onclick="password.type = 'text'">Show</button></form>
<button id=mirror onclick="mirrored.textContent = password.value">Mirror</button><p id=mirrored>nothing</p>
<label for=memo>Memo <input id=code></label><input id=memo><input id=search type=search>
<p id=question>Your school?</p><div id=note contenteditable>note</div>"""
OURS = f"<p id=practice>{PRACTICE}</p><a id=theirs href=/>the other office</a>"
LIMIT_S = 100.0


def practice(name: str) -> Practice:
    return Practice(f"loc_{name}", name, (name,), (), "", "")


def script_of(facing: Facing) -> Script:
    body = "".join(f"        {line}\n" for line in [*facing.body.splitlines(), "return Outcome.LOCKED"])
    sources: Any = [{"module": "carrier_scripts.portals.hostile", "text": HEAD + body}]
    return Script("hostile", sources, digest_of(sources))


@dataclass
class After:
    """What a run has left."""

    done: Done
    steps: list[dict[str, Any]]
    held: list[str]
    """What stands in the fields of the page."""
    asked: list[str] = field(default_factory=list)
    """Hosts the browser has asked for something."""


async def hostile_run(facing: Facing) -> After:
    script = script_of(facing)
    asked: list[str] = []

    async def serve(route: Route) -> None:
        url = route.request.url
        asked.append(url.split("/")[2])
        if url.startswith(f"https://{HOST}/"):
            await route.fulfill(content_type="text/html", body=OURS if url.endswith("/ours") else HOME)
        else:
            await route.abort()

    @contextmanager
    def unit(actor: Any) -> Iterator[None]:
        yield None

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
        context = await browser.new_context()
        await context.route("**/*", serve)
        page = await context.new_page()
        await page.goto(f"https://{HOST}/")
        claim = Claim(
            "att", "ses", "org", "acc", "loc", "login", 1, "hostile", f"https://{HOST}/", (HOST,), {}, "UTC",
            wanted=practice(PRACTICE), sign_in_hosts=(HOST,), others=(practice(SIBLING),),
        )  # fmt: skip
        shard: Any = SimpleNamespace(died=asyncio.Event(), dead=False, crashed=never)
        door = Door("ses", "acc", 1, (HOST,), lambda host: None)
        live = LiveSession(claim, context, door, shard)
        live.script = Loaded(script, f"https://{HOST}/", f"https://{HOST}/", frozenset({HOST}), (), ())
        live.adopt(page)
        scripts = ScriptProcesses("nobody")
        portunus = SimpleNamespace(unit=unit, vault=None, clock=ManualClock(), signals=MemorySignals())
        node: Any = SimpleNamespace(portunus=portunus, scripts=scripts, look_due=lambda claim, page: False)
        try:
            done = await run_verb(node, live, "sign_in", limit_s=LIMIT_S)
            return After(done, live.trace.steps, await held(page), asked)
        finally:
            await scripts.stop()
            await browser.close()


async def never() -> bool:
    return False


async def held(page: Page) -> list[str]:
    script = "[...document.querySelectorAll('input, [contenteditable], #mirrored')].map((one) => one.value || one.innerText || '')"
    return list(await page.evaluate(script))


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that gives every secret out at once, to these scripts: what keeps them are the facade and the desk."""
    now = ManualClock().now()
    tabs = SimpleNamespace(
        username=lambda *_: "mira",
        submit=lambda *_: "req",
        release_password=lambda *_: PASSWORD,
        release_answer=lambda *_: ANSWER,
        progress=lambda *_: None,
    )
    codes = SimpleNamespace(
        waiting=lambda *_: None,
        typed=lambda *_: None,
        deadline=lambda *_: now + timedelta(minutes=3),
        take=lambda *_: SimpleNamespace(code=CODE, wait_s=0),
    )
    monkeypatch.setattr(desks, "tabs", tabs)
    monkeypatch.setattr(desks, "codes", codes)
    monkeypatch.setattr(fields, "FIELD_MS", 400)
    monkeypatch.setattr(fields, "LEFT_MS", 100)


@pytest.mark.parametrize("facing", FACING, ids=lambda facing: f"{facing.group}-{facing.name}")
def test_it_gets_nothing_and_leaves_nothing(facing: Facing) -> None:
    after = asyncio.run(hostile_run(facing))
    assert after.done.outcome is facing.ends, str(after.done)
    kept = f"{after.done} {after.steps}"
    for word in (PASSWORD, ANSWER, CODE, "Garcia", "W1000042"):
        assert word not in kept
    assert not any(secret in one for one in after.held for secret in (PASSWORD, ANSWER, CODE))
    assert set(after.asked) == {HOST}


@pytest.mark.parametrize("facing", [one for one in FACING if one.guarded], ids=lambda facing: facing.name)
def test_the_same_attack_works_where_nobody_guards_names_and_fields(
    facing: Facing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corpus can fail: what stops it above is what is taken away here."""

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(selectors, "NAMED", selectors.NAMED | {"row", "cell"})
    monkeypatch.setattr(Facade, "check_names", nothing)
    monkeypatch.setattr(fields, "let_go", nothing)
    monkeypatch.setattr(fields, "check_kind", nothing)
    monkeypatch.setattr(OwnWorld, "hold", nothing)  # it types into inputs alone
    monkeypatch.setattr("workers.browser.attempt._proved", lambda done, desk: done)
    assert asyncio.run(hostile_run(facing)).done.outcome is Outcome.SIGNED_IN


def test_bytes_that_nobody_approved_are_not_run() -> None:
    """One letter changed: the process compiles only what has the digest it was told."""
    approved = script_of(FACING[0])
    changed: Any = [approved.sources[0] | {"text": approved.sources[0]["text"].replace("Hostile", "Hostilf", 1)}]
    asked: list[str] = []

    async def answer(name: str, args: dict[str, Any]) -> None:
        asked.append(name)

    async def within() -> Done:
        scripts = ScriptProcesses("nobody")
        done = await scripts.run(Script("hostile", changed, approved.digest), "sign_in", answer, limit=Limit(20))
        await scripts.stop()
        return done

    done = asyncio.run(within())
    assert (done.outcome, done.at and done.at.kind, asked) == (Outcome.SCRIPT_FAILED, "ValueError", [])


def test_there_are_enough_of_them() -> None:
    assert len(FACING) >= 10
    assert len({facing.name for facing in FACING}) == len(FACING)
    assert {"SB10", "SB11", "SB13", "SB14"} <= {facing.group for facing in FACING}
