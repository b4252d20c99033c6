"""What a queued lookup waits for: the sentence and the list agree."""

import pytest

from broker.base.errors import Incomplete
from broker.lookups import service as lookups
from broker.lookups.waiting import WAITING
from broker.tabs import service as tabs
from broker.tabs.models import PortalSession
from tests.broker.lookups.conftest import Office

BOTH_DATABASES = True


def listed_as(office: Office) -> list[str]:
    with office.portunus.reading(office.actor) as work:
        return [state for state in WAITING if lookups.listed(work, state=state)]


def session_is(office: Office, state: str) -> None:
    session = office.sign_in()
    with office.portunus.unit(lookups.HOLDER) as work:
        work.db.get_one(PortalSession, session).state = state


@pytest.mark.parametrize(
    ("session", "state"),
    [
        (None, "queued"),
        ("requested", "waiting_session"),
        ("signing_in", "waiting_session"),
        ("reviving", "waiting_session"),
        ("waiting_code", "waiting_code"),
        ("ready", "queued"),
        ("ended", "queued"),
    ],
)
def test_a_sign_in_under_way_is_what_it_waits_for(office: Office, session: str | None, state: str) -> None:
    asked = office.ask()
    if session:
        session_is(office, session)
    assert (office.shown(asked).state, listed_as(office)) == (state, [state])


def test_a_colleague_in_the_portal_is_what_it_waits_for(office: Office) -> None:
    asked = office.ask()
    office.sign_in()
    office.turn()
    assert (office.shown(asked).state, listed_as(office)) == ("queued", ["queued"])
    with office.portunus.unit(office.actor) as work:
        tabs.open_tab(work, office.account.id, office.location.id, "claim follow-up")
    assert (office.shown(asked).state, listed_as(office)) == ("waiting_session", ["waiting_session"])


def test_one_whose_time_has_not_come_waits_for_nothing_but_its_time(office: Office) -> None:
    office.sign_in()
    asked = office.ask()
    office.fail(office.next(office.turn()), "payer_unavailable")
    with office.portunus.unit(lookups.HOLDER) as work:
        for session in work.db.query(PortalSession):
            session.state = "waiting_code"
    assert (office.shown(asked).state, listed_as(office)) == ("queued", ["queued"])


def test_a_portal_that_is_left_alone_is_what_it_waits_for(office: Office) -> None:
    rows = [office.ask(member_id=f"HD10000000{number}") for number in range(4)]
    office.sign_in()
    lease = office.turn()
    for _ in range(3):
        office.fail(office.next(lease), "page_changed")
    with office.portunus.unit(lookups.HOLDER) as work:
        for session in work.db.query(PortalSession):
            session.state = "waiting_code"
    assert office.shown(rows[3]).words.startswith("The portal is left alone until")
    assert (office.shown(rows[3]).state, listed_as(office)) == ("queued", ["queued"])


def test_a_state_that_there_is_not_is_refused(office: Office) -> None:
    with office.portunus.reading(office.actor) as work, pytest.raises(Incomplete, match="waiting_code"):
        lookups.listed(work, state="waiting")
