"""A Hypothesis state machine over the matching rules: no code is ever typed for another sign-in, or twice.

The world (`workers.bench.simulation`) knows whose each code is; the rules do not. `make bench-sim`
(`long_walk.py`) walks this machine for millions of steps; here Hypothesis looks for the shortest way to break it.
"""

import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from workers.bench import simulation
from workers.bench.simulation import World

LOGINS = 6
CHOICE = st.integers(0, 10_000)


class CodesOnTheirWay(RuleBasedStateMachine):
    """Six logins on two shared endpoints (a mailbox and a phone); whatever happens, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World([])

    @initialize(seed=st.integers(0, 2**16))
    def sharing(self, seed: int) -> None:
        self.world = World(simulation.logins(LOGINS, random.Random(seed), share=LOGINS))

    @rule(login=st.integers(0, LOGINS - 1))
    def sign_in(self, login: int) -> None:
        self.world.ask(self.world.logins[login])

    @precondition(lambda self: self.world.air)
    @rule(which=CHOICE, twice=st.booleans(), other_id=st.booleans())
    def deliver(self, which: int, twice: bool, other_id: bool) -> None:
        self.world.deliver(which % len(self.world.air), twice=twice, other_id=other_id)

    @precondition(lambda self: self.world.air)
    @rule(which=CHOICE)
    def lose(self, which: int) -> None:
        self.world.air.pop(which % len(self.world.air))

    @rule(which=CHOICE)
    def type_in(self, which: int) -> None:
        if row := self._request(which):
            self.world.type_in(row)

    @rule(which=CHOICE)
    def resend(self, which: int) -> None:
        if row := self._request(which):
            self.world.resend(row)

    @rule(which=CHOICE)
    def host_dies(self, which: int) -> None:
        if row := self._request(which):
            self.world.withdraw(row)

    @rule(login=st.integers(0, LOGINS - 1))
    def forge(self, login: int) -> None:
        self.world.forge(self.world.logins[login], f"-1:forged:{self.world.serial}")

    @rule(login=st.integers(0, LOGINS - 1))
    def foreign(self, login: int) -> None:
        self.world.foreign(self.world.logins[login], f"-1:news:{self.world.serial}")

    @rule(seconds=st.sampled_from([0.2, 1.0, 4.1, 30.0, 300.0, 7200.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)
        self.world.air = [one for one in self.world.air if self.world.may_come(one)]

    @rule(hours=st.sampled_from([0.6, 3.0, 15.0]), telephone=st.integers(0, LOGINS - 1))
    def telephone_is_off(self, hours: float, telephone: int) -> None:
        self.world.night(hours * 3600, {self.world.logins[telephone].endpoint})
        self.world.air = [one for one in self.world.air if self.world.may_come(one)]

    @invariant()
    def never_another_logins_never_twice_and_never_an_older_one(self) -> None:
        assert [self.world.counted[what] for what in simulation.WRONG] == [0, 0, 0]

    def _request(self, which: int) -> simulation.Request | None:
        rows = [row for endpoint in self.world.requests for row in self.world.recently(endpoint)]
        return rows[which % len(rows)] if rows else None


TestCodesOnTheirWay = CodesOnTheirWay.TestCase
TestCodesOnTheirWay.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_long_random_walk_misassigns_nothing_and_uses_what_is_clear() -> None:
    counted = simulation.walk(seed=20261121, steps=30_000)
    assert [counted[what] for what in simulation.WRONG] == [0, 0, 0]
    assert counted["typed"] > 700
    assert counted["texts_late"] > 5
    assert counted["texts_held_back"] > 2


def test_the_same_seed_walks_the_same_way() -> None:
    assert simulation.walk(7, 3000) == simulation.walk(7, 3000)
