"""A version that is withdrawn is nowhere any more: not on its way, not pinned, not what a rollback goes to."""

import pytest

from broker.audit.acts import Act
from broker.base.errors import Conflict
from broker.directory.models import PortalAccount
from broker.scripts import service as scripts
from tests.broker.scripts.practice import NEW, OLD, Practice
from tests.conftest import acting

BOTH_DATABASES = True

WHY = "It clicks through the terms page."
THIRD = "c" * 64
FACTS = {"hosts": ["harborline.sim.test"], "start": "https://harborline.sim.test/"}


def withdraw(practice: Practice, digest: str) -> None:
    with practice.portunus.unit(acting(practice.ana)) as work:
        scripts.refuse(work, digest, WHY)


def test_a_release_of_it_ends_and_everybody_runs_what_is_in_force(practice: Practice) -> None:
    practice.goes_on("staged")
    withdraw(practice, NEW)
    assert (practice.stage(), practice.runs("phoenix"), practice.runs("tucson")) == ("withdrawn", OLD, OLD)


def test_a_login_pinned_to_it_runs_what_the_others_run(practice: Practice) -> None:
    with practice.portunus.unit(acting(practice.ana)) as work:
        account = work.db.get_one(PortalAccount, practice.accounts["phoenix"].id)
        scripts.pin(work, account, NEW, "Its office has the new portal.")
    assert practice.runs("phoenix") == NEW
    withdraw(practice, NEW)
    assert practice.runs("phoenix") == OLD
    assert practice.acts()[-1] == Act.SCRIPT_UNPINNED


def test_the_version_in_force_is_not_withdrawn_under_people(practice: Practice) -> None:
    practice.goes_on("done")
    with pytest.raises(Conflict) as no:
        withdraw(practice, NEW)
    assert no.value.code == "in-force"


def test_a_rollback_goes_past_a_version_that_was_withdrawn(practice: Practice) -> None:
    practice.goes_on("done")
    with practice.portunus.unit(acting(practice.mira)) as work:
        scripts.submit(work, scripts.Bundle("harborline", THIRD, [], FACTS), "Another name of the button.")
    with practice.portunus.unit(acting(practice.ana)) as work:
        scripts.approve(work, THIRD)
        scripts.release(work, THIRD, canary="phoenix")
    for key, times in (("phoenix", 3), ("tucson", 5), ("tucson", 5)):
        practice.report("signed_in", THIRD, key, times)
    assert practice.runs("tucson") == THIRD
    withdraw(practice, NEW)
    with practice.portunus.unit(acting(practice.ana)) as work:
        assert scripts.roll_back(work, practice.portal.id, "The claims page is wrong.") == OLD
    assert practice.runs("tucson") == OLD
