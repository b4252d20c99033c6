"""People are told when a code needs them, and when a code came that nobody here had asked for."""

from datetime import timedelta

import pytest

from broker.base.actor import system
from broker.base.unit import Unit
from broker.codes import on_call, records
from broker.codes import service as codes
from broker.directory.models import MfaMethod
from broker.tabs import service as tabs
from broker.wiring import Portunus
from tests import factories as make
from tests.broker.tabs.conftest import Office
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


@pytest.fixture
def office(portunus: Portunus) -> Office:
    return Office(portunus)


def asked(office: Office) -> str:
    office.open()
    claim = office.claim()
    return office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))


def pending(office: Office) -> codes.Pending:
    with office.portunus.reading(office.nora) as work:
        (row,) = codes.pending(work)
        return row


def test_a_mail_with_two_codes_is_put_before_the_people_who_wait(office: Office) -> None:
    asked(office)
    assert pending(office).notice == ""
    assert office.arrive("Your code is 482913, or your code is 111222") == "ambiguous"
    assert "Read it yourself and type the code" in pending(office).notice


def test_a_code_that_comes_after_all_ends_the_notice(office: Office) -> None:
    request_id = asked(office)
    office.arrive("Your code is 482913, or your code is 111222")
    office.arrive("Your code is 482913", "2")
    with office.portunus.reading(office.nora) as work:
        assert codes.notice(work, records.request(work, request_id)) is None


def test_another_senders_mail_is_nobodys_business_here(office: Office) -> None:
    asked(office)

    def come(work: Unit) -> None:
        news = {"sender": "news@elsewhere.test", "trusted": False, "subject": "News"}
        arrival = make.arrival(work, office.mailbox, "Number 123456", **news)
        codes.receive(work, office.portunus.vault, office.mailbox, arrival)

    office.host(come)
    assert pending(office).notice == ""


def test_a_mail_of_a_carrier_whose_clock_is_slow_is_put_before_the_people_who_wait(office: Office) -> None:
    asked(office)

    def come(work: Unit) -> str:
        slow = work.clock.now() - timedelta(minutes=7)
        arrival = make.arrival(work, office.mailbox, "Your code is 482913", written_at=slow)
        return codes.receive(work, office.portunus.vault, office.mailbox, arrival).verdict

    assert office.host(come) == "late"
    assert "Its date is long before the portal was asked" in pending(office).notice


def test_a_recorded_call_is_one_press_away(office: Office) -> None:
    with office.portunus.unit(system("test")) as work:
        phone = make.endpoint(work, office.org, kind="phone", address="+16025550142")
        method = work.db.query(MfaMethod).one()
        method.channel, method.endpoint_id, method.template = "voice", phone.id, {"context": ["code"]}
    asked(office)

    def come(work: Unit) -> None:
        call = make.arrival(
            work, phone, "", channel="voice", external_id="call:RE1", sender="", subject="",
            unreadable="A call was recorded: listen to it.", recording="https://api.twilio.test/RE1",
        )  # fmt: skip
        codes.receive(work, office.portunus.vault, phone, call)

    office.host(come)
    assert pending(office).recording == "https://api.twilio.test/RE1"


def test_an_address_that_a_browser_should_not_open_is_not_offered(office: Office) -> None:
    class Told:
        detail = {"recording": "javascript:alert(1)"}

    assert codes.recording_of(Told()) == ""


def unasked(office: Office) -> list[codes.Unasked]:
    with office.portunus.reading(office.ana) as work:
        return codes.unasked(work, [office.mailbox.id])


def test_a_code_that_nobody_asked_for_is_an_alarm_that_names_the_login(office: Office, clock: ManualClock) -> None:
    assert office.arrive() == "unsolicited"
    (one,) = unasked(office)
    assert (one.portal, one.account_id, one.endpoint) == ("Harborline", office.account.id, "mailbox of the front desk")
    clock.advance(days=3)
    assert unasked(office) == []


def test_it_is_one_while_another_login_waits_at_the_same_mailbox(office: Office) -> None:
    """At eight o'clock somebody always waits."""
    with office.portunus.unit(system("test")) as work:
        mailbox, place = work.db.merge(office.mailbox), work.db.merge(office.phoenix)
        rule = {"senders": ["code@juniper.sim.test"], "context": ["your code is"], "pattern": r"\d{6}"}
        other = make.account(
            work, make.portal(work, "juniper", digest="e" * 64), [place], endpoint=mailbox, template=rule
        ).id
    asked(office)

    def come(work: Unit) -> str:
        assert "code@juniper.sim.test" in codes.login_senders(work, office.mailbox.id)
        arrival = make.arrival(work, office.mailbox, "Your code is 123456", sender="code@juniper.sim.test")
        return codes.receive(work, office.portunus.vault, office.mailbox, arrival).verdict

    assert office.host(come) == "foreign"
    assert [one.account_id for one in unasked(office)] == [other]
    assert pending(office).notice == ""


def test_an_ordinary_mail_is_no_alarm(office: Office) -> None:
    assert office.arrive("Your statement is ready.") == "unsolicited"
    assert unasked(office) == []


# --- nobody is called for a code that comes by itself, unless it does not


def call_at_s(office: Office, request_id: str) -> float:
    with office.portunus.reading(office.nora) as work:
        row = records.request(work, request_id)
        noticed = codes.notice(work, row)
        _, at = on_call.calls(work, row, noticed.at if noticed else None)
    assert at is not None
    return (at - row.asked_at).total_seconds()


def test_people_are_called_when_a_mail_is_later_than_usual(office: Office) -> None:
    assert call_at_s(office, asked(office)) == on_call.USUAL_S


def test_people_are_called_at_once_when_it_cannot_be_used(office: Office, clock: ManualClock) -> None:
    request_id = asked(office)
    clock.advance(seconds=7)
    office.arrive("Your code is 482913, or your code is 111222")
    assert call_at_s(office, request_id) == 7


def test_half_of_a_short_life_is_left_to_people(office: Office) -> None:
    request_id = asked(office)
    with office.portunus.unit(system("test")) as work:
        row = records.request(work, request_id)
        row.deadline = row.asked_at + timedelta(seconds=30)
    assert call_at_s(office, request_id) == 15
