"""A sign-in whose code could come to nobody is refused before a try is taken; with somebody at the code desk it begins."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from broker.base.actor import Actor, system
from broker.base.beats import beat
from broker.base.errors import Conflict
from broker.codes import presence
from broker.codes import service as codes
from broker.directory.models import DeliveryEndpoint
from broker.tabs import service as tabs
from broker.tabs.models import LockoutDebit, LoginAttempt
from broker.tabs.states import SessionState
from tests import factories as make
from tests.broker.tabs.conftest import HOST, Office
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


def health(office: Office, state: str, words: str = "The mail server said no to this password.") -> None:
    with office.portunus.unit(HOST) as work:
        row = work.db.get_one(DeliveryEndpoint, office.mailbox.id)
        row.health, row.health_words = state, words


def sits(office: Office, who: Actor) -> None:
    with office.portunus.unit(who) as work:
        presence.sit(work)


def counted(office: Office, table) -> int:
    with office.portunus.reading(HOST) as work:
        return work.db.scalar(select(func.count()).select_from(table))


@pytest.mark.parametrize("state", ["down", "unlinked", "gone"])
def test_a_login_whose_mailbox_is_down_is_not_started(office: Office, state: str) -> None:
    health(office, state)
    with pytest.raises(Conflict, match="The mail server said no to this password.*Code desk") as refused:
        office.open()
    assert refused.value.code == "channel-down"
    assert counted(office, LockoutDebit) == counted(office, LoginAttempt) == 0


@pytest.mark.parametrize("state", ["up", "unknown"])
def test_one_whose_mailbox_is_not_known_to_be_down_begins(office: Office, state: str) -> None:
    health(office, state)
    assert office.open().granted_at is None


def test_a_mailbox_whose_watcher_fell_silent_is_down_whatever_it_said_last(office: Office, clock: ManualClock) -> None:
    health(office, "up")
    with office.portunus.unit(HOST) as work:
        beat(work, "mailwatch")
    clock.advance(seconds=41)
    with pytest.raises(Conflict, match="mail watcher.*has stopped") as refused:
        office.open()
    assert refused.value.code == "channel-down"
    assert counted(office, LockoutDebit) == counted(office, LoginAttempt) == 0


def test_one_whose_watcher_did_its_round_a_moment_ago_begins(office: Office, clock: ManualClock) -> None:
    health(office, "up")
    with office.portunus.unit(HOST) as work:
        beat(work, "mailwatch")
    clock.advance(seconds=39)
    assert office.open().granted_at is None


def test_a_silent_mail_watcher_is_nothing_to_a_telephone(office: Office, clock: ManualClock) -> None:
    with office.portunus.unit(HOST) as work:
        beat(work, "mailwatch")
        work.db.get_one(DeliveryEndpoint, office.mailbox.id).kind = "phone"
    clock.advance(seconds=41)
    assert office.open().granted_at is None


def test_with_somebody_at_the_code_desk_it_begins_and_says_that_a_person_is_needed(office: Office) -> None:
    health(office, "down")
    sits(office, office.nora)
    lease = office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    office.host(lambda work: codes.waiting(work, request_id))
    office.host(lambda work: tabs.progress(work, claim.attempt_id, claim.fence, SessionState.WAITING_CODE, "Waiting."))
    with office.portunus.reading(office.maria) as work:
        _, words, _ = tabs.opening(work, tabs.own_lease(work, lease.id))
        (asked,) = codes.pending(work)
    assert "A person is needed" in words
    assert "A person is needed" in asked.notice


def test_a_desk_that_was_closed_is_nobody(office: Office, clock: ManualClock) -> None:
    health(office, "down")
    sits(office, office.nora)
    clock.advance(seconds=presence.AWAY_AFTER.total_seconds())
    with pytest.raises(Conflict, match="brings no codes"):
        office.open()


@pytest.mark.parametrize("who", ["dan", "audrey", "stranger"])
def test_who_may_not_give_this_logins_codes_there_is_nobody(office: Office, who: str) -> None:
    health(office, "down")
    with office.portunus.unit(system("test")) as work:
        stranger = acting(make.user(work, make.organization(work, "Other Dental"), "Otto Reyes"))
    sits(office, stranger if who == "stranger" else getattr(office, who))
    with pytest.raises(Conflict, match="brings no codes"):
        office.open()


def test_a_mailbox_that_goes_down_meanwhile_stops_the_password(office: Office) -> None:
    office.open()
    claim = office.claim()
    health(office, "down")
    with pytest.raises(Conflict) as refused:
        office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    assert refused.value.code == "channel-down"
    assert office.attempt().submitted_at is None


def test_a_sleeper_that_must_sign_in_anew_takes_no_try_either(office: Office) -> None:
    office.whole_way()
    with office.portunus.unit(office.maria) as work:
        tabs.end_tab(work, office.lease_id)
    session_id = office.attempt().portal_session_id
    office.host(lambda work: tabs.park(work, session_id, b"sealed"))
    office.open()
    claim = office.claim()
    health(office, "down")
    before = counted(office, LockoutDebit)
    with pytest.raises(Conflict, match="brings no codes"):
        office.host(lambda work: tabs.becomes_login(work, claim.attempt_id, claim.fence))
    assert counted(office, LockoutDebit) == before


def test_a_session_that_is_signed_in_is_handed_over_all_the_same(office: Office) -> None:
    office.whole_way()
    with office.portunus.unit(office.maria) as work:
        tabs.end_tab(work, office.lease_id)
    health(office, "down")
    assert office.open(office.nora).granted_at is not None


def test_presence_is_noted_now_and_then_only(office: Office, clock: ManualClock) -> None:
    def due() -> bool:
        with office.portunus.reading(office.nora) as work:
            return presence.due(work)

    assert due()
    sits(office, office.nora)
    clock.advance(seconds=5)
    assert not due()
    clock.advance(seconds=presence.NOTED_EVERY.total_seconds() - 5)
    assert due()
    assert timedelta(0) < presence.NOTED_EVERY < presence.AWAY_AFTER
