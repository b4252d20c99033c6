"""The editor's live view at the API: sentences before anything runs, both ways while it does, an end in the log."""

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import Conflict
from broker.directory.models import Portal
from broker.identity.models import Login
from broker.scripts import service as scripts
from broker.scripts.service import Bundle
from carrier_scripts import registry
from carrier_scripts.kit.process import declared
from tests import factories
from tests.api.conftest import ADDRESS
from tests.waiting import until

KEY = "harborline"
TYPED = {"username": "mira.test", "password": "Quiet-Heron-11", "practice": " Saguaro ", "step": "yes"}


class Pipe:
    """The host's side: two events and a picture, then what it hears, said again."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        for one in (json.dumps({"e": "step", "n": 1, "do": "goto", "where": "/signin"}), b"\x89PNG"):
            self.said.put_nowait(one)

    async def send(self, message: str | bytes) -> None:
        if json.loads(message)["t"] == "stop":
            self.said.put_nowait(None)
        self.said.put_nowait(json.dumps({"e": "done", "outcome": "wrong_code", "heard": json.loads(message)}))

    def __aiter__(self):
        return self

    async def __anext__(self) -> str | bytes:
        one = await self.said.get()
        if one is None:
            raise StopAsyncIteration
        return one


@pytest.fixture
def office(portunus, monkeypatch) -> SimpleNamespace:
    """Harborline's shipped script; Mira writes, Maria bills; `asked`: what the host was given, `watched`: by whom."""
    exact = registry.script(KEY)
    asked: list[dict[str, Any]] = []
    watched: list[tuple[str, str]] = []
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        portal = factories.portal(work, KEY, digest=exact.digest, login_failure_limit=5)
        sources = [{"module": one["module"], "text": one["text"]} for one in exact.sources]
        scripts.keep_shipped(work, portal, Bundle(KEY, exact.digest, sources, declared(registry.portal(KEY))))
        mira = factories.user(work, org, "Mira Chen", role="script_maintainer")
        maria = factories.user(work, org, "Maria Lopez")

    def try_out(said: dict[str, Any]) -> str:
        asked.append(said)
        return "try_1"

    @asynccontextmanager
    async def watch_try_out(tryout_id: str, who: str):
        watched.append((tryout_id, who))
        yield Pipe()

    monkeypatch.setattr(portunus.host, "try_out", try_out)
    monkeypatch.setattr(portunus.host, "watch_try_out", watch_try_out)
    return SimpleNamespace(
        text=sources[-1]["text"], portal_id=portal.id, mira=mira, maria=maria, asked=asked, watched=watched
    )


def run(browser, office, text: str | None = None, **more: str):
    said = {"text": office.text + "\n# mended\n" if text is None else text, **TYPED, **more}
    return browser.post(f"/scripts/{KEY}/try", said, headers={"accept": "application/json"})


def on_pages(browser, office, text: str | None = None):
    said = {"text": office.text + "\n# mended\n" if text is None else text}
    return browser.post(f"/scripts/{KEY}/test", said, headers={"accept": "application/json"})


def connect(browser):
    return browser.client.websocket_connect(
        ADDRESS.replace("http", "ws") + f"/scripts/{KEY}/try/try_1", headers={"origin": ADDRESS}
    )


def acts(portunus) -> list[tuple[str, str | None]]:
    with portunus.reading(system("test")) as work:
        found = select(AuditEntry).where(AuditEntry.act.startswith("script:text:")).order_by(AuditEntry.index)
        return [(entry.act, json.loads(entry.leaf)["outcome"]) for entry in work.db.scalars(found)]


def test_the_text_as_it_stands_goes_to_the_host_with_what_she_typed(portunus, signed_in, office):
    answer = run(signed_in(office.mira), office)
    assert answer.json() == {"id": "try_1"}
    [asked] = office.asked
    assert asked["sources"][-1]["text"].endswith("# mended\n")
    assert asked["hosts"] == ["harborline.sim.test"]
    assert (asked["who"], asked["username"], asked["practice"]) == (office.mira.id, "mira.test", "Saguaro")
    assert (asked["step"], asked["by_hand"], asked["behaviour"]["login_failure_limit"]) == (True, False, 5)
    with portunus.reading(system("test")) as work:
        log = [(entry.act, entry.leaf) for entry in work.db.scalars(select(AuditEntry))]
    assert [act for act, _ in log if act.startswith("script:text:")] == ["script:text:try"]
    assert not any(TYPED["password"] in leaf or TYPED["username"] in leaf for _, leaf in log)


