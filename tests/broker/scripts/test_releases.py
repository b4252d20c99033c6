"""Canary at one location, then a share, then everyone; back by itself when the success rate drops."""

import pytest

from broker.audit.acts import Act
from broker.base.actor import system
from broker.base.errors import Conflict, Incomplete, NotFound
from broker.directory.models import Portal, PortalAccount
from broker.scripts import judging
from broker.scripts import service as scripts
from tests.broker.scripts.practice import NEW, OLD, Practice
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


def test_a_canary_runs_at_its_one_location_only(practice: Practice) -> None:
    practice.release()
    assert (practice.runs("phoenix"), practice.runs("tucson")) == (NEW, OLD)


def test_a_canary_that_fails_is_rolled_back_by_itself(practice: Practice) -> None:
    practice.report("signed_in", OLD, times=10)
    practice.release()
    practice.report("unrecognised")
    assert practice.stage() == "rolled_back"
    assert practice.runs("phoenix") == OLD
    assert practice.acts()[-1] == Act.SCRIPT_ROLLED_BACK


def test_a_canary_that_works_goes_on_stage_by_stage_until_it_is_in_force(practice: Practice) -> None:
    practice.release()
    stages = []
    for key, times in (
        ("phoenix", judging.CANARY_NEEDS),
        ("tucson", judging.STAGED_NEEDS),
        ("tucson", judging.STAGED_NEEDS),
    ):
        practice.report("signed_in", key=key, times=times)
        stages.append(practice.stage())
    assert stages == ["staged", "everywhere", "done"]
    assert (practice.runs("phoenix"), practice.runs("tucson")) == (NEW, NEW)
    with practice.portunus.reading(system("test")) as work:
        portal = work.db.get_one(Portal, practice.portal.id)
        assert portal.hosts == ["harborline.sim.test", "id.harborline.sim.test"]
        assert portal.start_url == "https://harborline.sim.test/new"


def test_a_drop_of_the_success_rate_in_the_second_stage_takes_it_back(practice: Practice) -> None:
    practice.report("signed_in", OLD, times=20)
    practice.goes_on("staged")
    practice.report("signed_in", key="tucson")
    practice.report("script_failed", key="tucson")
    assert practice.stage() == "rolled_back"


def test_a_portal_that_is_down_says_nothing_about_the_script(practice: Practice) -> None:
    practice.release()
    practice.report("down", times=judging.SAY_NOTHING - 1)
    assert practice.stage() == "canary"
    assert practice.runs("phoenix") == NEW


def test_failures_of_the_old_version_do_not_take_the_new_one_back(practice: Practice) -> None:
    practice.release()
    practice.report("unrecognised", OLD, "tucson", times=4)
    assert practice.stage() == "canary"


def test_a_person_takes_it_further_only_after_it_has_worked(practice: Practice) -> None:
    practice.release()
    with pytest.raises(Conflict) as no, practice.portunus.unit(acting(practice.ana)) as work:
        scripts.advance(work, practice.portal.id)
    assert no.value.code == "unproved"
    practice.report("signed_in")
    with practice.portunus.unit(acting(practice.ana)) as work:
        scripts.advance(work, practice.portal.id)
    assert practice.stage() == "staged"


def test_a_person_rolls_back_a_release_that_was_done(practice: Practice) -> None:
    practice.goes_on("done")
    with practice.portunus.unit(acting(practice.ana)) as work:
        assert scripts.roll_back(work, practice.portal.id, "The claims page is wrong.") == OLD
    assert practice.runs("tucson") == OLD


def test_one_release_at_a_time(practice: Practice) -> None:
    practice.release()
    with pytest.raises(Conflict):
        practice.release()


def test_an_old_approval_starts_no_release(practice: Practice, clock: ManualClock) -> None:
    clock.advance(days=31)
    with pytest.raises(Conflict) as no:
        practice.release()
    assert no.value.code == "expired"


def test_a_release_needs_a_location_that_exists(practice: Practice) -> None:
    with pytest.raises(NotFound), practice.portunus.unit(acting(practice.ana)) as work:
        scripts.release(work, NEW, canary="atlantis")


def test_a_pinned_account_keeps_its_version_whatever_is_released(practice: Practice) -> None:
    account = practice.accounts["phoenix"]
    with practice.portunus.unit(acting(practice.ana)) as work:
        scripts.pin(work, work.db.get_one(PortalAccount, account.id), OLD, "Its office has the old portal.")
    practice.release()
    assert practice.runs("phoenix") == OLD
    with practice.portunus.unit(acting(practice.ana)) as work:
        scripts.unpin(work, work.db.get_one(PortalAccount, account.id))
    assert practice.runs("phoenix") == NEW


def test_a_pin_says_why(practice: Practice) -> None:
    with pytest.raises(Incomplete), practice.portunus.unit(acting(practice.ana)) as work:
        scripts.pin(work, work.db.get_one(PortalAccount, practice.accounts["phoenix"].id), OLD, "so")


def test_every_stage_is_in_the_audit_log(practice: Practice) -> None:
    practice.release()
    practice.report("signed_in", times=judging.CANARY_NEEDS)
    with practice.portunus.unit(acting(practice.ana)) as work:
        scripts.roll_back(work, practice.portal.id, "The claims page is wrong.")
    assert practice.acts()[2:] == [Act.SCRIPT_RELEASED, Act.SCRIPT_ADVANCED, Act.SCRIPT_ROLLED_BACK]
