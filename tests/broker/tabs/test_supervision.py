"""A colleague's tab: looked at with a reason, taken over, handed over, ended; there is one holder at any time."""

import json

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import Actor, system
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.tabs import service as tabs
from broker.tabs.models import Lease, PortalSession
from tests import factories
from tests.broker.tabs.conftest import Office
from tests.conftest import acting

BOTH_DATABASES = True
WHY = "Maria asked me to help with the appeal"


class Floor(Office):
    """The office with Grace, who answers for the billers, and Maria's open tab."""

    def __init__(self, portunus) -> None:
        super().__init__(portunus)
        with portunus.unit(system("test")) as work:
            org = work.db.merge(self.org)
            self.grace = acting(factories.user(work, org, "Grace Kim", role="supervisor"))
        self.tab = self.open().id
        self.finish(self.claim())

    def as_(self, who: Actor, act):
        with self.portunus.unit(who) as work:
            return act(work)

    def leases(self) -> list[Lease]:
        with self.portunus.reading(system("test")) as work:
            return list(work.db.scalars(select(Lease).order_by(Lease.created_at, Lease.id)))

    def entries(self, act: Act) -> list[AuditEntry]:
        with self.portunus.reading(system("test")) as work:
            return list(work.db.scalars(select(AuditEntry).where(AuditEntry.act == act.value)))


@pytest.fixture
def floor(portunus) -> Floor:
    return Floor(portunus)


def test_supervisor_sees_the_open_tabs_of_others_and_what_she_may_do(floor):
    (tab,) = floor.as_(floor.grace, tabs.open_tabs)
    assert (tab.lease_id, tab.holder_name, tab.ready) == (floor.tab, "Maria Lopez", True)
    assert (tab.may_watch, tab.may_take_over, tab.may_end) == (True, True, True)
    (seen,) = floor.as_(floor.audrey, tabs.open_tabs)
    assert (seen.may_watch, seen.may_take_over, seen.may_end) == (True, False, False)
    assert floor.as_(floor.nora, tabs.open_tabs) == []
    assert floor.as_(floor.maria, tabs.open_tabs) == []


def test_watching_needs_the_permission_and_a_reason_and_leaves_the_lease_alone(floor):
    with pytest.raises(Refused):
        floor.as_(floor.nora, lambda work: tabs.watch_ticket(work, floor.tab, WHY))
    with pytest.raises(Incomplete):
        floor.as_(floor.grace, lambda work: tabs.watch_ticket(work, floor.tab, " no "))
    token = floor.as_(floor.grace, lambda work: tabs.watch_ticket(work, floor.tab, WHY))
    floor.as_(floor.grace, lambda work: tabs.join_watch(work, token, floor.tab))
    assert floor.as_(system("stream"), lambda work: tabs.watches(work, floor.tab))
    (lease,) = floor.leases()
    assert (lease.holder_name, lease.ended_at) == ("Maria Lopez", None)
    assert [json.loads(entry.leaf)["reason"] for entry in floor.entries(Act.WATCH_ASKED)] == [WHY]
    assert [entry.actor_id for entry in floor.entries(Act.WATCH_JOINED)] == [floor.grace.id]


def test_a_ticket_to_look_on_opens_no_stream_with_hands_and_the_other_way_round(floor):
    watching = floor.as_(floor.grace, lambda work: tabs.watch_ticket(work, floor.tab, WHY))
    own = floor.as_(floor.maria, lambda work: tabs.ticket(work, floor.tab))
    with pytest.raises(Refused):
        floor.as_(floor.grace, lambda work: tabs.join(work, watching, floor.tab))
    with pytest.raises(Refused):
        floor.as_(floor.maria, lambda work: tabs.join_watch(work, own, floor.tab))


def test_ones_own_tab_is_not_watched(floor):
    mine = floor.as_(floor.grace, lambda work: tabs.take_over(work, floor.tab, WHY)).id
    with pytest.raises(NotFound):
        floor.as_(floor.grace, lambda work: tabs.watch_ticket(work, mine, WHY))


def test_looking_on_ends_with_the_lease(floor):
    floor.as_(floor.maria, lambda work: tabs.end_tab(work, floor.tab))
    assert not floor.as_(system("stream"), lambda work: tabs.watches(work, floor.tab))


