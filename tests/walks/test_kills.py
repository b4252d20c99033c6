"""kill -9 of each process at each stage: it comes back, nothing is signed in twice, and in the end nothing is left.

process     idle            before the password  a code is waited for    a tab streams   `portunus open` is typed
worker      northgate                            copper_mesa_nv          northgate       bluestone
broker      oldfield_guild  bluestone            harborline              northgate       sentinel
mailwatch   bluestone                            harborline              northgate
web         sentinel        bluestone            meridian_shared         northgate
host                        sentinel             copper_mesa_az          northgate

A tab that is opened on a page is told to the browser host by the web process itself; `portunus open` has only the hint
that goes through broker and worker, and the sweeper when that is lost.
"""

import json
import os
import re
import signal
import sqlite3
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
import redis

from broker.base.settings import Settings
from broker.tabs.sweep import UNCLAIMED
from broker.wiring import embedded_redis_url
from tests.demos import Demo, left_of, running_demo, tree
from tests.waiting import until
from tests.walks.conftest import Person

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
LATE_S = 4
WORKER, BROKER, MAILWATCH, WEB, HOST = "celery", "valkey-server", "workers.mailwatch", "uvicorn", "workers.browserhost"


@dataclass(frozen=True)
class Stage:
    """A fault that makes a stage of the sign-in last, and what Maria reads then."""

    fault: str
    words: str


SIGN_IN_PAGE, CODE = Stage("hang", "Opening the portal."), Stage("code_late", "Waiting for the code")
ONE_LOGIN = {"logins": 1, "password_submits": 1, "overlapping_logins": 0, "wasted_tries": 0, "codes_replayed": 0}


def open_until(demo: Demo, person: Person, stage: Stage, carrier: str, words: str) -> None:
    """She opens a portal, and its sign-in has come to this stage, which lasts."""
    demo.fault(carrier, stage.fault, seconds=LATE_S)
    person.open(words)
    person.page.get_by_text(stage.words).first.wait_for()


def end(demo: Demo, person: Person) -> None:
    """She ends her tab, and its recording is closed: a host that is killed next cannot cut it short."""
    person.end()
    until(lambda: rows(demo, "SELECT id FROM recording WHERE end_state IS NULL") == [])


def cost(demo: Demo, carrier: str, before: dict[str, int]) -> dict[str, int]:
    """What the carrier counted since."""
    counted = demo.counters(carrier)
    return {name: counted[name] - before[name] for name in ONE_LOGIN}


def kill(demo: Demo, words: str) -> None:
    """The process alone; what it had started must go by itself."""
    victim = psutil.Process(demo.child(words))
    started = victim.children(recursive=True)
    victim.kill()
    assert left_of(started) == []


