"""Who received the last code for this portal at this location: one answer, with its proof."""

import pytest

from broker.audit import service as audit
from broker.base.actor import Actor
from broker.base.errors import BrokerError
from broker.codes import service as codes
from broker.recordings import service as recordings
from broker.recordings.service import Subject
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from tests.broker.tabs.conftest import Office

BOTH_DATABASES = True


def asked(office: Office, who: Actor | None = None, place: str = "phoenix") -> tabs.LastCode:
    key = office.host(lambda work: audit.log_key(work, office.portunus.keyring))
    with office.portunus.unit(who or office.audrey) as work:
        request_id = tabs.ask_last_code(work, key, office.portal.key, place)
    with office.portunus.reading(who or office.audrey) as work:
        return tabs.last_code(work, key, request_id)


def test_a_mailed_code_was_shown_to_nobody(office: Office) -> None:
    request_id = office.whole_way()
    told = asked(office)
    assert (told.code_request_id, told.asked_by, told.given_by) == (request_id, "Maria Lopez", None)
    assert told.received_by == "Portunus, for Maria Lopez (typed by the browser host; Portunus showed it to nobody)"
    assert (told.channel, told.answer, told.answer_words) == ("email", "accepted", "accepted it")


def test_who_read_the_code_and_handed_it_in_is_named(office: Office) -> None:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    office.host(lambda work: codes.waiting(work, request_id))
    with office.portunus.unit(office.ana) as work:
        codes.give(work, office.portunus.vault, request_id, "482913")
    office.host(lambda work: codes.take(work, office.portunus.vault, request_id, claim.attempt_id))
    told = asked(office)
    assert told.given_by == "Ana Petrova"
    assert "Ana Petrova read it and handed it in" in told.received_by
    assert "nobody" not in told.received_by
    assert told.answer_words == "gave no answer"


def test_the_newest_code_of_that_place_answers(office: Office) -> None:
    office.whole_way()
    with office.portunus.unit(office.maria) as work:
        tabs.sign_out(work, office.lease_id)
    newest = office.whole_way("2", "771204")
    assert asked(office).code_request_id == newest


def recorded(office: Office, lease_id: str) -> str:
    """The tab of this lease is shown to its holder."""
    lease = office.host(lambda work: work.db.get(Lease, lease_id))
    subject = Subject(
        office.org.id, lease_id, lease.portal_session_id, office.account.id, office.phoenix.id,
        lease.holder_kind, lease.holder_id, lease.holder_name,
    )  # fmt: skip

    def start(work) -> str:
        row, _ = recordings.start(work, office.portunus.vault, subject)
        codes.shown_in_recording(work, tabs.attempts_for(work, lease_id), row.id)
        return row.id

    return office.host(start)


def test_the_recording_is_that_of_the_tab_it_was_asked_for_from_its_beginning(office: Office) -> None:
    office.whole_way()
    first = recorded(office, office.lease_id)
    told = asked(office)
    assert (told.lease_id, told.recording_id, told.recording_offset_ms) == (office.lease_id, first, 0)


def test_a_later_tab_of_the_session_is_not_linked_to_the_code_of_one_that_was_never_shown(office: Office) -> None:
    office.whole_way()
    asker = office.lease_id
    with office.portunus.unit(office.maria) as work:
        tabs.end_tab(work, asker)
    other = office.open()
    recorded(office, other.id)
    told = asked(office)
    assert (told.asked_by, told.lease_id, told.recording_id) == ("Maria Lopez", asker, None)


def test_where_no_code_was_released_there_is_none(office: Office) -> None:
    office.whole_way()
    with pytest.raises(BrokerError, match="No code was released"):
        asked(office, place="tucson")


def test_a_biller_may_not_ask(office: Office) -> None:
    office.whole_way()
    with pytest.raises(BrokerError):
        asked(office, office.maria)


def test_asking_is_an_entry_of_its_own(office: Office) -> None:
    office.whole_way()
    first = asked(office).proof
    assert asked(office).proof.size > first.size - 1
    assert asked(office).proof.index == first.index