def test_taking_over_goes_on_with_the_same_portal_session_and_tells_the_other_why(floor):
    after = floor.as_(floor.grace, lambda work: tabs.take_over(work, floor.tab, WHY))
    before, now = floor.leases()
    assert (before.end_reason, before.portal_session_id) == ("taken_over", now.portal_session_id)
    assert (now.id, now.holder_name, now.continues_id, now.ended_at) == (after.id, "Grace Kim", floor.tab, None)
    with floor.portunus.reading(floor.maria) as work:
        row = work.db.get(Lease, floor.tab)
        assert tabs.opening(work, row)[:2] == ("ended", f"Grace Kim took this tab over: {WHY}")
        assert not tabs.holds(work, floor.tab)
        assert work.db.scalars(select(PortalSession)).one().state == "ready"
    (entry,) = floor.entries(Act.TAB_TAKEN_OVER)
    assert (entry.thing_id, json.loads(entry.leaf)["reason"]) == (floor.tab, WHY)


def test_the_second_who_takes_over_finds_it_gone(floor):
    floor.as_(floor.grace, lambda work: tabs.take_over(work, floor.tab, WHY))
    with pytest.raises(NotFound):
        floor.as_(floor.grace, lambda work: tabs.take_over(work, floor.tab, WHY))


@pytest.mark.parametrize("who", ["nora", "audrey", "ana", "dan"])
def test_nobody_else_takes_a_tab_over(floor, who):
    with pytest.raises((Refused, NotFound)):
        floor.as_(getattr(floor, who), lambda work: tabs.take_over(work, floor.tab, WHY))
    assert [lease.ended_at for lease in floor.leases()] == [None]


def test_a_tab_that_is_still_signing_in_is_not_taken_over(floor):
    floor.as_(floor.maria, lambda work: tabs.sign_out(work, floor.tab))
    waiting = floor.open().id
    with pytest.raises(Conflict):
        floor.as_(floor.grace, lambda work: tabs.take_over(work, waiting, WHY))


def test_handing_over_goes_to_a_colleague_who_may_open_it_with_a_note_that_is_in_no_log(floor):
    offered = floor.as_(floor.maria, lambda work: tabs.colleagues(work, floor.tab))
    assert [name for _, name in offered] == ["Grace Kim", "Nora Quill"]  # Dan sits in Tucson, Ana and Audrey open none
    note = "Please print the EOB of claim HB-2210"
    after = floor.as_(floor.maria, lambda work: tabs.hand_over(work, floor.tab, floor.nora.id, note))
    assert (after.holder_name, after.note, after.continues_id) == ("Nora Quill", note, floor.tab)
    with floor.portunus.reading(floor.nora) as work:
        (tile,) = [one for one in tabs.tiles(work) if one.lease_id == after.id]
        assert tile.words == f"Maria Lopez handed it to you: {note}"
    with floor.portunus.reading(floor.maria) as work:
        assert tabs.opening(work, work.db.get(Lease, floor.tab))[1] == "You handed this tab to Nora Quill."
    (entry,) = floor.entries(Act.TAB_HANDED_OVER)
    assert "HB-2210" not in entry.leaf


def test_handing_over_to_somebody_who_may_not_open_it_is_refused_and_changes_nothing(floor):
    for nobody in (floor.dan.id, floor.audrey.id, floor.maria.id, "usr_unknown"):
        with pytest.raises(Refused):
            floor.as_(floor.maria, lambda work, to=nobody: tabs.hand_over(work, floor.tab, to, ""))
    with pytest.raises(NotFound):
        floor.as_(floor.nora, lambda work: tabs.hand_over(work, floor.tab, floor.nora.id, ""))
    assert [lease.holder_name for lease in floor.leases() if lease.ended_at is None] == ["Maria Lopez"]


def test_the_lookups_own_lease_is_nobody_s_to_watch(floor):
    floor.as_(floor.maria, lambda work: tabs.end_tab(work, floor.tab))
    robot = system("lookups")
    lease = floor.open(robot).id
    assert floor.as_(floor.grace, tabs.open_tabs) == []
    with pytest.raises(NotFound):
        floor.as_(floor.grace, lambda work: tabs.watch_ticket(work, lease, WHY))


def test_supervisor_ends_a_tab_and_the_portal_stays_signed_in(floor):
    floor.as_(floor.grace, lambda work: tabs.stop_tab(work, floor.tab))
    with floor.portunus.reading(system("test")) as work:
        assert work.db.scalars(select(PortalSession)).one().state == "ready"
    assert [lease.end_reason for lease in floor.leases()] == ["ended_by_other"]
