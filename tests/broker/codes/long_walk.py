"""Hypothesis walks the matching rules' state machine for millions of steps, in batches of one seed each: `make bench-sim`.

The machine is that of `test_machine.py` with one more rule, a busy spell: from one drawn seed up to 400 things happen
(sign-ins, deliveries, resends, forgeries, clock moves), each a step as good as any other; drawing each by itself would
take days for the same. What Hypothesis drew itself is counted as `drawn` too. A batch walks the same way whenever its seed is given:
`make bench-sim seed=9 steps=1` repeats batch 9 alone. What breaks a rule is shrunk and shown.
"""

import argparse
import itertools
import json
import random
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from tests.broker.codes.test_machine import CodesOnTheirWay
from workers.bench import simulation

EXAMPLES, RULES, SPELL = 100, 50, 400
"""Walks of a batch, rules of a walk, and the most things that happen in a busy spell."""
TOLD = ("typed", "messages", *simulation.WRONG)
tally: Counter[str] = Counter()
"""Of the batch that this process walks."""


class BusyDays(CodesOnTheirWay):
    """The same logins and rules, and spells in which much happens."""

    @rule(seed=st.integers(0, 2**32 - 1), count=st.integers(1, SPELL))
    def busy_spell(self, seed: int, count: int) -> None:
        chance = random.Random(seed)
        for _ in range(count):
            simulation.step(self.world, chance)
        tally["steps"] += count - 1

    @invariant()
    def one_more(self) -> None:
        """Hypothesis looks after each rule that it ran, and so after each step that it drew."""
        tally["steps"] += 1
        tally["drawn"] += 1

    def teardown(self) -> None:
        tally["walks"] += 1
        tally.update({what: self.world.counted[what] for what in TOLD})


def batch(seed: int, examples: int = EXAMPLES, machine: type[CodesOnTheirWay] = BusyDays) -> Counter[str]:
    """Walk one batch and return what was counted. Raises what Hypothesis raises, with the shortest way to it."""
    tally.clear()
    hypothesis.seed(seed)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=RULES,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Counter(tally)


def attempt(seed: int) -> tuple[int, Counter[str], str]:
    """A batch in a process of its own: its seed, what was counted, and how it failed ("" when it held)."""
    try:
        return seed, batch(seed), ""
    except Exception:
        return seed, Counter(tally), traceback.format_exc()


def walk(first: int, steps: int, processes: int = 2) -> int:
    """Batches of the seeds `first`, `first` + 1, … until so many steps are walked; the exit code."""
    seeds, total, began = itertools.count(first), Counter[str](), time.monotonic()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running: set[Future[tuple[int, Counter[str], str]]] = set()
        while total["steps"] < steps or running:
            while len(running) < processes and total["steps"] < steps:
                running.add(pool.submit(attempt, next(seeds)))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                seed, counted, failure = future.result()
                total.update(counted)
                total["batches"] += 1
                line = f"batch {seed}: {counted['steps']:,} steps, {counted['drawn']:,} drawn by Hypothesis; {total['steps']:,} of {steps:,}"
                print(line, flush=True)
                if failure:
                    print(f"{failure}\nmake bench-sim seed={seed} steps=1 repeats it", flush=True)
                    pool.shutdown(cancel_futures=True)
                    return 1
    seconds = round(time.monotonic() - began)
    print(json.dumps({"seed": first, "seconds": seconds, **{what: total[what] for what in sorted({*total, *TOLD})}}))
    return 1 if any(total[what] for what in simulation.WRONG) else 0


def main() -> int:
    """Exit code 1 when a code was misassigned, used twice, or used after the portal had been asked for a newer one."""
    parser = argparse.ArgumentParser(prog="python -m tests.broker.codes.long_walk", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", flush=True)
    return walk(seed, asked.steps)


if __name__ == "__main__":
    sys.exit(main())
