"""What nobody works on is brought to an end: forgotten hints, dead hosts, expired leases and codes."""

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.codes.models import CodeRequest
from broker.directory.models import PortalAccount
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LockoutDebit, LoginAttempt, PortalSession, StreamTicket
from tests.broker.tabs.conftest import Office
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


def one(office: Office, table):
    with office.portunus.reading(system("test")) as work:
        return work.db.scalars(select(table)).one()


def sweep(office: Office) -> None:
    with office.portunus.unit(system("sweep")) as work:
        tabs.sweep(work)


def test_a_hint_that_got_lost_is_sent_again(office: Office, clock: ManualClock) -> None:
    office.open()
    sent = len(office.portunus.queue.sent)
    sweep(office)
    assert len(office.portunus.queue.sent) == sent  # not yet
    clock.advance(seconds=6)
    sweep(office)
    assert office.portunus.queue.sent[-1] == ("open_tab", office.attempt().id)


def test_an_attempt_that_no_host_takes_ends_and_costs_no_try(office: Office, clock: ManualClock) -> None:
    office.open()
    clock.advance(minutes=4)
    sweep(office)
    assert (office.attempt().state, office.attempt().outcome) == ("withdrawn", "no_browser")
    assert one(office, PortalSession).state == "ended"
    assert one(office, LockoutDebit).credited_at is not None


def test_a_host_that_died_before_the_password_costs_no_try(office: Office, clock: ManualClock) -> None:
    office.open()
    office.claim()
    clock.advance(seconds=21)
    sweep(office)
    assert office.attempt().state == "withdrawn"
    assert one(office, LockoutDebit).credited_at is not None


def test_a_host_that_died_after_the_password_counts_as_a_failed_try(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(seconds=21)
    sweep(office)
    assert office.attempt().state == "unknown"
    assert one(office, LockoutDebit).credited_at is None
    row = one(office, CodeRequest)
    assert (row.id, row.state) == (request_id, "withdrawn")


def test_what_is_left_of_that_host_is_fenced_off(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    clock.advance(seconds=21)
    sweep(office)
    assert one(office, PortalAccount).fence > claim.fence


def test_a_host_that_gives_signs_of_life_is_left_alone(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    for _ in range(4):
        clock.advance(seconds=15)
        assert office.host(lambda work: tabs.beat(work, claim.attempt_id, claim.fence))
        sweep(office)
    assert office.attempt().state == "claimed"


def test_sessions_of_a_host_that_fell_silent_are_over(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.node_beat(work, "node1", sessions=1, shards=1, sandbox="on", browser="x"))
    office.finish(claim)
    clock.advance(seconds=21)
    sweep(office)
    session = one(office, PortalSession)
    assert (session.state, session.end_reason) == ("ended", "host_lost")


def test_a_host_that_starts_again_ends_what_it_had(office: Office) -> None:
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    office.host(lambda work: tabs.restarted(work, "node1"))
    assert office.attempt().state == "unknown"


def test_a_lease_that_ran_out_is_ended_and_the_portal_stays_signed_in(office: Office, clock: ManualClock) -> None:
    office.open()
    office.finish(office.claim())
    clock.advance(seconds=office.portunus.settings.lease_s + 1)
    sweep(office)
    assert (one(office, Lease).end_reason, one(office, PortalSession).state) == ("expired", "ready")


def test_a_code_request_past_its_life_is_expired(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(minutes=11)
    office.host(lambda work: tabs.beat(work, claim.attempt_id, claim.fence))
    sweep(office)
    assert one(office, CodeRequest).state == "expired"


@pytest.mark.parametrize("times", [2, 5])
def test_sweeping_again_changes_nothing(office: Office, clock: ManualClock, times: int) -> None:
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(seconds=21)
    for _ in range(times):
        sweep(office)
    assert one(office, LoginAttempt).state == "unknown"
    assert one(office, LockoutDebit).credited_at is None


def test_tickets_nobody_can_use_any_more_are_not_kept(office: Office, clock: ManualClock) -> None:
    lease = office.open()
    with office.portunus.unit(office.maria) as work:
        tabs.ticket(work, lease.id)
    clock.advance(seconds=16)
    office.host(tabs.sweep)
    with office.portunus.reading(office.maria) as work:
        assert work.db.scalars(select(StreamTicket)).all() == []