def rows(demo: Demo, query: str, *values: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{demo.data_dir / 'portunus.db'}?mode=ro", uri=True) as db:
        return db.execute(query, values).fetchall()


def host_is_back(demo: Demo) -> None:
    until(lambda: "sandbox on" in demo.portunus("status").stdout, 60)


@pytest.mark.parametrize(
    ("process", "carrier", "words"),
    [
        (WORKER, "northgate", "northgate phoenix"),
        (BROKER, "oldfield_guild", "oldfield phoenix"),
        (MAILWATCH, "bluestone_mutual", "bluestone phoenix"),
        (WEB, "sentinel_dental", "sentinel phoenix"),
    ],
)
def test_a_portal_is_signed_in_to_after_an_idle_process_was_killed(
    demo: Demo, people, process: str, carrier: str, words: str
) -> None:
    kill(demo, process)
    until(lambda: _answers(demo))
    people["Maria"].open(words)
    people["Maria"].sees_stream()
    end(demo, people["Maria"])
    assert demo.counters(carrier)["logins"] == 1


@pytest.mark.parametrize(
    ("stage", "process", "carrier", "words"),
    [
        (SIGN_IN_PAGE, BROKER, "bluestone_mutual", "bluestone tucson"),
        (SIGN_IN_PAGE, WEB, "bluestone_mutual", "bluestone flagstaff"),
        (CODE, WORKER, "copper_mesa_nv", "nevada phoenix"),
        (CODE, BROKER, "harborline", "harborline phoenix first"),
        (CODE, MAILWATCH, "harborline", "harborline phoenix second"),
        (CODE, WEB, "meridian_shared", "meridian phoenix off"),
    ],
)
def test_a_process_killed_in_mid_sign_in_costs_no_try(
    demo: Demo, people, stage: Stage, process: str, carrier: str, words: str
) -> None:
    before = demo.counters(carrier)
    open_until(demo, people["Maria"], stage, carrier, words)
    kill(demo, process)
    demo.no_faults()
    people["Maria"].sees_stream()
    end(demo, people["Maria"])
    assert cost(demo, carrier, before) == ONE_LOGIN


@pytest.mark.parametrize(
    ("process", "carrier", "place"), [(WORKER, "bluestone_mutual", "phoenix"), (BROKER, "sentinel_dental", "tucson")]
)
def test_portunus_open_whose_hint_is_lost_goes_on_once_the_sweeper_is_back(
    demo: Demo, process: str, carrier: str, place: str
) -> None:
    """The supervisor is stopped, so that what was killed stays away until the command has sent its hint to nobody."""
    before = demo.counters(carrier)
    demo.process.send_signal(signal.SIGSTOP)
    try:
        os.kill(demo.child(process), signal.SIGKILL)
        typed = demo.typing("open", carrier, "--location", place)
        assert typed.stdout is not None
        assert "Waiting for a browser." in typed.stdout.readline()
        if process == WORKER:  # it may as well have died with the hint in its hands
            redis.Redis.from_url(embedded_redis_url(Settings(data_dir=demo.data_dir))).delete("portunus:celery")
    finally:
        demo.process.send_signal(signal.SIGCONT)
    said, _ = typed.communicate(timeout=90)
    assert (typed.returncode, "Warm." in said) == (0, True), said
    assert cost(demo, carrier, before) == ONE_LOGIN
    ((waited_s,),) = rows(
        demo,
        "SELECT (julianday(claimed_at) - julianday(created_at)) * 86400 FROM login_attempt"
        " ORDER BY created_at DESC LIMIT 1",
    )
    assert waited_s >= UNCLAIMED.total_seconds(), "the sweeper had to find it: nobody was told"


@pytest.fixture(scope="module")
def streaming(demo: Demo, people) -> Person:
    """Maria in a tab that is left open while one process after the other is killed."""
    people["Maria"].open("northgate phoenix")
    people["Maria"].sees_stream()
    return people["Maria"]


@pytest.mark.parametrize("process", [WORKER, BROKER, MAILWATCH])
def test_an_open_tab_goes_on_when_a_process_it_does_not_need_is_killed(
    demo: Demo, streaming: Person, process: str
) -> None:
    kill(demo, process)
    page, pages = streaming.page, demo.counters("northgate")["pages"]
    page.get_by_role("button", name="Reload").click()
    until(lambda: demo.counters("northgate")["pages"] > pages)
    before = page.evaluate("() => window.portunusViewer.lastSeq")
    page.locator("#find-open").click()
    page.fill("#find-words", process)  # a search is answered by the host, whatever it finds
    page.press("#find-words", "Enter")
    page.wait_for_function(f"() => window.portunusViewer.lastSeq > {before}")
    page.locator("#find-close").click()
    assert page.locator("#stage canvas").is_visible()


def test_a_tab_whose_web_server_is_killed_comes_back_by_itself(demo: Demo, streaming: Person) -> None:
    kill(demo, WEB)
    streaming.page.get_by_text("Connected again").wait_for()
    assert demo.counters("northgate")["logins"] == 1


def test_a_tab_whose_browser_host_is_killed_ends_in_words_and_the_next_host_starts_clean(
    demo: Demo, streaming: Person
) -> None:
    kill(demo, HOST)
    assert streaming.said() == "The browser host went away. Open it again."
    host_is_back(demo)
    streaming.page.get_by_role("button", name="Open again").click()
    streaming.sees_stream()
    end(demo, streaming)
    counted = demo.counters("northgate")
    assert (counted["logins"], counted["overlapping_logins"], counted["wasted_tries"]) == (2, 0, 0)


@pytest.mark.parametrize(
    ("stage", "carrier", "words", "said", "tries"),
    [
        (
            SIGN_IN_PAGE,
            "sentinel_dental",
            "sentinel flagstaff",
            "The browser host went away before it signed in. Open it again.",
            1,
        ),
        (
            CODE,
            "copper_mesa_az",
            "copper arizona phoenix",
            "The browser host went away in mid sign-in. It counts as a failed try; open it again.",
            2,
        ),
    ],
)
def test_a_browser_host_killed_in_mid_sign_in_says_whether_the_try_counts_and_wastes_none(
    demo: Demo, people, stage: Stage, carrier: str, words: str, said: str, tries: int
) -> None:
    before = demo.counters(carrier)
    open_until(demo, people["Maria"], stage, carrier, words)
    kill(demo, HOST)
    assert people["Maria"].said() == said
    demo.no_faults()
    host_is_back(demo)
    people["Maria"].page.get_by_role("button", name="Open again").click()
    people["Maria"].sees_stream()
    end(demo, people["Maria"])
    assert cost(demo, carrier, before) == {**ONE_LOGIN, "password_submits": tries}


def test_what_was_recorded_before_its_host_was_killed_is_closed_as_recovered(demo: Demo, people) -> None:
    """The recording of the tab that ended in words, and no other."""
    until(lambda: rows(demo, "SELECT id FROM recording WHERE end_state IS NULL") == [], 60)
    ((state, holder, messages),) = rows(
        demo, "SELECT end_state, holder_name, messages FROM recording WHERE end_state != 'complete'"
    )
    assert (state, holder, messages > 0) == ("recovered", "Maria Lopez", True)


def test_ctrl_c_leaves_nothing_behind(demo: Demo, people) -> None:
    assert demo.misdeeds() == {}, "no kill before signed in twice at a time or wasted a try"
    started = tree(demo.process.pid)
    demo.process.send_signal(signal.SIGINT)
    demo.process.wait(timeout=40)
    assert (left_of(started), demo.pids()) == ([], [])
    assert "Nothing is left running" in demo.output.read_text()


def test_what_was_stopped_starts_again_says_so_to_programs_and_nothing_outlives_a_killed_supervisor(
    demo: Demo,
) -> None:
    with running_demo(demo.data_dir, words=["--json"]) as again:
        said = re.search(r"^\{.*?^\}$", again.output.read_text(), re.MULTILINE | re.DOTALL)
        assert said is not None
        facts = json.loads(said.group())
        assert (facts["url"], [one["name"] for one in facts["people"]][:1]) == (again.url, ["Maria Lopez"])
        started = tree(again.process.pid)
        os.kill(again.process.pid, signal.SIGKILL)
        again.process.wait()
        assert (left_of(started), again.pids()) == ([], [])


def _answers(demo: Demo) -> bool:
    import httpx2

    try:
        return httpx2.get(f"{demo.url}/healthz", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False
