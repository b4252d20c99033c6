"""Early sign-ins are set by an administrator where they may be, and have one turn on a working day, taken by one worker."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.directory.models import DeliveryEndpoint, Location, Portal, PortalAccount
from broker.tabs import early
from broker.tabs.models import LockoutDebit, LoginAttempt
from tests import factories as make
from tests.broker.tabs.conftest import FAILED, HOST, Office
from tests.broker.tabs.early_mornings import (
    MONDAY,
    TUESDAY,
    ZONE,
    by,
    counted,
    kept,
    known,
    on_record,
    phoenix,
    set_time,
    told,
    turn,
)
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


@pytest.fixture
def due(office: Office, clock: ManualClock) -> Office:
    """Its time is now."""
    set_time(office)
    clock.set(phoenix(7, 15))
    return office


def test_it_is_off_until_somebody_sets_it(office: Office, clock: ManualClock) -> None:
    clock.set(phoenix(7, 15))
    assert turn(office) is None
    assert counted(office, LoginAttempt) == 0


def test_an_administrator_sets_it_for_the_next_working_day_on_record(office: Office) -> None:
    """It is Friday, eight o'clock."""
    set_time(office)
    assert kept(office).next_at == phoenix(7, 15)
    (entry,) = on_record(office, Act.EARLY_SIGN_IN_SET)
    assert entry["actor"]["id"] == office.ana.id
    assert (entry["account"], entry["location"]) == (office.account.id, office.phoenix.id)
    assert entry["detail"] == {"at": "07:15"}


def test_a_time_that_is_still_to_come_is_todays(office: Office, clock: ManualClock) -> None:
    clock.set(phoenix(6, 0))
    set_time(office)
    assert kept(office).next_at == phoenix(7, 15)


def test_no_time_switches_it_off_on_record(due: Office) -> None:
    set_time(due, "")
    assert turn(due) is None
    assert on_record(due, Act.EARLY_SIGN_IN_SET)[-1]["detail"] == {"at": "off"}


@pytest.mark.parametrize("at", ["7:15", "24:00", "07:60", "early", "07:15:00"])
def test_what_is_no_time_is_refused(office: Office, at: str) -> None:
    with pytest.raises(Incomplete, match="like 07:15"):
        set_time(office, at)


def test_switching_off_what_was_never_on_is_refused(office: Office) -> None:
    with pytest.raises(Incomplete, match="does not sign in by itself yet"):
        set_time(office, "")


def test_a_biller_does_not_set_it(office: Office) -> None:
    with pytest.raises(Refused):
        set_time(office, who=office.maria)


def test_another_practices_administrator_finds_no_such_login(office: Office) -> None:
    with office.portunus.unit(HOST) as work:
        olga = acting(make.user(work, make.organization(work, "Cholla Dental"), "Olga Ruiz", role="admin"))
    with pytest.raises(NotFound):
        set_time(office, who=olga)


def test_a_login_for_several_locations_needs_one_of_them_named(office: Office) -> None:
    with office.portunus.unit(office.ana) as work, pytest.raises(Incomplete, match="one of this login's locations"):
        early.set_time(work, office.account.id, "07:15")
    with office.portunus.unit(HOST) as work:
        elsewhere = make.location(work, office.org, "mesa")
    with pytest.raises(Incomplete, match="one of this login's locations"):
        set_time(office, place=elsewhere)


def test_the_location_stays_when_only_the_time_is_changed(office: Office) -> None:
    set_time(office, place=office.tucson)
    with office.portunus.unit(office.ana) as work:
        early.set_time(work, office.account.id, "06:45")
    assert (kept(office).location_id, kept(office).minute) == (office.tucson.id, 6 * 60 + 45)


