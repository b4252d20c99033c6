"""The engine's decisions in SQL: asked once, taken once, ended once; a person first; retries by class."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.base.ids import new_id
from broker.directory.models import Carrier
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting
from broker.lookups.models import Lookup, LookupResult
from broker.tabs import records
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LoginAttempt
from broker.tabs.states import AttemptState
from tests import factories
from tests.broker.lookups import results
from tests.broker.lookups.conftest import Office, furnish
from tests.conftest import acting

BOTH_DATABASES = True


def test_asked_taken_answered(office: Office) -> None:
    asked = office.ask()
    assert ("run_lookups", office.account.id) in office.portunus.queue.sent
    office.sign_in()
    lease = office.turn()
    job = office.next(lease)
    assert (job.lookup_id, job.question["member_id"]) == (asked.id, "HD100042731")
    office.answer(job)
    assert office.shown(asked).state == "done"
    assert isinstance(office.next(lease), lookups.Wait)


def test_the_sign_in_for_lookups_names_who_asked_them_and_is_no_persons_tab(office: Office) -> None:
    office.ask()
    office.turn()
    with office.portunus.unit(lookups.HOLDER) as work:
        attempt = work.db.scalars(select(LoginAttempt)).one()
        assert (attempt.requester_kind, attempt.requester_id) == ("user", office.maria.id)
        claim = tabs.claim_attempt(work, attempt.id, "node1", "d" * 64)
        assert claim is not None
        assert not claim.for_person
    with office.portunus.reading(lookups.HOLDER) as work:
        leaf = work.db.scalars(select(AuditEntry.leaf).where(AuditEntry.act == Act.TAB_REQUESTED)).one()
    assert '"for_name":"Maria Lopez"' in leaf


def test_one_lookup_is_taken_by_one_host_only(office: Office) -> None:
    office.ask()
    office.sign_in()
    lease = office.turn()
    assert isinstance(office.next(lease), lookups.Job)
    assert isinstance(office.next(lease), lookups.Wait)


def test_an_answer_that_comes_after_the_lookup_was_given_back_changes_nothing(office: Office) -> None:
    asked = office.ask()
    office.sign_in()
    job = office.next(office.turn())
    with office.portunus.unit(lookups.HOLDER) as work:
        lookups.give_back(work, job)
    office.answer(job)
    assert office.row(asked).state == "queued"


def test_a_person_takes_the_portal_and_the_lookups_wait(office: Office) -> None:
    asked = office.ask()
    office.sign_in()
    lease = office.turn()
    with office.portunus.unit(office.actor) as work:
        mine = tabs.open_tab(work, office.account.id, office.location.id, "claim follow-up")
        assert work.db.get(Lease, lease).end_reason == "preempted"
    assert office.next(lease) is None
    assert office.turn() is None
    assert office.shown(asked).state == "waiting_session"
    assert office.shown(asked).words == "Maria Lopez works in this portal; lookups go on afterwards."
    with office.portunus.unit(office.actor) as work:
        tabs.end_tab(work, mine.id)
    assert isinstance(office.next(office.turn()), lookups.Job)


def test_a_portal_that_forbids_programs_is_never_asked(portunus) -> None:
    with portunus.unit(lookups.HOLDER) as work:
        office = furnish(work, portunus, automation="attended")
    asked = office.ask()
    shown = office.shown(asked)
    assert (shown.state, shown.error["code"], shown.error["x12_aaa"]) == ("blocked_by_policy", "policy_blocked", "41")
    assert office.turn() is None
    assert portunus.queue.sent == []


def test_permission_withdrawn_while_it_waits_blocks_it(office: Office) -> None:
    asked = office.ask()
    with office.portunus.unit(lookups.HOLDER) as work:
        work.db.merge(office.portal).automation = "assisted"
    assert office.turn() is None
    assert office.row(asked).state == "blocked_by_policy"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"provider_npi": "1999999985"}, "check digit"),
        ({"birth_date": "1984-02-30"}, "birth_date"),
        ({"birth_date": "2084-03-17"}, "future"),
        ({"birth_date": "1884-03-17"}, "1900"),
        ({"service_date": "2010-01-01"}, "three years"),
        ({"member_id": "<script>"}, "member_id"),
        ({"claim_number": "X123"}, "claim_status"),
        ({"with_eob": True}, "belong to claim_status"),
        ({"kind": "claim_status", "claim_number": "X123", "service_date": "2026-10-02"}, "belongs to eligibility"),
        ({"kind": "claim_status", "birth_date": None}, "dates"),
        ({"ssn": "123"}, "ssn"),
    ],
)
def test_impossible_questions_are_refused_in_words_without_the_patient(office: Office, told: dict, words: str) -> None:
    with pytest.raises(Incomplete, match=words) as no:
        office.ask(**{name: value for name, value in told.items() if value is not None})
    assert "HD100042731" not in no.value.message


def test_another_practice_cannot_be_asked_for(office: Office) -> None:
    with office.portunus.unit(lookups.HOLDER) as work:
        other = factories.organization(work, "Other")
        factories.location(work, other, "elsewhere")
    with pytest.raises(NotFound):
        office.ask(location="elsewhere")


def test_the_front_desk_asks_for_eligibility_and_not_for_claims(office: Office) -> None:
    with office.portunus.unit(lookups.HOLDER) as work:
        org = work.db.get_one(type(office.maria), office.maria.id).organization_id
        dan = factories.user(work, work.db.get_one(factories.Organization, org), "Dan Whitfield", role="front_desk")
    with office.portunus.unit(acting(dan)) as work:
        told = {"portal": "harborline", "location": "phoenix", "member_id": "HD1", "birth_date": "1984-03-17"}
        assert lookups.submit(
            work, office.portunus.vault, lookups.parsed(told | {"kind": "eligibility", "member_id": "HD100"})
        ).id
    with pytest.raises(Refused), office.portunus.unit(acting(dan)) as work:
        lookups.submit(
            work,
            office.portunus.vault,
            lookups.parsed(
                {"kind": "claim_status", "portal": "harborline", "location": "phoenix", "claim_number": "HC1"}
            ),
        )


def test_a_recent_answer_is_given_again_without_asking(office: Office, clock) -> None:
    first = office.ask()
    office.sign_in()
    office.answer(office.next(office.turn()))
    clock.advance(seconds=600)
    again = office.ask(max_age_s=3600, member_id="hd100042731")
    assert (office.shown(again).state, office.row(again).result_id) == ("done", office.row(first).result_id)
    assert office.shown(office.ask(max_age_s=60)).state == "queued"


def test_another_patient_than_was_asked_for_is_never_kept(office: Office) -> None:
    asked = office.ask(member_id="HD777777777")
    office.sign_in()
    office.answer(office.next(office.turn()))
    assert office.shown(asked).error["code"] == "wrong_patient_shown"
    with office.portunus.reading(lookups.HOLDER) as work:
        assert work.db.query(LookupResult).count() == 0


def test_a_value_without_evidence_ends_as_bad_answer(office: Office) -> None:
    asked = office.ask()
    office.sign_in()
    office.answer(office.next(office.turn()), disclaimer="not a promise")
    assert office.shown(asked).error["code"] == "bad_answer"


def test_retry_by_class(office: Office, clock) -> None:
    office.sign_in()
    for code, state in (("patient_not_found", "failed"), ("page_changed", "needs_human")):
        asked = office.ask()
        office.fail(office.next(office.turn()), code)
        assert office.row(asked).state == state
    later = office.ask()
    office.fail(office.next(office.turn()), "payer_unavailable")
    row = office.row(later)
    assert (row.state, row.error, row.not_before > clock.now()) == ("queued", "payer_unavailable", True)


def test_a_portal_in_trouble_is_left_alone_for_a_while(office: Office, clock) -> None:
    office.sign_in()
    lease = office.turn()
    for number in range(4):
        office.ask(member_id=f"HD10000000{number}")
    lease = office.turn()
    for _ in range(3):
        office.fail(office.next(lease), "page_changed")
    wait = office.next(lease)
    assert isinstance(wait, lookups.Wait)
    assert wait.seconds == pytest.approx(60)


def test_cancelled_before_it_runs_and_not_after(office: Office) -> None:
    asked = office.ask()
    with office.portunus.unit(office.actor) as work:
        assert lookups.cancel(work, asked.id).state == "cancelled"
    running = office.ask()
    office.sign_in()
    office.next(office.turn())
    with pytest.raises(Conflict), office.portunus.unit(office.actor) as work:
        lookups.cancel(work, running.id)


def test_what_a_dead_host_left_is_queued_again_and_what_is_late_ends(office: Office, clock) -> None:
    late = office.ask(deadline=clock.now() + timedelta(minutes=1))
    asked = office.ask(member_id="HD100000009", priority=0)
    office.sign_in()
    lease = office.turn()
    job = office.next(lease)
    assert job.lookup_id == asked.id
    with office.portunus.unit(lookups.HOLDER) as work:
        tabs.end_tab(work, lease)
    clock.advance(seconds=120)
    with office.portunus.unit(lookups.HOLDER) as work:
        assert lookups.sweep(work) == [office.account.id]
    assert (office.row(asked).state, office.row(late).error) == ("queued", "deadline_passed")


def test_a_sign_in_that_failed_is_not_tried_again_by_itself(office: Office, clock) -> None:
    asked = office.ask()
    assert office.turn() is None  # a sign-in is reserved
    with office.portunus.unit(lookups.HOLDER) as work:
        (attempt,) = work.db.scalars(select(LoginAttempt))
        records.close_attempt(work, attempt, AttemptState.WITHDRAWN, "no_code")
        records.end_session(work, attempt.portal_session, "no_code", "No code came in time.")
    assert office.turn() is None
    assert office.row(asked).state == "queued"
    assert sign_ins(office) == 1
    clock.advance(seconds=31)
    office.turn()
    assert sign_ins(office) == 2


def sign_ins(office: Office) -> int:
    with office.portunus.reading(lookups.HOLDER) as work:
        return len(work.db.scalars(select(LoginAttempt)).all())


def ended_with(office: Office, asked: Any, **changed: Any) -> str | None:
    """What the lookup ends with when the usual patient is shown."""
    office.answer(office.next(office.turn()), **changed)
    return office.row(asked).error


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"first_name": "ADA", "last_name": "dunmore"}, None),
        ({"first_name": "Zelda", "last_name": "Dunmore"}, "wrong_patient_shown"),
        ({"last_name": "Kestrel"}, "wrong_patient_shown"),
        ({"member_id": "hd-100 042-731"}, None),
    ],
)
def test_a_twin_is_another_patient(office: Office, told: dict, error: str | None) -> None:
    asked = office.ask(**told)
    office.sign_in()
    assert ended_with(office, asked) == error


def test_a_recent_answer_about_the_one_twin_is_not_given_for_the_other(office: Office) -> None:
    asked = office.ask(first_name="Ada")
    office.sign_in()
    assert ended_with(office, asked) is None
    assert office.row(office.ask(first_name="Zelda", max_age_s=600)).state == "queued"
    assert office.row(office.ask(first_name="ada", max_age_s=600)).state == "done"


def answered_for(office: Office, asked: Lookup) -> str:
    with office.portunus.reading(lookups.HOLDER) as work:
        told = lookups.result_of(work, office.portunus.vault, office.row(asked))
    assert told is not None
    return str(told["service_date"])


@pytest.mark.parametrize(("today_only", "told"), [(True, 0), (False, 1)])
def test_an_answer_as_of_today_says_so_whatever_day_was_asked_for(office: Office, today_only: bool, told: int) -> None:
    first = office.ask()
    office.sign_in()
    office.answer(office.next(office.turn()))
    today = date.fromisoformat(answered_for(office, first))
    asked = office.ask(service_date=(today + timedelta(days=1)).isoformat())
    office.answer(office.next(office.turn()), today_only=today_only)
    assert answered_for(office, asked) == (today + timedelta(days=told)).isoformat()


@pytest.mark.parametrize(("number", "error"), [("hc2630100017", None), ("HC2630100018", "wrong_claim_shown")])
def test_a_claim_that_was_asked_for_by_number_shows_that_number(office: Office, number: str, error: str | None) -> None:
    asked = office.ask(kind="claim_status", claim_number=number, member_id=None, birth_date=None)
    office.sign_in()
    job = office.next(office.turn())
    made = results.claim()
    fields = {pointer: [Sighting(**one) for one in seen] for pointer, seen in made["provenance"]["fields"].items()}
    told = {name: made[name] for name in ("patient", "claims", "match_count")}
    with office.portunus.unit(lookups.HOLDER) as work:
        said = lookups.Answered(told, fields, [], [], work.clock.now(), "d" * 64, "ses_1")
        lookups.answer(work, office.portunus.vault, job, said)
    assert office.row(asked).error == error


def test_another_providers_npi_is_refused_and_not_passed_over(office: Office) -> None:
    assert office.ask(provider_npi="1999999984").state == "queued"
    with pytest.raises(Incomplete, match="not the location's NPI"):
        office.ask(provider_npi="1234567893")


def test_a_carrier_that_a_hub_does_not_have_is_refused_at_once_and_the_others_name_is_the_directorys(
    office: Office,
) -> None:
    with office.portunus.unit(lookups.HOLDER) as work:
        hub = work.db.merge(office.portal)
        hub.carriers = [Carrier(id=new_id("car"), name=name) for name in ("Alder Creek Dental", "Basin Mutual")]
    for told in ({}, {"payer": "Basin Mutal"}, {"payer": "Dental Mutual"}):
        with pytest.raises(Incomplete, match="Alder Creek Dental, Basin Mutual"):
            office.ask(**told)
    asked = office.ask(payer="basin")
    office.sign_in()
    job = office.next(office.turn())
    assert job.question["payer"] == "Basin Mutual"
    office.answer(job)
    with office.portunus.unit(office.actor) as work:
        assert lookups.result_of(work, office.portunus.vault, office.row(asked))["payer"]["name"] == "Basin Mutual"


def test_the_payer_is_the_portals_carrier_and_what_the_page_prints_goes_before(office: Office) -> None:
    for told, name in (({}, "harborline carrier"), ({"payer": {"name": "Harbor Life"}}, "Harbor Life")):
        asked = office.ask(member_id="HD100042731")
        office.sign_in() if not told else None
        assert ended_with(office, asked, **told) is None
        with office.portunus.unit(office.actor) as work:
            assert lookups.result_of(work, office.portunus.vault, office.row(asked))["payer"]["name"] == name


def test_today_is_the_day_where_the_practice_is(office: Office, clock) -> None:
    evening = clock.now().replace(hour=3, minute=0)  # eight in the evening before, in Phoenix
    clock.advance(seconds=(evening + timedelta(days=1) - clock.now()).total_seconds())
    asked = office.ask()
    office.sign_in()
    job = office.next(office.turn())
    before = (clock.now().date() - timedelta(days=1)).isoformat()
    assert job.question["today"] == before
    office.answer(job)
    with office.portunus.unit(office.actor) as work:
        assert lookups.result_of(work, office.portunus.vault, office.row(asked))["service_date"] == before
