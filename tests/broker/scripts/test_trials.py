"""Which runs decide a release, and what holds one that says nothing."""

import pytest

from broker.audit.acts import Act
from broker.base.actor import system
from broker.base.errors import Conflict, Incomplete
from broker.directory.models import PortalAccount, ScriptVersion
from broker.scripts import judging
from broker.scripts import service as scripts
from tests import factories
from tests.broker.scripts.practice import NEW, OLD, Practice
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


def test_lookups_wakings_and_keeping_alive_take_no_release_further(practice: Practice) -> None:
    practice.release()
    for verb, outcome in (("eligibility", "answered"), ("revive", "signed_in"), ("keep_alive", "signed_in")):
        practice.report(outcome, times=judging.CANARY_NEEDS, verb=verb)
    assert practice.stage() == "canary"


def test_one_session_counts_once_however_often_it_signs_in(practice: Practice) -> None:
    practice.release()
    practice.report("signed_in", times=judging.CANARY_NEEDS, session="ses_one")
    assert practice.stage() == "canary"


def test_after_the_canary_its_own_location_decides_nothing_more(practice: Practice) -> None:
    practice.goes_on("staged")
    practice.report("signed_in", times=judging.STAGED_NEEDS)
    assert practice.stage() == "staged"
    practice.report("signed_in", key="tucson", times=judging.STAGED_NEEDS)
    assert practice.stage() == "everywhere"


def test_where_there_is_no_login_elsewhere_the_canarys_own_decide(practice: Practice) -> None:
    with practice.portunus.unit(system("test")) as work:
        for account in work.db.query(PortalAccount).filter(PortalAccount.id != practice.accounts["phoenix"].id):
            account.status = "locked"
    practice.goes_on("staged")
    practice.report("signed_in", times=judging.STAGED_NEEDS)
    assert practice.stage() == "everywhere"


def test_a_person_takes_a_stage_further_that_nobody_has_signed_in_in(practice: Practice) -> None:
    practice.goes_on("staged")
    with practice.portunus.unit(acting(practice.ana)) as work:
        assert scripts.advance(work, practice.portal.id).stage == "everywhere"


def test_lookups_that_break_take_it_back(practice: Practice) -> None:
    practice.report("answered", OLD, times=5, verb="eligibility")
    practice.release()
    practice.report("signed_in")
    practice.report("bad_answer", times=judging.OTHERS_NEED, verb="eligibility")
    assert practice.stage() == "rolled_back"


def test_a_login_whose_password_was_wrong_before_says_nothing_about_the_version(practice: Practice) -> None:
    practice.report("wrong_password", OLD)
    practice.release()
    practice.report("wrong_password")
    assert practice.stage() == "canary"


def test_a_login_that_worked_and_is_refused_with_the_new_version_takes_it_back(practice: Practice) -> None:
    practice.report("signed_in", OLD)
    practice.release()
    practice.report("wrong_password")
    assert practice.stage() == "rolled_back"


def test_a_portal_that_leads_to_a_foreign_host_is_a_failure_and_is_told(practice: Practice) -> None:
    practice.report("led_away", OLD)
    with practice.portunus.reading(acting(practice.mira)) as work:
        assert [one.words for one in scripts.alerts(work)] == ["sign in: led away"]
        assert [row.outcome for row in scripts.failed(work)] == ["led_away"]


def held(practice: Practice) -> list[str]:
    with practice.portunus.reading(acting(practice.mira)) as work:
        return [one.words for one in scripts.alerts(work)]


def test_a_version_that_always_says_down_is_held_reaches_nobody_and_is_told(
    practice: Practice, clock: ManualClock
) -> None:
    practice.release()
    practice.report("down", times=judging.SAY_NOTHING)
    assert (practice.stage(), practice.runs("phoenix")) == ("canary", OLD)
    assert held(practice) == [f"version {NEW[:12]} is held at canary"]
    assert practice.acts()[-1] == Act.SCRIPT_HELD
    clock.advance(seconds=60)
    with practice.portunus.unit(acting(practice.ana)) as work:
        assert scripts.advance(work, practice.portal.id).stage == "canary"
    assert (practice.runs("phoenix"), held(practice)) == (NEW, [])
    practice.report("down")
    assert practice.runs("phoenix") == NEW


def test_rolling_a_held_release_back_ends_its_alert(practice: Practice) -> None:
    practice.release()
    practice.report("no_code", times=judging.SAY_NOTHING)
    with practice.portunus.unit(acting(practice.ana)) as work:
        scripts.roll_back(work, practice.portal.id, "It says down, and it is not.")
    assert (practice.stage(), held(practice)) == ("rolled_back", [])


def test_what_a_version_on_trial_calls_an_outage_is_not_told_to_billers(practice: Practice) -> None:
    practice.release()
    practice.report("down")
    with practice.portunus.reading(system("test")) as work:
        assert scripts.downtimes(work, {practice.portal.key}) == []
    practice.report("down", OLD, "tucson")
    with practice.portunus.reading(system("test")) as work:
        assert len(scripts.downtimes(work, {practice.portal.key})) == 1


def test_a_canary_needs_a_login_at_its_location(practice: Practice) -> None:
    with practice.portunus.unit(system("test")) as work:
        factories.location(work, practice.org, "mesa")
    with pytest.raises(Incomplete), practice.portunus.unit(acting(practice.ana)) as work:
        scripts.release(work, NEW, canary="mesa")


def test_an_upgrade_during_a_release_is_what_it_goes_back_to(practice: Practice) -> None:
    newer = "f" * 64
    ship(practice, OLD)
    practice.release()
    ship(practice, newer)
    practice.report("unrecognised")
    assert (practice.stage(), practice.runs("phoenix")) == ("rolled_back", newer)
    with practice.portunus.reading(system("test")) as work:
        assert scripts.releases(work, practice.portal.id)[0].previous == newer


def test_a_release_of_what_then_comes_with_portunus_is_over(practice: Practice) -> None:
    ship(practice, OLD)
    practice.release()
    ship(practice, NEW)
    assert (practice.stage(), practice.runs("tucson")) == ("superseded", NEW)


def ship(practice: Practice, digest: str) -> None:
    with practice.portunus.unit(system("catalog")) as work:
        if work.db.get(ScriptVersion, digest) is None:
            factories.version(work, practice.portal, digest)
        scripts.keep_shipped(work, practice.portal, scripts.Bundle("harborline", digest, [], {}))


def test_a_second_click_on_release_is_a_sentence(practice: Practice) -> None:
    practice.release()
    with pytest.raises(Conflict) as no:
        practice.release()
    assert no.value.code == "under-way"
