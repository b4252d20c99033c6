"""A carrier script that is withdrawn takes its sessions and sign-ins along; nothing of it reaches the portal any more."""

import pytest

from broker.base.errors import Conflict
from broker.scripts import service as scripts
from broker.scripts import versions
from broker.tabs import service as tabs
from broker.tabs import withdrawn
from broker.tabs.models import Lease, LoginAttempt, PortalSession
from broker.tabs.states import AttemptState, SessionState
from tests import factories as make
from tests.broker.tabs.conftest import DIGEST, HOST, Office

BOTH_DATABASES = True

WHY = "It clicks through the terms page."
OTHER = "e" * 64


@pytest.fixture
def office(portunus) -> Office:
    """Another version is in force; what the tests open runs the one that is withdrawn."""
    office = Office(portunus)
    with portunus.unit(HOST) as work:
        make.version(work, office.portal, OTHER)
        versions.keep(work, scripts.Bundle("harborline", DIGEST, [], {"hosts": ["harborline.sim.test"]}), WHY, "Mira")
        scripts.keep_shipped(work, office.portal, scripts.Bundle("harborline", OTHER, [], {}))
    return office


def withdraw(office: Office) -> None:
    with office.portunus.unit(office.ana) as work:
        tabs.withdraw_script(work, DIGEST, WHY)


def standing(office: Office) -> tuple[str, str]:
    with office.portunus.reading(HOST) as work:
        attempt = work.db.get_one(LoginAttempt, office.attempt().id)
        return attempt.portal_session.state, attempt.state


def test_a_session_that_runs_it_ends_and_says_why(office: Office) -> None:
    office.open()
    office.finish(office.claim())
    assert standing(office)[0] == SessionState.READY
    withdraw(office)
    assert standing(office)[0] == SessionState.ENDED
    with office.portunus.reading(HOST) as work:
        session = work.db.query(PortalSession).one()
        assert (session.end_reason, session.words) == ("script_withdrawn", withdrawn.WORDS)


def test_its_log_out_does_not_run_either_for_the_door_is_not_its_own_any_more(office: Office) -> None:
    office.open()
    claim = office.claim()
    office.finish(claim)
    withdraw(office)
    with office.portunus.reading(HOST) as work:
        assert work.db.query(PortalSession).one().account.fence > claim.fence


def test_a_sign_in_that_has_typed_nothing_gives_its_try_back(office: Office) -> None:
    office.open()
    claim = office.claim()
    withdraw(office)
    assert standing(office) == (SessionState.ENDED, AttemptState.WITHDRAWN)
    with pytest.raises(Conflict):
        office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    with office.portunus.reading(HOST) as work:
        assert tabs.tries_left(work, work.db.query(PortalSession).one().account) > 0


def test_a_sign_in_whose_password_is_out_counts_as_a_try(office: Office) -> None:
    office.open()
    claim = office.claim()
    office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    withdraw(office)
    assert standing(office) == (SessionState.ENDED, AttemptState.UNKNOWN)


def test_what_began_at_the_same_moment_is_found_by_the_sweep(office: Office) -> None:
    office.open()
    claim = office.claim()
    with office.portunus.unit(office.ana) as work:
        scripts.refuse(work, DIGEST, WHY)
    office.finish(claim)
    assert standing(office)[0] == SessionState.READY
    office.host(tabs.sweep)
    assert standing(office)[0] == SessionState.ENDED


def test_a_session_that_sleeps_wakes_with_another_version(office: Office) -> None:
    office.open()
    claim = office.claim()
    office.finish(claim)
    session_id = office.host(lambda work: work.db.query(PortalSession).one().id)
    with office.portunus.unit(office.maria) as work:
        for lease in work.db.query(Lease):
            tabs.end_tab(work, lease.id)
    office.host(lambda work: tabs.park(work, session_id, b"sealed"))
    withdraw(office)
    assert standing(office)[0] == SessionState.PARKED
    office.open()
    with office.portunus.reading(HOST) as work:
        assert tabs.script_for(work, office.attempt().id) == OTHER
