"""A login's turn: one location seen through, a portal left alone, a login that rests, what never ends, what goes on after a repair."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update

from broker.base.errors import NotFound
from broker.directory import service as directory
from broker.directory.models import Location, PortalAccount
from broker.lookups import onward, turns
from broker.lookups import service as lookups
from broker.lookups.models import Lookup, LookupTurn
from broker.tabs import records
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LoginAttempt, PortalSession
from broker.tabs.states import AttemptState
from tests import factories
from tests.broker.lookups.conftest import Office
from tests.conftest import acting

BOTH_DATABASES = True


@pytest.fixture
def tucson(office: Office) -> Location:
    """A second location of the same login."""
    with office.portunus.unit(lookups.HOLDER) as work:
        account = work.db.get_one(PortalAccount, office.account.id)
        org = work.db.get_one(factories.Organization, office.account.organization_id)
        place = factories.location(work, org, "tucson")
        account.locations.append(place)
    return place


def member(number: int) -> str:
    return f"HD2000000{number:02d}"


def ask_many(office: Office, count: int = 3) -> list[Lookup]:
    return [office.ask(member_id=member(number)) for number in range(count)]


def where(office: Office, job: lookups.Job) -> str:
    with office.portunus.reading(lookups.HOLDER) as work:
        return work.db.get_one(Lookup, job.lookup_id).location.key


def sign_ins(office: Office) -> int:
    with office.portunus.reading(lookups.HOLDER) as work:
        return len(work.db.scalars(select(LoginAttempt)).all())


def sweep(office: Office) -> None:
    with office.portunus.unit(lookups.HOLDER) as work:
        onward.after_repairs(work)
        lookups.sweep(work)


def sign_in_fails(office: Office, outcome: str, *, parks: bool = False, credit: bool = True) -> None:
    """The sign-in that is reserved ends so."""
    with office.portunus.unit(lookups.HOLDER) as work:
        attempt = work.db.scalars(select(LoginAttempt).where(LoginAttempt.ended_at.is_(None))).one()
        records.close_attempt(work, attempt, AttemptState.WITHDRAWN, outcome)
        if credit:
            records.credit_try(work, attempt.id)
        if parks:
            directory.park_account(work, attempt.account, outcome, "It did not work.")
        records.end_session(work, attempt.portal_session, outcome, "It did not work.")


@pytest.mark.usefixtures("tucson")
def test_alternating_locations_cost_one_sign_in_each(office: Office, clock) -> None:
    for number in range(6):
        office.ask(member_id=member(number), location=("phoenix", "tucson")[number % 2])
        clock.advance(seconds=1)
    office.sign_in()
    lease, served = office.turn(), []
    while job := office.next(lease):
        served.append(where(office, job))
        office.fail(job, "patient_not_found")
    assert served == ["phoenix"] * 3
    assert sign_ins(office) == 0
    with office.portunus.unit(lookups.HOLDER) as work:
        tabs.end_tab(work, lease)
    office.turn()
    assert sign_ins(office) == 1
    with office.portunus.reading(lookups.HOLDER) as work:
        session = work.db.scalars(select(PortalSession).where(PortalSession.ended_at.is_(None))).one()
        assert session.location.key == "tucson"


@pytest.mark.usefixtures("tucson")
def test_a_person_at_another_location_goes_before_the_batch_here(office: Office) -> None:
    ask_many(office)
    office.sign_in()
    lease = office.turn()
    office.fail(office.next(lease), "patient_not_found")
    office.ask(member_id=member(9), location="tucson", priority=0)
    assert office.next(lease) is None


@pytest.mark.usefixtures("tucson")
def test_the_warm_session_is_used_before_another_location_is_signed_in_to(office: Office, clock) -> None:
    office.ask(location="tucson")
    clock.advance(seconds=1)
    here = office.ask(member_id=member(1))
    office.sign_in()
    assert office.next(office.turn()).lookup_id == here.id
    assert sign_ins(office) == 0


@pytest.mark.usefixtures("tucson")
def test_a_location_that_is_asked_all_day_does_not_starve_the_other(office: Office, clock) -> None:
    office.ask()
    office.sign_in()
    lease = office.turn()
    office.fail(office.next(lease), "patient_not_found")
    clock.advance(seconds=turns.SETTLED.total_seconds() + 1)
    office.ask(member_id=member(1), location="tucson")
    clock.advance(seconds=1)
    office.ask(member_id=member(2))
    assert office.next(lease) is None


def test_a_deadline_orders_the_queue(office: Office, clock) -> None:
    office.ask(member_id=member(1))
    clock.advance(seconds=1)
    soon = office.ask(member_id=member(2), deadline=clock.now() + timedelta(hours=1))
    sooner = office.ask(member_id=member(3), deadline=clock.now() + timedelta(minutes=5))
    office.sign_in()
    lease = office.turn()
    assert [office.next(lease).lookup_id, office.next(lease).lookup_id] == [sooner.id, soon.id]


def test_a_deadline_ends_what_waits_for_a_person_too(office: Office, clock) -> None:
    asked = office.ask(deadline=clock.now() + timedelta(minutes=5))
    office.sign_in()
    office.fail(office.next(office.turn()), "page_changed")
    clock.advance(seconds=301)
    sweep(office)
    assert (office.row(asked).state, office.row(asked).error) == ("failed", "deadline_passed")


def test_a_portal_left_alone_is_neither_signed_in_to_nor_leased(office: Office, clock) -> None:
    ask_many(office, 5)
    session = office.sign_in()
    lease = office.turn()
    for _ in range(3):
        office.fail(office.next(lease), "page_changed")
    with office.portunus.unit(lookups.HOLDER) as work:
        tabs.end_tab(work, lease)
    assert office.turn() is None
    with office.portunus.unit(lookups.HOLDER) as work:
        tabs.lost(work, session, "signed_out", "The portal has signed out.")
    assert office.turn() is None
    assert sign_ins(office) == 0
    with office.portunus.reading(lookups.HOLDER) as work:
        assert len(work.db.scalars(select(Lease)).all()) == 1
    clock.advance(seconds=61)
    office.turn()
    assert sign_ins(office) == 1


def test_a_login_that_is_stopped_by_its_own_page_rests_and_the_batch_is_not_spent(office: Office, clock) -> None:
    ask_many(office, 6)
    office.sign_in()
    lease = office.turn()
    for _ in range(3):
        office.fail(office.next(lease), "needs_person")
    wait = office.next(lease)
    assert isinstance(wait, lookups.Wait)
    assert wait.seconds == pytest.approx(60)
    clock.advance(seconds=61)
    office.fail(office.next(lease), "patient_not_found")  # the portal answers this login again
    assert isinstance(office.next(lease), lookups.Job)


def test_a_person_who_comes_again_and_again_does_not_count(office: Office) -> None:
    asked = office.ask()
    office.sign_in()
    for _ in range(turns.MOST_RUNS + 2):
        job = office.next(office.turn())
        with office.portunus.unit(office.actor) as work:
            mine = tabs.open_tab(work, office.account.id, office.location.id, "claim follow-up")
        with office.portunus.unit(lookups.HOLDER) as work:
            lookups.give_back(work, job)
        with office.portunus.unit(office.actor) as work:
            tabs.end_tab(work, mine.id)
    assert office.row(asked).state == "queued"


def test_a_lookup_that_kills_its_host_each_time_ends_with_a_person_and_lets_others_pass(office: Office, clock) -> None:
    deadly = office.ask()
    clock.advance(seconds=1)
    other = office.ask(member_id=member(1))
    office.sign_in()
    served = []
    for _ in range(turns.MOST_RUNS + 1):
        job = office.next(lease := office.turn())
        served.append(job.lookup_id)
        if job.lookup_id == other.id:
            office.fail(job, "patient_not_found")
            job = office.next(lease)
        with office.portunus.unit(lookups.HOLDER) as work:
            tabs.end_tab(work, lease)  # the host is gone
        sweep(office)
        if office.row(deadly).state == "needs_human":
            break
        clock.advance(seconds=0 if other.id not in served else 1801)
    assert office.row(deadly).error == "never_ended"
    assert served.index(other.id) == 3
    with office.portunus.unit(office.actor) as work:
        assert lookups.again(work, deadly.id).runs == 0


def test_out_of_tries_is_said_in_the_words_of_the_refusal(office: Office, clock) -> None:
    asked = office.ask()
    for rest in (31, 121, 601):  # three tries: the portal's own limit less the reserve
        office.turn()
        sign_in_fails(office, "down", credit=False)
        office.turn()
        clock.advance(seconds=rest)
    assert office.turn() is None
    assert sign_ins(office) == 3
    assert "could make the carrier lock this login" in office.shown(asked).words


def test_a_login_the_portal_locks_in_mid_lookup_is_parked_and_not_tried_again(office: Office) -> None:
    rows = ask_many(office, 2)
    session = office.sign_in()
    lease = office.turn()
    office.fail(office.next(lease), "account_locked")
    with office.portunus.unit(lookups.HOLDER) as work:
        lookups.signed_out(work, session, "locked", "The portal has locked this login.", parks_account=True)
    assert office.turn() is None
    assert sign_ins(office) == 0
    assert [office.row(row).error for row in rows] == ["account_locked", "account_locked"]


def test_a_portal_that_only_signed_out_does_not_park_the_login(office: Office) -> None:
    office.ask()
    session = office.sign_in()
    with office.portunus.unit(lookups.HOLDER) as work:
        lookups.signed_out(work, session, "signed_out", "The portal has signed out.", parks_account=False)
        assert work.db.get_one(PortalAccount, office.account.id).status == "active"
    office.turn()
    assert sign_ins(office) == 1


def test_after_the_login_is_released_what_waited_for_it_goes_on_and_nothing_else(office: Office, clock) -> None:
    office.sign_in()
    changed = office.ask(member_id=member(7))
    office.fail(office.next(lease := office.turn()), "page_changed")
    with office.portunus.unit(lookups.HOLDER) as work:
        records.end_session(work, work.db.get_one(Lease, lease).portal_session, "signed_out")
    rows = ask_many(office)
    office.turn()
    sign_in_fails(office, "wrong_password", parks=True)
    office.turn()
    assert {office.row(row).error for row in rows} == {"login_failed"}
    clock.advance(seconds=60)
    sweep(office)
    assert {office.row(row).state for row in rows} == {"needs_human"}
    with office.portunus.unit(office.actor) as work:
        directory.release_account(
            work, work.db.get_one(PortalAccount, office.account.id), "The new password is stored."
        )
    clock.advance(seconds=1)
    sweep(office)
    assert {(office.row(row).state, office.row(row).error) for row in rows} == {("queued", None)}
    assert office.row(changed).state == "needs_human"
    assert ("run_lookups", office.account.id) in office.portunus.queue.sent


def test_after_codes_that_nobody_gave_a_sign_in_that_works_lets_them_go_on(office: Office, clock) -> None:
    asked = office.ask()
    for _ in range(5):
        office.turn()
        sign_in_fails(office, "no_code")
        office.turn()
        clock.advance(seconds=1801)
    office.turn()
    assert (office.row(asked).state, office.row(asked).error) == ("needs_human", "mfa_timeout")
    sweep(office)
    assert office.row(asked).state == "needs_human"
    clock.advance(seconds=1)
    office.sign_in()
    sweep(office)
    assert office.row(asked).state == "queued"


def test_a_login_that_needs_a_person_ends_its_queue_a_piece_at_a_time(office: Office, monkeypatch) -> None:
    monkeypatch.setattr(turns, "PIECE", 2)
    rows = ask_many(office, 5)
    office.turn()
    sign_in_fails(office, "wrong_practice")
    ended = []
    for _ in range(3):
        office.turn()
        ended.append(sum(office.row(row).state == "needs_human" for row in rows))
    assert ended == [2, 4, 5]
    assert sign_ins(office) == 1
    office.ask(member_id=member(9))
    office.turn()
    assert sign_ins(office) == 2


def test_an_answer_that_comes_while_the_login_is_given_up_stays(office: Office) -> None:
    """The row is locked by the host's transaction when the other ends all that is queued."""
    if office.portunus.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    asked = office.ask()
    office.sign_in()
    lease = office.turn()
    taken = Barrier(2)
    over = Barrier(2)

    def host() -> None:
        with office.portunus.unit(lookups.HOLDER) as work:
            lookups.next_job(work, office.portunus.vault, lease)
            work.db.flush()
            taken.wait(30)
            over.wait(30)

    other = Thread(target=host)
    other.start()
    taken.wait(30)
    try:
        with office.portunus.unit(lookups.HOLDER) as work:
            work.db.execute(update(PortalAccount).values(status="locked"))
            turns.take_turn(work, office.account.id)
    finally:
        over.wait(30)
        other.join(30)
    assert office.row(asked).state == "running"


