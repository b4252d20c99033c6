"""A portal that was down when last seen is told to who wants to work there, with what to do meanwhile."""

from broker.base.actor import system
from broker.directory import service as directory
from broker.directory.service import Fact
from broker.scripts import service as scripts
from broker.scripts.service import Report
from broker.wiring import Portunus
from tests import factories
from tests.fakes.clock import ManualClock

LINE = "800-555-0142"


def saw(portunus: Portunus, portal_id: str, outcome: str) -> None:
    with portunus.unit(system("browserhost")) as work:
        scripts.note(work, Report(portal_id, "d" * 64, "look", outcome, 800))


def told(portunus: Portunus) -> list[scripts.Downtime]:
    with portunus.reading(system("test")) as work:
        return scripts.downtimes(work, {"harborline"})


def test_it_is_told_since_the_first_time_and_ends_with_the_first_success(
    portunus: Portunus, clock: ManualClock
) -> None:
    with portunus.unit(system("test")) as work:
        portal = factories.portal(work)
    saw(portunus, portal.id, "signed_out")
    assert told(portunus) == []
    clock.advance(seconds=60)
    since = clock.now()
    saw(portunus, portal.id, "down")
    clock.advance(seconds=300)
    saw(portunus, portal.id, "down")
    (one,) = told(portunus)
    assert (one.since, one.seen_at) == (since, clock.now())
    clock.advance(seconds=300)
    saw(portunus, portal.id, "signed_out")
    assert told(portunus) == []


def test_the_portals_own_steps_come_first_then_its_provider_line(portunus: Portunus) -> None:
    with portunus.unit(system("test")) as work:
        portal = factories.portal(work)
        portal.provider_line = LINE
        fact = Fact(value=["Use the roster of last week."], source="the office", verified_on=work.clock.now().date())
        directory.record_behaviour(work, portal, "fallback_steps", fact)
    saw(portunus, portal.id, "down")
    (one,) = told(portunus)
    assert one.steps[:2] == ("Use the roster of last week.", f"Call the provider line: {LINE}.")


def test_a_portal_that_is_down_is_looked_at_again_soon(portunus: Portunus, clock: ManualClock) -> None:
    with portunus.unit(system("test")) as work:
        portal = factories.portal(work)
    taken = []
    for _ in range(2):
        with portunus.unit(system("browserhost")) as work:
            taken.append(scripts.take_due(work))
        clock.advance(seconds=601)
    assert taken[1] is not None
    saw(portunus, portal.id, "down")
    clock.advance(seconds=301)
    with portunus.unit(system("browserhost")) as work:
        assert scripts.take_due(work) is not None


def test_an_outage_nobody_has_seen_for_half_a_day_is_not_claimed(portunus: Portunus, clock: ManualClock) -> None:
    with portunus.unit(system("test")) as work:
        portal = factories.portal(work)
    saw(portunus, portal.id, "down")
    clock.advance(seconds=13 * 3600)
    assert told(portunus) == []
