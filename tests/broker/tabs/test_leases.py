"""A tab belongs to one person, for as long as she holds it: tickets, extending, giving back, ending by others."""

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import Actor, system
from broker.base.errors import Conflict, NotFound, Refused
from broker.identity import people
from broker.identity.models import Grant
from broker.tabs import service as tabs
from broker.tabs.models import Lease, PortalSession
from tests.broker.tabs.conftest import Office
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


def granted(office: Office) -> str:
    """Maria's open tab."""
    lease = office.open()
    office.finish(office.claim())
    return lease.id


def as_(office: Office, who: Actor, act):
    with office.portunus.unit(who) as work:
        return act(work)


def one(office: Office, table):
    with office.portunus.reading(system("test")) as work:
        return work.db.scalars(select(table)).one()


def test_a_ticket_opens_the_stream_once(office: Office) -> None:
    lease_id = granted(office)
    token = as_(office, office.maria, lambda work: tabs.ticket(work, lease_id))
    assert as_(office, office.maria, lambda work: tabs.join(work, token, lease_id)).id == lease_id
    with pytest.raises(Refused):
        as_(office, office.maria, lambda work: tabs.join(work, token, lease_id))


def test_a_ticket_is_good_for_fifteen_seconds(office: Office, clock: ManualClock) -> None:
    lease_id = granted(office)
    token = as_(office, office.maria, lambda work: tabs.ticket(work, lease_id))
    clock.advance(seconds=15)
    with pytest.raises(Refused):
        as_(office, office.maria, lambda work: tabs.join(work, token, lease_id))


def test_a_ticket_is_good_for_nobody_else_and_no_other_tab(office: Office) -> None:
    lease_id = granted(office)
    token = as_(office, office.maria, lambda work: tabs.ticket(work, lease_id))
    with pytest.raises(NotFound):
        as_(office, office.nora, lambda work: tabs.join(work, token, lease_id))
    with pytest.raises(Refused):
        as_(office, office.maria, lambda work: tabs.join(work, token, "lea_other"))
    with pytest.raises(NotFound):
        as_(office, office.nora, lambda work: tabs.ticket(work, lease_id))


def test_a_tab_that_is_not_ready_yet_cannot_be_joined(office: Office) -> None:
    lease = office.open()
    token = as_(office, office.maria, lambda work: tabs.ticket(work, lease.id))
    with pytest.raises(Refused, match="not ready"):
        as_(office, office.maria, lambda work: tabs.join(work, token, lease.id))


def test_giving_a_tab_back_keeps_the_portal_signed_in(office: Office) -> None:
    lease_id = granted(office)
    as_(office, office.maria, lambda work: tabs.end_tab(work, lease_id))
    assert (one(office, Lease).end_reason, one(office, PortalSession).state) == ("given_back", "ready")


def test_signing_out_ends_the_session_too(office: Office) -> None:
    lease_id = granted(office)
    as_(office, office.maria, lambda work: tabs.sign_out(work, lease_id))
    assert one(office, PortalSession).state == "ended"


def test_an_administrator_ends_it_and_a_colleague_cannot(office: Office) -> None:
    lease_id = granted(office)
    with pytest.raises(NotFound):
        as_(office, office.nora, lambda work: tabs.end_tab(work, lease_id))
    as_(office, office.ana, lambda work: tabs.end_tab(work, lease_id))
    assert one(office, Lease).end_reason == "ended_by_other"


def test_who_gives_up_before_a_browser_took_it_leaves_nothing_behind(office: Office) -> None:
    lease = office.open()
    as_(office, office.maria, lambda work: tabs.end_tab(work, lease.id))
    assert one(office, PortalSession).state == "ended"


def test_extending_starts_the_time_anew_until_the_tab_has_ended(office: Office, clock: ManualClock) -> None:
    lease_id = granted(office)
    clock.advance(minutes=50)
    extended = as_(office, office.maria, lambda work: tabs.extend(work, lease_id))
    assert (extended.expires_at - clock.now()).total_seconds() == office.portunus.settings.lease_s
    with pytest.raises(NotFound):
        as_(office, office.nora, lambda work: tabs.extend(work, lease_id))
    as_(office, office.maria, lambda work: tabs.end_tab(work, lease_id))
    with pytest.raises(Conflict):
        as_(office, office.maria, lambda work: tabs.extend(work, lease_id))


