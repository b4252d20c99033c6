"""Script processes: one spare waits, none is left behind; the lookups of one lease share one until a run does not end well."""

import asyncio
from typing import Any

import psutil
import pytest

from carrier_scripts import registry
from carrier_scripts.kit.outcomes import Outcome
from workers.browser.calls import CallRefused
from workers.browser.limit import Limit
from workers.browser.scriptrun import KeptProcess, Place, ScriptProcesses

SCRIPT = registry.script("harborline")
ASKED = {"member_id": "HD1", "birth_date": "1984-03-17"}


async def changed(name: str, args: dict[str, Any]) -> Any:
    """A host whose page is not what the script knows."""
    if name == "recognise":
        return "unrecognised"
    raise CallRefused("unrecognised", "not there")


async def broken(name: str, args: dict[str, Any]) -> Any:
    raise ValueError(name)


OWN_FILE = SCRIPT.sources[-1]["module"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"kind": "KeyError", "module": OWN_FILE, "line": 7}, "KeyError at harborline.py line 7"),
        ({"kind": "PageChanged", "module": OWN_FILE, "line": 7}, "PageChanged at harborline.py line 7"),
        ({"kind": "Maria_Garcia_1980", "module": OWN_FILE, "line": 7}, "Exception at harborline.py line 7"),
        ({"kind": "KeyError", "module": "carrier_scripts.portals.maria_garcia", "line": 7}, "KeyError"),
        ({"kind": "KeyError", "module": OWN_FILE, "line": 19_800}, "KeyError"),
        ({"kind": ["KeyError"], "module": OWN_FILE, "line": 7}, "None"),
        ("Maria Garcia", "None"),
    ],
)
def test_the_place_a_script_stopped_at_is_told_in_words_of_ours(said: Any, told: str) -> None:
    assert str(Place.told(said, SCRIPT.sources)) == told


def test_lookups_share_a_process_until_a_run_breaks() -> None:
    async def test() -> None:
        processes = ScriptProcesses("nobody")
        kept = KeptProcess(processes)
        outcomes, pids = [], []
        for answer in (changed, changed, broken, changed):
            done = await kept.run(SCRIPT, "eligibility", answer, limit=Limit(20), asked=ASKED)
            outcomes.append(done.outcome)
            pids.append(kept.pid)
        await kept.close()
        await processes.stop()
        page_changed, failed = Outcome.UNRECOGNISED, Outcome.SCRIPT_FAILED
        assert outcomes == [page_changed, page_changed, failed, page_changed]
        assert pids[0] == pids[1] is not None
        assert pids[2] is None
        assert pids[3] not in (None, pids[0])

    asyncio.run(test())


def test_another_version_of_the_script_gets_a_process_of_its_own() -> None:
    async def test() -> None:
        processes = ScriptProcesses("nobody")
        kept = KeptProcess(processes)
        await kept.run(SCRIPT, "eligibility", changed, limit=Limit(20), asked=ASKED)
        first = kept.pid
        done = await kept.run(registry.script("northgate"), "eligibility", changed, limit=Limit(20), asked=ASKED)
        assert (done.outcome, kept.pid != first) == (Outcome.UNRECOGNISED, True)
        await kept.close()
        await processes.stop()

    asyncio.run(test())


def test_runs_at_the_same_time_leave_no_process_behind() -> None:
    async def test() -> None:
        before = set(psutil.Process().children(recursive=True))
        processes = ScriptProcesses("nobody")
        runs = (processes.run(SCRIPT, "prove", changed, limit=Limit(20)) for _ in range(4))
        await asyncio.gather(*runs, processes.warm_up(), processes.warm_up())
        await processes.stop()
        left = set(psutil.Process().children(recursive=True)) - before
        assert [one.cmdline() for one in left if one.status() != psutil.STATUS_ZOMBIE] == []

    asyncio.run(test())