def test_a_grant_for_the_login_alone_asks_and_sees_its_own(office: Office) -> None:
    from broker.identity import service as identity
    from broker.identity.policy import Role

    with office.portunus.unit(lookups.HOLDER) as work:
        org = work.db.get_one(factories.Organization, office.account.organization_id)
        dan = factories.user(work, org, "Dan Whitfield", role=None)
        identity.give_grant(work, role=Role.BILLER, user_id=dan.id, account_id=office.account.id)
        eve = factories.user(work, org, "Eve Stone", role=None)
        other = factories.account(work, work.db.merge(office.portal), [work.db.merge(office.location)], username="x")
        identity.give_grant(work, role=Role.BILLER, user_id=eve.id, account_id=other.id)
    asked = office.ask()
    with office.portunus.reading(acting(dan)) as work:
        assert lookups.own(work, asked.id).id == asked.id
    with office.portunus.reading(acting(eve)) as work, pytest.raises(NotFound):
        lookups.own(work, asked.id)


def test_the_turn_forgets_why_it_rested_once_a_portal_is_open(office: Office, clock) -> None:
    office.ask()
    office.turn()
    sign_in_fails(office, "no_code")
    office.turn()
    clock.advance(seconds=31)
    office.turn()
    with office.portunus.reading(lookups.HOLDER) as work:
        assert work.db.get_one(LookupTurn, office.account.id).words is None