@pytest.mark.parametrize("mode", ["attended", "assisted"])
def test_a_portal_that_is_not_automated_is_refused(office: Office, mode: str) -> None:
    with office.portunus.unit(HOST) as work:
        work.db.get_one(Portal, office.portal.id).automation = mode
    with pytest.raises(Conflict, match=f"is {mode}: only where it is automated") as no:
        set_time(office)
    assert no.value.code == "not-by-itself"


@pytest.mark.parametrize(
    ("channel", "template", "words"),
    [
        ("voice", {}, "comes by a call"),
        ("recovery", {}, "recovery codes"),
        ("desk", {}, "a person at the code desk"),
        ("desk", {"by": "sms"}, "a person at the code desk"),
        ("desk", {"by": "email"}, "a person at the code desk"),
        ("desk", {"by": "provider_line"}, "a call to the provider line"),
        ("desk", {"by": "push"}, "a push to somebody's telephone"),
        ("desk", {"by": "passkey"}, "takes somebody's passkey"),
    ],
)
def test_a_code_that_needs_a_person_is_refused(
    office: Office, channel: str, template: dict[str, str], words: str
) -> None:
    by(office, channel, **template)
    with pytest.raises(Conflict, match=words):
        set_time(office)


@pytest.mark.parametrize("channel", ["email", "sms", "totp"])
def test_a_code_that_comes_by_itself_is_fine(office: Office, channel: str) -> None:
    by(office, channel)
    set_time(office)
    assert kept(office).minute == 7 * 60 + 15


def test_a_login_without_a_code_is_fine(office: Office) -> None:
    with office.portunus.unit(HOST) as work:
        account = make.account(work, work.db.get_one(Portal, office.portal.id), [office.phoenix], channel=None)
    set_time(office, account=account)
    assert kept(office, account).minute == 7 * 60 + 15


@pytest.mark.parametrize(
    ("limit", "words"), [(4, "locks a login after 4 failed tries"), (0, "has no known limit of failed tries")]
)
def test_a_portal_with_too_few_tries_is_refused(office: Office, limit: int, words: str) -> None:
    """Of four, Portunus makes two at most: one that fails would leave a single one to people."""
    known(office, login_failure_limit=limit)
    with pytest.raises(Conflict, match=words):
        set_time(office)


# --- when


@pytest.mark.parametrize(
    ("after", "done_on", "expected"),
    [
        (phoenix(7, 15), None, phoenix(7, 15)),
        (phoenix(7, 16), None, phoenix(7, 15, TUESDAY)),
        (phoenix(7, 0), MONDAY, phoenix(7, 15, TUESDAY)),
        (phoenix(8, 0, date(2026, 11, 20)), None, phoenix(7, 15)),
        (phoenix(7, 15, date(2026, 11, 21)), None, phoenix(7, 15)),
        (phoenix(7, 15, date(2026, 11, 22)), None, phoenix(7, 15)),
    ],
    ids=["now", "a minute later", "had its turn", "Friday after it", "Saturday", "Sunday"],
)
def test_the_next_turn_is_on_a_working_day(after: datetime, done_on: date | None, expected: datetime) -> None:
    assert early.next_turn(7 * 60 + 15, ZONE, after, done_on) == expected


def test_the_next_turn_goes_by_the_clock_of_the_place_in_summer_and_winter() -> None:
    boston = ZoneInfo("America/New_York")
    friday = datetime(2026, 10, 30, 20, 0, tzinfo=UTC)
    assert early.next_turn(435, boston, friday - timedelta(days=1), None) == datetime(2026, 10, 30, 11, 15, tzinfo=UTC)
    assert early.next_turn(435, boston, friday, None) == datetime(2026, 11, 2, 12, 15, tzinfo=UTC)


def test_before_its_time_nothing_is_done(due: Office, clock: ManualClock) -> None:
    clock.set(phoenix(7, 14))
    assert turn(due) is None