def test_a_lease_holds_while_time_and_session_last(office: Office, clock: ManualClock) -> None:
    lease_id = granted(office)
    service = system("stream")
    assert as_(office, service, lambda work: tabs.holds(work, lease_id))
    assert not as_(office, service, lambda work: tabs.holds(work, "lea_other"))
    clock.advance(seconds=office.portunus.settings.lease_s)
    assert not as_(office, service, lambda work: tabs.holds(work, lease_id))


def test_a_lease_no_longer_holds_when_the_session_is_lost(office: Office) -> None:
    lease_id = granted(office)
    session_id = one(office, PortalSession).id
    office.host(lambda work: tabs.lost(work, session_id, "browser_gone", "The browser is gone."))
    assert not as_(office, system("stream"), lambda work: tabs.holds(work, lease_id))


def test_a_session_in_use_is_not_put_to_sleep(office: Office) -> None:
    lease_id = granted(office)
    session_id = one(office, PortalSession).id
    with pytest.raises(Conflict):
        office.host(lambda work: tabs.park(work, session_id, b"sealed"))
    as_(office, office.maria, lambda work: tabs.end_tab(work, lease_id))
    office.host(lambda work: tabs.park(work, session_id, b"sealed"))
    assert one(office, PortalSession).state == "parked"


def test_every_step_is_in_the_log_with_its_actor(office: Office) -> None:
    lease_id = granted(office)
    token = as_(office, office.maria, lambda work: tabs.ticket(work, lease_id))
    as_(office, office.maria, lambda work: tabs.join(work, token, lease_id))
    as_(office, office.maria, lambda work: tabs.left(work, lease_id))
    as_(office, office.maria, lambda work: tabs.end_tab(work, lease_id))
    with office.portunus.reading(system("test")) as work:
        told = [
            (row.act, row.actor_id)
            for row in work.db.scalars(
                select(AuditEntry).where(AuditEntry.thing_id == lease_id).order_by(AuditEntry.index)
            )
        ]
    acts = [Act.TAB_REQUESTED, Act.TAB_GRANTED, Act.STREAM_JOINED, Act.STREAM_LEFT, Act.TAB_ENDED]
    assert [act for act, _ in told] == [act.value for act in acts]
    assert told[2][1] == office.maria.id


def revoked(office: Office, clock: ManualClock) -> None:
    """Maria may not open portals any more."""
    with office.portunus.unit(office.ana) as work:
        people.revoke_grant(work, work.db.scalars(select(Grant.id).where(Grant.user_id == office.maria.id)).one())


def late(office: Office, clock: ManualClock) -> None:
    """Her time is over, and nobody has swept yet."""
    clock.advance(days=1)


@pytest.mark.parametrize("over", [revoked, late])
def test_whose_right_or_time_is_over_does_nothing_there_any_more(office: Office, clock: ManualClock, over) -> None:
    lease_id = granted(office)
    over(office, clock)
    for act in (tabs.ticket, tabs.extend, tabs.uncovered, lambda work, lease: tabs.unlock(work, lease, "code")):
        with pytest.raises(Conflict, match="has ended") as no:
            as_(office, office.maria, lambda work, act=act: act(work, lease_id))
        assert no.value.code == "tab-ended"


def test_a_ticket_from_before_opens_nothing_once_the_right_is_gone(office: Office, clock: ManualClock) -> None:
    lease_id = granted(office)
    token = as_(office, office.maria, lambda work: tabs.ticket(work, lease_id))
    revoked(office, clock)
    with pytest.raises(Refused, match="has ended"):
        as_(office, office.maria, lambda work: tabs.join(work, token, lease_id))


def test_who_had_it_before_cannot_sign_out_who_has_it_now(office: Office) -> None:
    lease_id = granted(office)
    as_(office, office.maria, lambda work: tabs.end_tab(work, lease_id))
    office.open(office.nora)
    as_(office, office.maria, lambda work: tabs.sign_out(work, lease_id))
    assert one(office, PortalSession).state == "ready"
    with office.portunus.reading(system("test")) as work:
        assert work.db.scalars(select(Lease.holder_name).where(Lease.ended_at.is_(None))).all() == ["Nora Quill"]
