"""A text from the editor runs for its author while she watches: in steps, masked, guarded, once at a time, and only as long as she is there."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import WebSocket
from PIL import Image

from broker.adapters.script_process import digest_of
from broker.adapters.socket_browserhost import SocketBrowserHost
from broker.base.errors import Conflict
from broker.base.settings import Settings
from carrier_scripts import registry
from carrier_scripts.lab import founding
from tests.labs import RunningLab, running_lab
from tests.tryouts import serving_try_outs
from tests.waiting import until
from workers.tryout import served
from workers.tryout.served import Asked, TryOuts

KEY = "harborline"
ACCOUNT = founding.accounts_of(KEY)[0]
LIMIT_S = 90
MASK = (138, 148, 158)
"""What Playwright covers a field with."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def host(lab: RunningLab, tmp_path: Path) -> Iterator[SocketBrowserHost]:
    lab.reset()
    chosen = Settings(data_dir=tmp_path, resolve=lab.resolve, trusted_spki=[lab.spki])
    with serving_try_outs(chosen, tmp_path / "host.sock") as running:
        yield running


def asked(**more: Any) -> dict[str, Any]:
    exact = registry.script(KEY)
    facts: dict[str, Any] = {
        "who": "usr_mira", "key": KEY, "digest": exact.digest, "sources": [dict(one) for one in exact.sources],
        "hosts": sorted(registry.portal(KEY).hosts), "sign_in_hosts": sorted(registry.portal(KEY).hosts), "username": ACCOUNT.username, "password": ACCOUNT.password,
        "practice": founding.location("phoenix").legal_name, "method": "", "step": False, "by_hand": False,
        "behaviour": {"login_failure_limit": 3},
    }  # fmt: skip
    return facts | more


def broken() -> dict[str, Any]:
    """With a text that looks for a button which is not there."""
    sources = [dict(one) for one in registry.script(KEY).sources]
    sources[-1]["text"] = sources[-1]["text"].replace("#signin-button", "#sign-in-button")
    return asked(sources=sources, digest=digest_of(sources))


async def events(pipe: Any) -> AsyncIterator[Any]:
    """What comes, pictures as they are."""
    async for message in pipe:
        yield message if isinstance(message, bytes) else json.loads(message)


async def code_of(lab: RunningLab) -> str:
    for _ in range(600):
        codes = [one["code"] for one in await asyncio.to_thread(lab.outbox) if one["account"] == ACCOUNT.username]
        if codes and codes[-1]:
            return str(codes[-1])
        await asyncio.sleep(0.05)
    raise AssertionError("no code was sent")


def watched(host: SocketBrowserHost, lab: RunningLab, said: dict[str, Any]) -> list[Any]:
    """The whole run; at each pause she goes one step on, and types the code that came."""

    async def watch() -> list[Any]:
        seen = []
        async with asyncio.timeout(LIMIT_S), host.watch_try_out(host.try_out(said), said["who"]) as pipe:
            async for event in events(pipe):
                seen.append(event)
                if not isinstance(event, bytes) and event["e"] == "paused":
                    await pipe.send(json.dumps({"t": "next"}))
                if not isinstance(event, bytes) and event["e"] == "ask":
                    await pipe.send(json.dumps({"t": "answer", "words": await code_of(lab)}))
        return seen

    return asyncio.run(watch())


def named(seen: list[Any], event: str) -> list[dict[str, Any]]:
    return [one for one in seen if not isinstance(one, bytes) and one["e"] == event]


def masked(png: bytes) -> bool:
    """Whether a field of the page is covered."""
    with Image.open(BytesIO(png)) as picture:
        return any(colour == MASK for _, colour in picture.convert("RGB").getcolors(1 << 24) or [])