def test_its_turn_comes_once_a_day(due: Office, clock: ManualClock) -> None:
    assert turn(due) == due.account.id
    assert turn(due) is None
    due.finish(due.claim(), FAILED)
    clock.set(phoenix(8, 10))
    assert turn(due) is None
    assert kept(due).next_at == phoenix(7, 15, TUESDAY)
    assert counted(due, LoginAttempt) == 1


def test_a_later_time_set_after_its_turn_is_tomorrows(due: Office, clock: ManualClock) -> None:
    turn(due)
    due.finish(due.claim(), FAILED)
    clock.set(phoenix(7, 20))
    set_time(due, "")
    set_time(due, "09:00")
    assert kept(due).next_at == phoenix(9, 0, TUESDAY)


def test_an_hour_late_it_is_made_up_for(due: Office, clock: ManualClock) -> None:
    clock.set(phoenix(8, 15))
    assert turn(due) == due.account.id
    assert counted(due, LoginAttempt) == 1


def test_later_than_that_it_is_not(due: Office, clock: ManualClock) -> None:
    """A machine that was off at night does not sign in at noon."""
    clock.set(phoenix(12, 0))
    assert turn(due) == due.account.id
    assert turn(due) is None
    assert counted(due, LoginAttempt) == 0
    assert told(due) == "Not tried at 12:00 today: its time was 07:15, and it is not made up for so late."
    assert kept(due).next_at == phoenix(7, 15, TUESDAY)


def test_a_machine_that_was_off_for_days_takes_todays_turn_only(due: Office, clock: ManualClock) -> None:
    clock.set(phoenix(7, 30, date(2026, 11, 26)))
    assert [turn(due), turn(due), turn(due)] == [due.account.id, due.account.id, None]
    assert counted(due, LoginAttempt) == 1
    assert kept(due).done_on == date(2026, 11, 26)


def test_of_workers_that_look_at_once_one_takes_it(due: Office) -> None:
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: turn(due), range(4)))
    assert sorted(filter(None, taken)) == [due.account.id]
    assert counted(due, LoginAttempt) == counted(due, LockoutDebit) == 1


def test_a_worker_that_looked_before_another_took_it_does_not_take_it_too(due: Office) -> None:
    looked = kept(due)
    turn(due)
    with due.portunus.unit(early.HOLDER) as work:
        assert not early._taken(work, looked, late=False)


def beside(office: Office, portal=None) -> PortalAccount:
    """Another login that is due at the same time."""
    with office.portunus.unit(HOST) as work:
        at = work.db.get_one(Portal, (portal or office.portal).id)
        box = work.db.get_one(DeliveryEndpoint, office.mailbox.id)
        other = make.account(work, at, [work.db.get_one(Location, office.phoenix.id)], endpoint=box)
    set_time(office, account=other)
    return other


def test_logins_of_one_portal_begin_some_minutes_apart(office: Office, clock: ManualClock) -> None:
    set_time(office)
    both = {office.account.id, beside(office).id}
    clock.set(phoenix(7, 15))
    first = turn(office)
    assert (first in both, turn(office)) == (True, None)
    clock.advance(minutes=2)
    assert turn(office) is None
    clock.advance(minutes=1, seconds=1)
    assert {first, turn(office)} == both


def test_logins_of_one_portal_are_apart_for_workers_that_look_at_once_too(office: Office, clock: ManualClock) -> None:
    set_time(office)
    beside(office)
    clock.set(phoenix(7, 15))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: turn(office), range(4)))
    assert len(list(filter(None, taken))) == counted(office, LoginAttempt) == 1


def test_logins_of_two_portals_begin_at_once(due: Office, clock: ManualClock) -> None:
    clock.set(phoenix(6, 0))
    with due.portunus.unit(HOST) as work:
        portal = make.portal(work, "northgate", digest="e" * 64)
    other = beside(due, portal)
    clock.set(phoenix(7, 15))
    assert {turn(due), turn(due)} == {due.account.id, other.id}
    assert counted(due, LoginAttempt) == 2
