"""The line that tells a waiting tab how far its opening is."""

import pytest
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from broker.base.actor import system
from broker.directory.models import Organization
from broker.tabs import records
from broker.tabs.models import Lease
from broker.tabs.states import SessionState
from tests import factories
from tests.api.test_stream import connect, maria  # noqa: F401 - a fixture

SYSTEM = system("test")
LINE = "/tabs/lea_1/progress"


@pytest.fixture
def waiting(maria, portunus):  # noqa: F811
    """Maria's tab again at its sign-in."""
    with portunus.unit(SYSTEM) as work:
        lease = work.db.get(Lease, "lea_1")
        lease.granted_at, lease.portal_session.state = None, "signing_in"
    return maria[0]


def move(portunus, state, words):
    with portunus.unit(SYSTEM) as work:
        records.move_session(work, work.db.get(Lease, "lea_1").portal_session, state, words)


def test_every_step_is_told_as_it_happens_and_the_line_ends_when_the_tab_is_ready(waiting, portunus):
    with connect(waiting, LINE) as line:
        assert line.receive_json()["state"] == "signing_in"
        move(portunus, SessionState.WAITING_CODE, "Waiting for the code.")
        told = line.receive_json()
        assert (told["state"], told["words"]) == ("needs_code", "Waiting for the code.")
        with portunus.unit(SYSTEM) as work:
            lease = work.db.get(Lease, "lea_1")
            lease.granted_at = work.clock.now()
            work.signal("lease:lea_1")
        assert line.receive_json()["state"] == "ready"
        with pytest.raises(WebSocketDisconnect):
            line.receive_json()


def test_a_ready_tab_is_told_at_once(maria):  # noqa: F811
    with connect(maria[0], LINE) as line:
        assert line.receive_json()["state"] == "ready"


def test_what_the_page_says_on_the_line_means_nothing(waiting):
    with connect(waiting, LINE) as line:
        line.receive_json()
        line.send_text("{}" * 1000)
    with connect(waiting, LINE) as line:
        assert line.receive_json()["state"] == "signing_in"


def test_another_persons_tab_and_a_foreign_page_hear_nothing(waiting, portunus, signed_in):
    with portunus.unit(SYSTEM) as work:
        session = work.db.get(Lease, "lea_1").portal_session
        org = work.db.get(Organization, session.account.organization_id)
        other = factories.user(work, org, locations=[session.location])
    refused = (WebSocketDisconnect, WebSocketDenialResponse)
    with pytest.raises(refused), connect(signed_in(other), LINE):
        pass
    with pytest.raises(refused), connect(waiting, LINE, origin="https://evil.test"):
        pass