def test_a_text_signs_in_step_by_step_and_each_step_is_shown(host: SocketBrowserHost, lab: RunningLab) -> None:
    seen = watched(host, lab, asked(step=True))
    assert [one["outcome"] for one in named(seen, "done")] == ["signed_in"]
    steps = named(seen, "step")
    assert {"goto", "type_username", "submit_login", "type_code"} <= {one["do"] for one in steps}
    assert [one["n"] for one in named(seen, "paused")] == [one["n"] for one in steps]
    assert [one["n"] for one in named(seen, "stepped")] == [one["n"] for one in steps]
    pictures = [one for one in seen if isinstance(one, bytes)]
    assert len(pictures) >= 5
    assert all(masked(one) for one in pictures[:3])  # the sign-in form, then with her name and password in it
    told = json.dumps([one for one in seen if not isinstance(one, bytes)])
    assert ACCOUNT.password not in told
    assert ACCOUNT.username not in told


def test_a_text_that_breaks_says_the_step_it_stopped_at(host: SocketBrowserHost, lab: RunningLab) -> None:
    seen = watched(host, lab, broken())
    [done] = named(seen, "done")
    assert done["outcome"] == "unrecognised"
    number = next(one["n"] for one in named(seen, "step") if one["where"] == "#sign-in-button")
    assert [one["ok"] for one in named(seen, "stepped") if one["n"] == number] == [False]
    assert lab.counters(KEY)["password_submits"] == 0


def test_no_password_leaves_when_another_try_could_lock_the_login(host: SocketBrowserHost, lab: RunningLab) -> None:
    wrong = asked(password="Wrong-Heron-0000", behaviour={"login_failure_limit": 3})
    first, second = watched(host, lab, wrong), watched(host, lab, wrong)
    assert [one["outcome"] for one in named(first, "done")] == ["wrong_password"]
    assert [one["outcome"] for one in named(second, "done")] == ["refused"]
    assert lab.counters(KEY)["password_submits"] == 1


class AsksAtTheLastWord:
    """A page that runs the next text the moment it hears that this one is over."""

    def __init__(self, tries: TryOuts) -> None:
        self._tries = tries
        self._says = iter([json.dumps({"who": "usr_mira"})])
        self.answered: dict[str, str] = {}

    async def accept(self) -> None: ...
    async def close(self) -> None: ...
    async def send_bytes(self, picture: bytes) -> None: ...

    async def receive_text(self) -> str:
        for said in self._says:
            return said
        return await asyncio.get_running_loop().create_future()

    async def send_text(self, event: str) -> None:
        if json.loads(event)["e"] == "done":
            self.answered = self._tries.ask(broken())


def test_whoever_hears_that_a_run_is_over_may_run_the_next_at_once(lab: RunningLab, tmp_path: Path) -> None:
    async def run() -> dict[str, str]:
        tries = TryOuts(Settings(data_dir=tmp_path, resolve=lab.resolve, trusted_spki=[lab.spki]))
        page = AsksAtTheLastWord(tries)
        async with asyncio.timeout(LIMIT_S):
            await tries.serve(tries.ask(broken())["id"], cast(WebSocket, page))
        return page.answered

    assert "id" in asyncio.run(run())


def test_a_run_ends_when_its_author_leaves_the_page_and_another_may_begin(
    host: SocketBrowserHost, lab: RunningLab
) -> None:
    async def leave_at_the_first_pause() -> None:
        async with asyncio.timeout(LIMIT_S), host.watch_try_out(host.try_out(asked(step=True)), "usr_mira") as pipe:
            async for event in events(pipe):
                if not isinstance(event, bytes) and event["e"] == "paused":
                    with pytest.raises(Conflict, match="another window"):
                        await asyncio.to_thread(host.try_out, asked())
                    return

    asyncio.run(leave_at_the_first_pause())

    def free() -> bool:
        try:
            return bool(host.try_out(asked()))
        except Conflict:
            return False

    until(free)


def test_somebody_elses_run_is_not_hers_to_open(host: SocketBrowserHost) -> None:
    async def open_it() -> list[Any]:
        async with asyncio.timeout(LIMIT_S), host.watch_try_out(host.try_out(asked()), "usr_other") as pipe:
            return [event async for event in events(pipe)]

    assert asyncio.run(open_it()) == [{"e": "ended", "words": served.GONE}]


def test_what_she_typed_is_in_no_text_of_the_request() -> None:
    assert ACCOUNT.password not in repr(Asked.told(asked()))
