"""The long walk of `make bench-sim`: Hypothesis's own machine, repeatable by its seed, and able to fail."""

import subprocess
from pathlib import Path

import pytest
from hypothesis.stateful import RuleBasedStateMachine

from broker.codes import matching
from broker.codes.matching import Decision, Verdict
from tests.broker.codes import long_walk
from workers.bench import simulation

ROOT = Path(__file__).parents[3]


def test_a_batch_walks_hypothesis_machine_the_same_way_for_the_same_seed() -> None:
    assert issubclass(long_walk.BusyDays, RuleBasedStateMachine)
    once, again, other = long_walk.batch(7, 5), long_walk.batch(7, 5), long_walk.batch(8, 5)
    assert once == again != other
    assert [once[what] for what in simulation.WRONG] == [0, 0, 0]
    assert once["steps"] > once["drawn"] >= 5 and once["walks"] >= 5


def test_a_rule_that_gives_a_code_to_whoever_waits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_come(arrival: object, waiting: list[matching.Waiting], ended: object) -> Decision:
        return Decision(Verdict.MATCHED, waiting[0].request_id) if waiting else Decision(Verdict.UNSOLICITED)

    monkeypatch.setattr(matching, "decide", first_come)
    seed, _counted, failure = long_walk.attempt(7)
    assert seed == 7
    assert "Falsifying example" in failure or "never_another_logins" in failure


def test_the_walk_of_make_bench_sim_is_this_one() -> None:
    said = subprocess.run(["make", "-n", "bench-sim", "seed=9"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "tests.broker.codes.long_walk --steps 10000000 --seed 9" in said.stdout
