"""Answers to security questions, and the way an account's codes come: for the browser host's desk, never for a script."""

import json

import pytest
from sqlalchemy import func, select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import Conflict, Refused
from broker.directory.models import MfaMethod
from broker.tabs import service as tabs
from tests.broker.tabs.conftest import Office

BOTH_DATABASES = True

HOST = system("browserhost")
QUESTION = "What was the name of your first street?"


def store(office: Office) -> None:
    answers = json.dumps({QUESTION: "Juniper Bend"}).encode()
    office.host(
        lambda work: office.portunus.vault.put(
            work, office.org.id, "portal_account", office.account.id, "security_answers", answers
        )
    )


def ask(office: Office, claim: tabs.Claim, question: str, fence: int | None = None) -> str | None:
    return office.host(
        lambda work: tabs.release_answer(
            work, office.portunus.vault, claim.attempt_id, claim.fence if fence is None else fence, question
        )
    )


def test_an_answer_is_released_only_after_the_try_was_taken(office: Office) -> None:
    store(office)
    office.open()
    claim = office.claim()
    with pytest.raises(Refused) as refused:
        ask(office, claim, QUESTION)
    assert refused.value.code == "not-submitted"
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    assert ask(office, claim, QUESTION) == "Juniper Bend"


@pytest.mark.parametrize(
    "asked", ["  what was the NAME of your first street  ", "What was the name of your first street"]
)
def test_the_same_question_in_other_letters_is_the_same_question(office: Office, asked: str) -> None:
    store(office)
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    assert ask(office, claim, asked) == "Juniper Bend"


def test_another_question_has_no_answer(office: Office) -> None:
    store(office)
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    assert ask(office, claim, "Which town did you finish school in?") is None


def test_a_login_without_stored_answers_has_none(office: Office) -> None:
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    assert ask(office, claim, QUESTION) is None


def test_a_stale_host_gets_no_answer(office: Office) -> None:
    store(office)
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    with pytest.raises(Conflict):
        ask(office, claim, QUESTION, fence=claim.fence - 1)


def test_the_release_is_in_the_audit_log_without_the_answer(office: Office) -> None:
    store(office)
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    with office.portunus.reading(HOST) as work:
        before = work.db.scalar(select(func.count(AuditEntry.id)))
    ask(office, claim, QUESTION)
    with office.portunus.reading(HOST) as work:
        rows = work.db.scalars(select(AuditEntry)).all()
    assert len(rows) == before + 1
    assert all("Juniper" not in str(vars(row)) for row in rows)


def test_the_way_of_the_codes_is_the_first_methods(office: Office) -> None:
    office.open()
    claim = office.claim()
    assert office.host(lambda work: tabs.method(work, claim.attempt_id, claim.fence)) == "email"

    def by_voice(work) -> None:
        row = work.db.scalars(select(MfaMethod).where(MfaMethod.account_id == office.account.id)).one()
        row.channel, row.template = "desk", {"by": "voice"}

    office.host(by_voice)
    assert office.host(lambda work: tabs.method(work, claim.attempt_id, claim.fence)) == "voice"
