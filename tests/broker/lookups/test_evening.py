"""A portal that closes for the night: what is due waits for it, what is planned for tomorrow is asked tomorrow."""

from datetime import timedelta

from sqlalchemy import select

from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.lookups import service as lookups
from broker.lookups.governor import RETRIES
from broker.lookups.models import WebhookDelivery
from broker.tabs import service as tabs
from tests.broker.lookups.conftest import Office
from tests.broker.lookups.test_batches import counts, read, sent
from tests.broker.lookups.test_hooks import subscribed
from tests.broker.lookups.test_turns import sign_in_fails, sign_ins, sweep

BOTH_DATABASES = True
NIGHT = timedelta(hours=12)


def tomorrows(office: Office, clock) -> str:
    batch = sent(office, not_before=clock.now() + NIGHT)
    read(office, batch)
    return batch


def fails(office: Office, clock, outcome: str, times: int, **how: bool) -> None:
    """So often the login's sign-in ends so, each as soon as it is tried."""
    for _ in range(times):
        office.turn()
        sign_in_fails(office, outcome, **how)
        office.turn()
        clock.advance(seconds=1801)


def test_a_portal_that_is_down_all_evening_answers_what_waited_and_tomorrows_batch(office: Office, clock) -> None:
    batch, asked = tomorrows(office, clock), office.ask(member_id="HD100042799")
    fails(office, clock, "down", 9)
    assert (office.row(asked).state, counts(office, batch).states) == ("queued", {"queued": 2})
    clock.advance(seconds=NIGHT.total_seconds())
    office.sign_in()
    lease, served = office.turn(), 0
    while isinstance(job := office.next(lease), lookups.Job):
        office.fail(job, "patient_not_found")
        served += 1
    assert served == 3


def test_a_login_that_needs_a_person_tonight_still_has_tomorrows_rows_and_says_nothing_of_their_end(
    office: Office, clock
) -> None:
    subscribed(office)
    batch, asked = tomorrows(office, clock), office.ask(member_id="HD100042799")
    fails(office, clock, "wrong_practice", 1)
    assert office.row(asked).error == "not_authorized_for_tin"
    assert counts(office, batch).states == {"queued": 2}
    with office.portunus.reading(lookups.HOLDER) as work:
        events = work.db.scalars(select(WebhookDelivery.event)).all()
    assert events == ["lookup.needs_human"]


def test_a_login_that_is_parked_in_the_evening_and_released_by_the_morning_asks_tomorrows_rows(
    office: Office, clock
) -> None:
    batch, asked = tomorrows(office, clock), office.ask(member_id="HD100042799")
    fails(office, clock, "wrong_password", 1, parks=True)
    office.turn()
    assert (office.row(asked).state, counts(office, batch).states) == ("needs_human", {"queued": 2})
    with office.portunus.unit(office.actor) as work:
        account = work.db.get_one(PortalAccount, office.account.id)
        directory.release_account(work, account, "The new password is stored.")
    clock.advance(seconds=NIGHT.total_seconds())
    sweep(office)
    office.turn()
    assert sign_ins(office) == 2


def test_a_deadline_ends_what_waits_for_a_portal_that_stays_down(office: Office, clock) -> None:
    asked = office.ask(deadline=clock.now() + timedelta(hours=3))
    fails(office, clock, "down", 6)
    sweep(office)
    assert office.row(asked).error == "deadline_passed"


def test_one_code_that_is_late_after_a_night_of_a_closed_portal_does_not_stop_the_login(office: Office, clock) -> None:
    asked = office.ask()
    fails(office, clock, "down", 6)
    fails(office, clock, "no_code", 1)
    office.turn()
    assert office.row(asked).state == "queued"
    assert sign_ins(office) == 8


def test_a_row_that_the_portal_does_not_answer_is_tried_all_night_and_then_needs_a_person(
    office: Office, clock
) -> None:
    asked = office.ask()
    office.sign_in()
    began = clock.now()
    for _ in range(RETRIES["later"] + 1):
        assert office.row(asked).state == "queued"
        lease = office.turn()
        office.fail(office.next(lease), "payer_unavailable")
        with office.portunus.unit(lookups.HOLDER) as work:
            tabs.end_tab(work, lease)
        clock.advance(seconds=1801)
    assert clock.now() - began > timedelta(hours=24)
    assert office.row(asked).state == "needs_human"


def test_what_waits_for_a_sign_in_that_fails_for_a_day_needs_a_person(office: Office, clock) -> None:
    asked = office.ask(member_id="HD100042799")
    fails(office, clock, "down", RETRIES["later"])
    assert office.row(asked).state == "queued"
    fails(office, clock, "down", 1)
    assert (office.row(asked).state, office.row(asked).error) == ("needs_human", "portal_down")
