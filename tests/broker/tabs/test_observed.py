"""The behaviour record against what was seen: a difference is claimed from two cases on, and a person may take it over."""

import pytest

from broker.base.actor import system
from broker.base.errors import Incomplete
from broker.directory import service as directory
from broker.directory.service import Fact
from broker.tabs import service as tabs
from broker.tabs.observed import Ended, Typed, code_differences, session_differences

RECORD = {"idle_timeout_s": 900, "absolute_timeout_s": 28_800, "concurrency": "multi", "code_ttl_s": 600,
          "delivery_p95_s": 40, "mfa_methods": ["email"]}  # fmt: skip


def code(age_s: float, **values) -> Typed:
    told = {"channel": "email", "age_s": age_s, "accepted": True, "late": False, "under_way_s": 5.0}
    return Typed(**(told | values))


@pytest.mark.parametrize(
    ("ended", "alive_s", "field", "seen"),
    [
        ([Ended(400, 500), Ended(350, 900)], [], "idle_timeout_s", 350),
        ([Ended(10, 500), Ended(5, 900)], [], "concurrency", "newest_wins"),
        ([], [40_000, 50_000], "absolute_timeout_s", 50_000),
    ],
)
def test_sessions_that_end_otherwise_than_recorded_are_told(ended, alive_s, field, seen) -> None:
    (found,) = session_differences(RECORD, ended, alive_s)
    assert (found.field, found.seen, found.cases) == (field, seen, 2)


@pytest.mark.parametrize(
    ("ended", "alive_s"),
    [
        ([Ended(400, 500)], []),
        ([Ended(850, 5000), Ended(880, 5000)], []),
        ([Ended(400, 28_000), Ended(10, 28_700)], []),
        ([], [28_900, 29_000]),
    ],
)
def test_one_case_what_fits_and_the_absolute_time_out_are_no_difference(ended, alive_s) -> None:
    assert session_differences(RECORD, ended, alive_s) == []


@pytest.mark.parametrize(
    ("typed", "field", "seen"),
    [
        ([code(200, accepted=False, late=True), code(300, accepted=False, late=True)], "code_ttl_s", 200),
        ([code(700), code(800)], "code_ttl_s", 800),
        ([code(90, under_way_s=80.0)] * 5, "delivery_p95_s", 80),
        ([code(20, channel="sms")] * 2, "mfa_methods", ["email", "sms"]),
    ],
)
def test_codes_that_behave_otherwise_than_recorded_are_told(typed, field, seen) -> None:
    (found,) = code_differences(RECORD, typed)
    assert (found.field, found.seen) == (field, seen)


def test_nothing_is_claimed_of_what_is_not_recorded() -> None:
    assert session_differences({}, [Ended(10, 20)] * 9, [9e9] * 9) == []
    assert code_differences({}, [code(9e9, channel="sms", under_way_s=9e9)] * 9) == []


def test_sign_ins_that_were_lost_early_are_read_from_the_rows_and_taken_over_by_a_person(office, clock) -> None:
    with office.portunus.unit(office.ana) as work:
        portal = directory.portal_by_key(work, "harborline")
        fact = Fact(900, "its terms", work.clock.now().date())
        directory.record_behaviour(work, portal, "idle_timeout_s", fact)
    for number in ("1", "2"):
        office.whole_way(number, code=f"48291{number}")
        session_id = office.attempt().portal_session_id
        with office.portunus.unit(office.maria) as work:
            tabs.end_tab(work, office.lease_id)
        clock.advance(seconds=300)
        office.host(lambda work, session_id=session_id: tabs.lost(work, session_id, "signed_out", "It has signed out."))
    with office.portunus.unit(system("test")) as work:
        portal = directory.portal_by_key(work, "harborline")
        (found,) = tabs.observed(work, portal)
        assert (found.field, found.recorded, found.seen) == ("idle_timeout_s", 900, 300)
        directory.correct_behaviour(work, portal, found.field, str(found.seen), "seen by Portunus")
        assert tabs.observed(work, portal) == []


@pytest.mark.parametrize(
    ("field", "value", "source"),
    [("idle_timeout_s", "often", "its terms"), ("idle_timeout_s", "-3", "its terms"), ("colour", "1", "its terms"),
     ("idle_timeout_s", "600", "me")],
)  # fmt: skip
def test_a_correction_is_of_the_same_kind_of_a_known_field_and_has_a_source(office, field, value, source) -> None:
    with office.portunus.unit(office.ana) as work:
        portal = directory.portal_by_key(work, "harborline")
        directory.record_behaviour(work, portal, "idle_timeout_s", Fact(900, "its terms", work.clock.now().date()))
        with pytest.raises(Incomplete):
            directory.correct_behaviour(work, portal, field, value, source)
