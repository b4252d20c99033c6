"""What an early sign-in does in its turn: it leaves the portal ready, gives way to people, and is not tried at their expense."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, select

from broker.audit.acts import Act
from broker.base.errors import Refused
from broker.codes import presence
from broker.codes.models import CodeRequest
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, Portal, account_location
from broker.lookups import service as lookups
from broker.tabs import early
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LockoutDebit, LoginAttempt
from broker.tabs.service import Ending
from broker.wiring import Portunus
from tests import factories as make
from tests.broker.lookups.conftest import furnish
from tests.broker.tabs.conftest import DIGEST, FAILED, HOST, SIGNED_IN, Office
from tests.broker.tabs.early_mornings import (
    TUESDAY,
    by,
    counted,
    known,
    leases,
    on_record,
    phoenix,
    session,
    set_time,
    told,
    turn,
)
from tests.conftest import acting
from tests.fakes.clock import ManualClock
from workers import early_sign_ins

BOTH_DATABASES = True
EXPIRED = Ending(
    "password_expired",
    signed_in=False,
    words="The portal wants a new password.",
    next_actor="owner",
    parks_account=True,
)


@pytest.fixture
def due(office: Office, clock: ManualClock) -> Office:
    """Its time is now."""
    set_time(office)
    clock.set(phoenix(7, 15))
    return office


def test_it_signs_in_in_its_own_name_and_is_left_ready_and_held_by_nobody(due: Office, clock: ManualClock) -> None:
    turn(due)
    claim = due.claim()
    assert claim.for_person is False
    assert told(due) == "Signing in by itself since 07:15."
    clock.advance(seconds=70)
    due.finish(claim)
    assert turn(due) is None
    (lease,) = leases(due)
    assert (lease.holder_kind, lease.purpose, lease.end_reason) == ("system", "Early sign-in", "given_back")
    assert (session(due).state, session(due).location_id) == ("ready", due.phoenix.id)
    assert told(due) == "Signed in by itself at 07:15 today."
    clock.advance(days=1)
    assert told(due) == "Signed in by itself at 07:15 on 2026-11-23."


def test_the_first_biller_opens_it_at_once(due: Office, clock: ManualClock) -> None:
    turn(due)
    due.finish(due.claim())
    turn(due)
    clock.set(phoenix(8, 2))
    assert due.open().granted_at is not None
    assert counted(due, LoginAttempt) == 1


def test_the_code_is_asked_for_in_its_own_name(due: Office) -> None:
    turn(due)
    claim = due.claim()
    due.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    with due.portunus.reading(HOST) as work:
        (asked,) = work.db.scalars(select(CodeRequest))
        assert (asked.requester_kind, asked.requester_id) == (early.HOLDER.kind, early.HOLDER.id)


def test_result_of_a_turn_is_on_record(due: Office) -> None:
    turn(due)
    due.finish(due.claim())
    turn(due)
    (entry,) = on_record(due, Act.EARLY_SIGN_IN_ENDED)
    assert entry["actor"]["id"] == "early sign-in"
    assert (entry["account"], entry["outcome"]) == (due.account.id, "signed_in")


def test_an_expired_password_stops_the_login_and_is_told(due: Office, clock: ManualClock) -> None:
    turn(due)
    clock.advance(minutes=1)
    due.finish(due.claim(), EXPIRED)
    turn(due)
    assert told(due) == "It could not sign in by itself at 07:16 today: The portal wants a new password."
    assert [one["outcome"] for one in on_record(due, Act.EARLY_SIGN_IN_ENDED)] == ["password_expired"]
    with due.portunus.reading(due.ana) as work:
        assert [(one.at, one.bad, one.last == told(due)) for one in early.shown(work)] == [("07:15", True, True)]
    clock.set(phoenix(7, 15, TUESDAY))
    turn(due)
    assert told(due) == "Not tried at 07:15 today: The portal wants a new password."


def test_a_sign_in_that_no_host_takes_is_told(due: Office, clock: ManualClock) -> None:
    turn(due)
    clock.advance(minutes=4)
    due.host(tabs.sweep)
    turn(due)
    assert "No browser host took it" in told(due)


# --- whom it gives way to


def test_a_person_takes_it_while_it_signs_in_and_goes_on_with_it(due: Office, clock: ManualClock) -> None:
    turn(due)
    claim = due.claim()
    clock.advance(seconds=1)
    hers = due.open()
    assert [one.end_reason for one in leases(due)] == ["preempted", None]
    due.finish(claim)
    assert turn(due) is None
    assert leases(due)[1].granted_at is not None
    assert leases(due)[1].id == hers.id
    assert counted(due, LoginAttempt) == 1
    assert told(due).startswith("Somebody opened it while it signed in by itself, and went on with it at 07:15")


def test_a_person_takes_it_in_the_moment_it_is_signed_in(due: Office, clock: ManualClock) -> None:
    turn(due)
    due.finish(due.claim())
    clock.advance(seconds=1)
    assert due.open().granted_at is not None
    turn(due)
    assert [one.ended_at is None for one in leases(due)] == [False, True]
    assert told(due) == "Signed in by itself at 07:15 today."


def test_a_person_who_opens_it_at_that_very_moment_has_it(due: Office) -> None:
    with ThreadPoolExecutor(2) as pool:
        looks, hers = pool.submit(early_sign_ins.run, due.portunus), pool.submit(due.open)
        looks.result()
    assert [one.id for one in leases(due) if one.ended_at is None] == [hers.result().id]
    assert counted(due, LoginAttempt) == counted(due, LockoutDebit) == 1


def test_lookups_wait_until_it_is_signed_in_and_then_use_it(portunus: Portunus, clock: ManualClock) -> None:
    with portunus.unit(lookups.HOLDER) as work:
        asking = furnish(work, portunus)
    with portunus.unit(HOST) as work:
        early.set_time(work, asking.account.id, "09:00")
    clock.advance(minutes=61)
    asking.ask()
    early_sign_ins.run(portunus)
    assert asking.turn() is None
    with portunus.unit(HOST) as work:
        attempt_id = work.db.scalars(select(LoginAttempt.id)).one()
        claim = tabs.claim_attempt(work, attempt_id, "node1", DIGEST)
        tabs.finish(work, claim.attempt_id, claim.fence, SIGNED_IN)
    assert asking.turn() is None
    early_sign_ins.run(portunus)
    assert asking.turn() is not None
    with portunus.reading(HOST) as work:
        assert work.db.scalars(select(LoginAttempt.id)).one() == attempt_id


# --- when it is not tried


def nothing_tried(office: Office, words: str) -> None:
    before = counted(office, LoginAttempt), counted(office, LockoutDebit), counted(office, Lease)
    assert turn(office) == office.account.id
    assert (counted(office, LoginAttempt), counted(office, LockoutDebit), counted(office, Lease)) == before
    assert words in told(office)
    assert len(on_record(office, Act.EARLY_SIGN_IN_ENDED)) == 1
    assert turn(office) is None


@pytest.mark.parametrize("mode", ["attended", "assisted"])
def test_a_portal_whose_mode_was_changed_is_left_alone(due: Office, mode: str) -> None:
    with due.portunus.unit(HOST) as work:
        work.db.get_one(Portal, due.portal.id).automation = mode
    nothing_tried(due, f"Not tried at 07:15 today: Harborline is {mode}")


def test_a_portal_that_was_switched_off_is_left_alone(due: Office) -> None:
    with due.portunus.unit(HOST) as work:
        work.db.get_one(Portal, due.portal.id).status = "off"
    nothing_tried(due, "Not tried at 07:15 today: Harborline is switched off.")


def test_a_login_that_is_stopped_is_left_alone(due: Office) -> None:
    with due.portunus.unit(HOST) as work:
        account = directory.account_by_id(work, due.account.id)
        directory.park_account(work, account, "locked", "The portal has locked this login.")
    nothing_tried(due, "Not tried at 07:15 today: The portal has locked this login.")


def test_a_login_that_no_longer_is_for_that_location_is_left_alone(due: Office) -> None:
    with due.portunus.unit(HOST) as work:
        place = account_location.c
        work.db.execute(
            delete(account_location).where(place.account_id == due.account.id, place.location_id == due.phoenix.id)
        )
    nothing_tried(due, "Not tried at 07:15 today: it is no longer a login for Saguaro Family Dental Phoenix.")


@pytest.mark.parametrize(("channel", "by_whom"), [("desk", "push"), ("desk", ""), ("voice", ""), ("recovery", "")])
def test_a_way_that_was_changed_to_a_persons_is_left_alone(due: Office, channel: str, by_whom: str) -> None:
    by(due, channel, **({"by": by_whom} if by_whom else {}))
    nothing_tried(due, "Not tried at 07:15 today: Its code ")


def test_a_mailbox_that_brings_no_codes_is_not_waited_for_though_somebody_sits_at_the_desk(due: Office) -> None:
    with due.portunus.unit(due.nora) as work:
        presence.sit(work)
    with due.portunus.unit(HOST) as work:
        box = work.db.get_one(DeliveryEndpoint, due.mailbox.id)
        box.health, box.health_words = "unlinked", "The mail server said no to this password."
    nothing_tried(due, "brings no codes now: The mail server said no to this password.")


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (1, "only two tries are left, and two are kept for people."),
        (2, "only one try is left."),
        (3, "no try is left."),
    ],
)
def test_peoples_tries_are_left_to_them(due: Office, clock: ManualClock, failed: int, words: str) -> None:
    """Harborline locks after five: of three that Portunus may make two stay."""
    clock.set(phoenix(7, 0))
    for _ in range(failed):
        due.open()
        claim = due.claim()
        due.host(lambda work, one=claim: tabs.submit(work, one.attempt_id, one.fence))
        due.finish(claim, FAILED)
    clock.set(phoenix(7, 15))
    nothing_tried(due, f"Not tried at 07:15 today: {words}")


def test_a_code_that_the_portal_refused_before_is_not_followed_by_a_last_one(due: Office, clock: ManualClock) -> None:
    known(due, wrong_code_limit=3, login_failure_limit=9)
    clock.set(phoenix(7, 5))
    due.open()
    claim = due.claim()
    request_id = due.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    with due.portunus.unit(HOST) as work:
        row = work.db.get_one(CodeRequest, request_id)
        row.state, row.state_at = "rejected", work.clock.now()
    due.finish(claim, FAILED)
    clock.set(phoenix(7, 15))
    nothing_tried(due, "its last code was wrong, and another could make the carrier lock it.")


@pytest.mark.parametrize("state", ["ready", "asleep", "signing in", "for another location"])
def test_a_login_that_is_signed_in_is_proved_already(due: Office, clock: ManualClock, state: str) -> None:
    clock.set(phoenix(7, 5))
    with due.portunus.unit(due.maria) as work:
        place = due.tucson if state == "for another location" else due.phoenix
        lease_id = tabs.open_tab(work, due.account.id, place.id, "Claim follow-up").id
    if state != "signing in":
        due.finish(due.claim(), SIGNED_IN)
        with due.portunus.unit(due.maria) as work:
            tabs.end_tab(work, lease_id)
    if state == "asleep":
        due.host(lambda work: tabs.park(work, session(due).id, b"sealed"))
    clock.set(phoenix(7, 15))
    nothing_tried(due, "It was signed in already at 07:15 today.")


# --- who sees it


def test_each_practice_sees_its_own(office: Office) -> None:
    set_time(office)
    with office.portunus.unit(HOST) as work:
        olga = acting(make.user(work, make.organization(work, "Cholla Dental"), "Olga Ruiz", role="admin"))
    with office.portunus.reading(office.audrey) as work:
        (one,) = early.shown(work)
        assert (one.portal, one.at, one.last, one.bad) == ("Harborline", "07:15", "", False)
    with office.portunus.reading(olga) as work:
        assert early.shown(work) == []
    with office.portunus.reading(office.maria) as work, pytest.raises(Refused):
        early.shown(work)


def test_what_is_switched_off_is_not_on_the_board_and_keeps_its_last_word_at_the_login(due: Office) -> None:
    turn(due)
    due.finish(due.claim())
    turn(due)
    set_time(due, "")
    with due.portunus.reading(due.ana) as work:
        assert early.shown(work) == []
        one = early.of_account(work, directory.account_by_id(work, due.account.id))
        assert one is not None
        assert (one.at, one.last) == ("", "Signed in by itself at 07:15 today.")
