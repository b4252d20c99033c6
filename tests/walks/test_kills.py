"""kill -9 of each process: it comes back, nothing is signed in twice, and in the end nothing is left running."""

import os
import signal

import pytest

from tests.demos import Demo, running_demo
from tests.walks.conftest import until

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
LATE_S = 4


def kill(demo: Demo, words: str) -> None:
    os.kill(demo.child(words), signal.SIGKILL)


@pytest.mark.parametrize("process", ["celery", "valkey-server", "workers.mailwatch", "uvicorn"])
def test_a_tab_opens_after_a_process_was_killed(demo: Demo, people, process: str) -> None:
    kill(demo, process)
    until(lambda: _answers(demo))
    people["Maria"].open("northgate phoenix")
    people["Maria"].sees_stream()
    people["Maria"].end()
    assert demo.counters("northgate")["logins"] == 1


@pytest.mark.parametrize(
    ("process", "carrier", "words"),
    [
        ("celery", "harborline", "harborline phoenix"),
        ("valkey-server", "copper_mesa_nv", "nevada phoenix"),
        ("uvicorn", "bluestone_mutual", "bluestone phoenix"),
    ],
)
def test_a_process_killed_while_a_code_is_waited_for_costs_no_try(
    demo: Demo, people, process: str, carrier: str, words: str
) -> None:
    demo.fault(carrier, "code_late", seconds=LATE_S)
    people["Maria"].open(words)
    people["Maria"].page.get_by_text("Waiting for the code").first.wait_for()
    kill(demo, process)
    people["Maria"].sees_stream()
    people["Maria"].end()
    demo.no_faults()
    counted = demo.counters(carrier)
    assert (counted["logins"], counted["overlapping_logins"], counted["wasted_tries"]) == (1, 0, 0)


def test_a_tab_whose_web_server_is_killed_comes_back_by_itself(demo: Demo, people) -> None:
    people["Maria"].open("harborline phoenix")
    people["Maria"].sees_stream()
    kill(demo, "uvicorn")
    people["Maria"].page.get_by_text("Connected again").wait_for()
    people["Maria"].end()
    assert demo.counters("harborline")["logins"] == 1


def test_a_killed_browser_host_takes_its_browsers_with_it_and_the_next_one_starts_clean(demo: Demo, people) -> None:
    kill(demo, "workers.browserhost")
    until(lambda: demo.portunus("status").returncode == 0 and "sandbox on" in demo.portunus("status").stdout, 60)
    people["Maria"].open("northgate phoenix")
    people["Maria"].sees_stream()
    people["Maria"].end()
    counted = demo.counters("northgate")
    assert (counted["logins"], counted["overlapping_logins"], counted["wasted_tries"]) == (2, 0, 0)


def test_ctrl_c_leaves_nothing_behind(demo: Demo, people) -> None:
    demo.process.send_signal(signal.SIGINT)
    demo.process.wait(timeout=40)
    until(lambda: demo.pids() == [], 10)
    assert "Nothing is left running" in demo.output.read_text()


def test_what_was_stopped_starts_again_and_nothing_outlives_a_killed_supervisor(demo: Demo) -> None:
    with running_demo(demo.data_dir) as again:
        os.kill(again.process.pid, signal.SIGKILL)
        again.process.wait()
        until(lambda: again.pids() == [], 30)


def _answers(demo: Demo) -> bool:
    import httpx2

    try:
        return httpx2.get(f"{demo.url}/healthz", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False
