"""How long codes take, and which sign-ins will need one."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from broker.base.actor import system
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.tabs import service as tabs
from broker.tabs.code_waits import percentile
from broker.tabs.forecast import next_usual
from broker.tabs.service import Ending
from tests import factories as make
from tests.broker.tabs.conftest import FAILED, Office
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True

PHOENIX = ZoneInfo("America/Phoenix")


def report(office: Office, who=None):
    with office.portunus.reading(who or office.ana) as work:
        return tabs.code_waits(work), tabs.forecast(work)


def test_a_code_that_came_is_counted_with_its_waits(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(seconds=7)
    office.arrive()
    clock.advance(seconds=2)
    office.host(lambda work: codes.take(work, office.portunus.vault, request_id, claim.attempt_id))
    office.host(lambda work: codes.answered(work, request_id, accepted=True))
    ((row,), _) = report(office)
    assert (row.channel, row.portal, row.asked, row.accepted, row.too_late) == ("email", "Harborline", 1, 1, 0)
    assert (row.delivered_p50_s, row.delivered_p95_s, row.accepted_p50_s, row.accepted_p95_s) == (7.0, 7.0, 9.0, 9.0)


def test_a_code_that_never_came_is_counted_as_too_late(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(minutes=11)
    office.host(codes.expire)
    office.finish(claim, FAILED)
    ((row,), _) = report(office)
    assert (row.too_late, row.accepted, row.delivered_p50_s) == (1, 0, None)


def test_the_hosts_own_end_at_the_deadline_counts_as_too_late(office: Office, clock: ManualClock) -> None:
    """The host gives up before any sweep comes by: in this order it happens in practice."""
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(minutes=10)
    office.finish(claim, FAILED)
    office.host(codes.expire)
    ((row,), _) = report(office)
    assert (row.asked, row.too_late) == (1, 1)


def test_a_sign_in_that_ends_for_another_reason_is_not_too_late(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(seconds=20)
    office.finish(claim, Ending("locked", signed_in=False, words="Locked.", next_actor="admin"))
    ((row,), _) = report(office)
    assert (row.asked, row.too_late) == (1, 0)


def test_a_code_that_the_portal_found_too_old_is_too_late(office: Office) -> None:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    office.arrive()
    office.host(lambda work: codes.take(work, office.portunus.vault, request_id, claim.attempt_id))
    office.host(lambda work: codes.answered(work, request_id, accepted=False))
    office.finish(claim, Ending("code_late", signed_in=False, words="Too late.", next_actor="biller"))
    ((row,), _) = report(office)
    assert (row.asked, row.accepted, row.too_late) == (1, 0, 1)


def test_the_wait_begins_when_the_code_was_asked_for_first(office: Office, clock: ManualClock) -> None:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(seconds=300)
    office.host(lambda work: codes.resend(work, request_id))
    clock.advance(seconds=10)
    with office.portunus.unit(office.nora) as work:
        codes.give(work, office.portunus.vault, request_id, "482913")
    clock.advance(seconds=5)
    office.host(lambda work: codes.take(work, office.portunus.vault, request_id, claim.attempt_id))
    office.host(lambda work: codes.answered(work, request_id, accepted=True))
    ((row,), _) = report(office)
    assert (row.delivered_p95_s, row.accepted_p95_s) == (310.0, 315.0)


def test_a_code_that_a_person_typed_counts_for_the_desk(office: Office) -> None:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    with office.portunus.unit(office.nora) as work:
        codes.give(work, office.portunus.vault, request_id, "482913")
    office.host(lambda work: codes.take(work, office.portunus.vault, request_id, claim.attempt_id))
    office.host(lambda work: codes.answered(work, request_id, accepted=True))
    ((row,), _) = report(office)
    assert (row.channel, row.accepted) == ("desk", 1)


def test_nobody_sees_another_organizations_waits(office: Office) -> None:
    office.whole_way()
    with office.portunus.unit(system("test")) as work:
        other = acting(make.user(work, make.organization(work, "Other Dental"), "Otto Reyes", role="admin"))
    assert report(office, other) == ([], [])


def test_a_session_that_ends_at_a_known_time_is_foreseen(office: Office, clock: ManualClock) -> None:
    office.whole_way()
    assert report(office)[1] == []
    with office.portunus.unit(system("test")) as work:
        from datetime import date

        from broker.directory import service as directory
        from broker.directory.service import Fact

        portal = directory.portal_by_key(work, "harborline")
        directory.record_behaviour(work, portal, "absolute_timeout_s", Fact(4 * 3600, "seen", date(2026, 11, 21)))
    ((expected,),) = (report(office)[1],)
    assert expected.at - clock.now() == timedelta(hours=4)
    assert (expected.destination, expected.portal) == ("mailbox of the front desk", "Harborline")


def habit(office: Office, state: str) -> list:
    """Five mornings of sign-ins that ended in this state, and what is foreseen from them."""
    with office.portunus.unit(system("test")) as work:
        moment = work.clock.now()
        for days_ago in (7, 6, 4, 3, 1):
            asked_at = moment - timedelta(days=days_ago)
            work.db.add(
                CodeRequest(
                    id=f"cod_{days_ago}",
                    attempt_id=f"att_{days_ago}",
                    account_id=office.account.id,
                    location_id=office.phoenix.id,
                    requester_kind="user",
                    requester_id=office.maria.id,
                    method_id=office.account.mfa_methods[0].id,
                    channel="email",
                    endpoint_id=office.mailbox.id,
                    rule={},
                    asked_at=asked_at,
                    first_asked_at=asked_at,
                    deadline=asked_at,
                    task=None,
                    state=state,
                    state_at=asked_at,
                )
            )
    with office.portunus.reading(office.ana) as work:
        return tabs.forecast(work, 72)


def test_sign_ins_that_needed_a_code_foretell_the_next(office: Office) -> None:
    assert [one.portal for one in habit(office, "accepted")] == ["Harborline"]


def test_sign_ins_that_needed_no_code_foretell_none(office: Office) -> None:
    assert habit(office, "not_needed") == []


def days(*hours_ago_local: int) -> list[datetime]:
    base = datetime(2026, 11, 20, 8, 5, tzinfo=PHOENIX)
    return [base - timedelta(days=number) for number in hours_ago_local]


def test_a_habit_is_foreseen_by_local_time() -> None:
    now = datetime(2026, 11, 23, 6, 0, tzinfo=PHOENIX)  # a Monday
    found = next_usual(days(11, 10, 9, 8, 7, 4, 3, 2, 1, 0), now.astimezone(UTC), PHOENIX)
    assert found == datetime(2026, 11, 23, 8, 5, tzinfo=PHOENIX)


def test_a_day_that_has_had_its_sign_in_needs_no_other() -> None:
    now = datetime(2026, 11, 20, 7, 0, tzinfo=PHOENIX)
    found = next_usual([*days(7, 14, 1, 2), datetime(2026, 11, 20, 6, 0, tzinfo=PHOENIX)], now, PHOENIX)
    assert found is None or found.date() > now.date()


def test_a_weekend_without_sign_ins_is_left_out() -> None:
    friday = datetime(2026, 11, 20, 20, 0, tzinfo=PHOENIX)
    found = next_usual(days(11, 10, 9, 8, 7, 4, 3, 2, 1, 0), friday, PHOENIX)
    assert found is not None
    assert found.weekday() == 0


def test_few_days_are_no_habit() -> None:
    assert next_usual(days(1, 0), datetime(2026, 11, 21, 6, 0, tzinfo=PHOENIX), PHOENIX) is None


@pytest.mark.parametrize(
    ("values", "share", "result"),
    [([], 95, None), ([3.0], 95, 3.0), ([1, 2, 3, 4], 50, 2), (list(range(1, 101)), 95, 95), ([1, 9], 50, 1)],
)
def test_percentiles_are_of_values_that_occurred(values, share, result) -> None:
    assert percentile(values, share) == result