def test_the_text_as_it_stands_goes_to_the_host_for_the_saved_pages(portunus, signed_in, office):
    answer = on_pages(signed_in(office.mira), office)
    assert answer.json() == {"id": "try_1"}
    [asked] = office.asked
    assert set(asked) == {"who", "key", "digest", "sources", "hosts", "pages"}
    assert (asked["who"], asked["key"], asked["hosts"], asked["pages"]) == (
        office.mira.id,
        KEY,
        ["harborline.sim.test"],
        True,
    )
    assert asked["sources"][-1]["text"].endswith("# mended\n")
    assert acts(portunus) == [("script:text:test", "ok")]


@pytest.mark.parametrize(
    ("text", "words"),
    [("x = (", "was never closed"), ('"""A carrier."""\nclass Harborline: pass\nimport os\n', "cannot import os")],
)
def test_a_text_that_does_not_load_is_shown_no_page(portunus, signed_in, office, text, words):
    answer = on_pages(signed_in(office.mira), office, text)
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True)
    assert (office.asked, acts(portunus)) == ([], [])


def test_a_portal_that_allows_no_program_has_pages_to_test_on_all_the_same(portunus, signed_in, office):
    with portunus.unit(system("test")) as work:
        work.db.get_one(Portal, office.portal_id).automation = "attended"
    mira = signed_in(office.mira)
    assert (run(mira, office).status_code, on_pages(mira, office).status_code) == (403, 200)


def test_pages_come_as_they_are_shown_and_the_end_is_in_the_log(portunus, signed_in, office, monkeypatch):
    told = [
        {"e": "shown", "page": "locked", "right": True},
        {"e": "done", "outcome": "passed", "words": "", "missing": []},
    ]

    @asynccontextmanager
    async def watch_try_out(tryout_id: str, who: str):
        pipe = Pipe()
        pipe.said = asyncio.Queue()
        for one in (*map(json.dumps, told), None):
            pipe.said.put_nowait(one)
        yield pipe

    monkeypatch.setattr(portunus.host, "watch_try_out", watch_try_out)
    with connect(signed_in(office.mira)) as socket:
        assert [json.loads(socket.receive_text()) for _ in told] == told
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert acts(portunus) == [("script:text:try_end", "passed")]


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("x = (", {}, "was never closed"),
        ('"""A carrier."""\nclass Harborline: pass\nimport os\n', {}, "cannot import os"),
        (None, {"username": " "}, "Say with which login of your own"),
    ],
)
def test_what_cannot_run_is_said_in_a_sentence_and_reaches_no_host(signed_in, office, text, more, words):
    answer = run(signed_in(office.mira), office, text, **more)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert office.asked == []


def test_a_run_of_hers_in_another_window_is_said(portunus, signed_in, office, monkeypatch):
    def no(said: dict[str, Any]) -> str:
        raise Conflict("You are running a text in another window already. Stop that run first.")

    monkeypatch.setattr(portunus.host, "try_out", no)
    answer = run(signed_in(office.mira), office)
    assert (answer.status_code, "another window" in answer.json()["detail"]) == (409, True)


def test_only_who_writes_scripts_runs_or_watches_one(signed_in, office):
    maria = signed_in(office.maria)
    assert run(maria, office).status_code == 403
    assert on_pages(maria, office).status_code == 403
    with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)), connect(maria):
        pass
    assert (office.asked, office.watched) == ([], [])


def test_steps_and_pictures_come_her_words_go_and_the_end_is_in_the_log(portunus, signed_in, office):
    with connect(signed_in(office.mira)) as socket:
        assert json.loads(socket.receive_text())["do"] == "goto"
        assert socket.receive_bytes() == b"\x89PNG"
        socket.send_text('{"t":"next"}')
        assert json.loads(socket.receive_text())["heard"] == {"t": "next"}
        socket.send_text('{"t":"stop"}')
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert office.watched == [("try_1", office.mira.id)]
    assert acts(portunus) == [("script:text:try_end", "wrong_code")]


def test_a_page_that_is_left_is_in_the_log(portunus, signed_in, office):
    with connect(signed_in(office.mira)) as socket:
        socket.receive_text()
        socket.close()
        until(lambda: acts(portunus) == [("script:text:try_end", "left")])


def test_a_run_is_cut_when_her_sign_in_ends(portunus, signed_in, office):
    browser = signed_in(office.mira)
    with connect(browser) as socket:
        socket.receive_text()
        socket.receive_bytes()
        with portunus.unit(system("test")) as work:
            for login in work.db.scalars(select(Login)):
                login.ended_at = work.clock.now()
            work.signal("revoked")
        assert "sign-in has ended" in json.loads(socket.receive_text())["words"]
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    until(lambda: acts(portunus) == [("script:text:try_end", "left")])
