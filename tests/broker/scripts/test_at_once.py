"""Two who decide about one release at the same moment: the second waits for the first and sees what it did."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text

from broker.audit.acts import Act
from broker.base.errors import BrokerError
from broker.scripts import judging
from broker.scripts import service as scripts
from tests.broker.scripts.practice import NEW, OLD, Practice
from tests.conftest import acting
from tests.waiting import until

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("engine", ["postgres"], indirect=True)]
WAITS = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")


class Other:
    """Somebody else, who begins while a run is judged: done, or in the database's queue, before that goes on."""

    def __init__(self, practice: Practice, act: Callable[[], object]) -> None:
        self._practice = practice
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self.error: BrokerError | None = None

    def _run(self) -> None:
        try:
            self._act()
        except BrokerError as no:
            self.error = no

    def begin(self) -> None:
        """Once."""
        if self._thread.ident is None:
            self._thread.start()
            until(lambda: not self._thread.is_alive() or self._waits())

    def _waits(self) -> bool:
        with self._practice.portunus.engine.connect() as connection:
            return bool(connection.scalar(WAITS))

    def end(self) -> None:
        self._thread.join()


@pytest.fixture
def meanwhile(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], Other]:
    """What begins when the next run is judged."""

    def arranged(act: Callable[[], object]) -> Other:
        other, decide = Other(practice, act), judging.next_step

        def interrupted(*told: object) -> str:
            other.begin()
            return decide(*told)

        monkeypatch.setattr(judging, "next_step", interrupted)
        return other

    return arranged


def roll_back(practice: Practice) -> None:
    with practice.portunus.unit(acting(practice.ana)) as work:
        scripts.roll_back(work, practice.portal.id, "The claims page is wrong.")


def test_what_a_person_rolls_back_while_its_last_run_is_judged_is_not_in_force(practice: Practice, meanwhile) -> None:
    practice.goes_on("everywhere")
    practice.report("signed_in", key="tucson", times=judging.STAGED_NEEDS - 1)
    other = meanwhile(lambda: roll_back(practice))
    practice.report("signed_in", key="tucson")
    other.end()
    assert other.error is None
    assert (practice.stage(), practice.runs("tucson")) == ("rolled_back", OLD)


def test_two_runs_that_come_together_take_it_one_stage_further(practice: Practice, meanwhile) -> None:
    practice.release()
    practice.report("signed_in", times=judging.CANARY_NEEDS - 1)
    other = meanwhile(lambda: practice.report("signed_in"))
    practice.report("signed_in")
    other.end()
    assert practice.stage() == "staged"
    assert practice.acts().count(Act.SCRIPT_ADVANCED) == 1


def test_a_version_withdrawn_while_its_last_run_is_judged_never_runs_again(practice: Practice, meanwhile) -> None:
    def withdraw() -> None:
        with practice.portunus.unit(acting(practice.ana)) as work:
            scripts.refuse(work, NEW, "It clicks through the terms page.")

    practice.goes_on("staged")
    practice.report("signed_in", key="tucson", times=judging.STAGED_NEEDS - 1)
    other = meanwhile(withdraw)
    practice.report("signed_in", key="tucson")
    other.end()
    assert (practice.stage(), practice.runs("tucson")) == ("withdrawn", OLD)
