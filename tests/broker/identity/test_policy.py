"""Who may do what, where. People have names; places are Phoenix and Tucson, and another organization's Reno."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import Actor, ActorKind, system
from broker.base.errors import NotFound, Refused
from broker.base.ids import new_id
from broker.identity import policy
from broker.identity.models import Grant, ServiceAccount
from broker.identity.policy import ROLES, Permission, Role, held, may, reach, require
from tests import factories
from tests.conftest import acting

BOTH_DATABASES = True


@pytest.fixture
def world(portunus):
    with portunus.unit(system("test")) as work:
        ours, theirs = factories.organization(work), factories.organization(work, "Sierra Dental")
        phoenix, tucson = factories.location(work, ours, "phoenix"), factories.location(work, ours, "tucson")
        reno = factories.location(work, theirs, "reno")
        portal = factories.portal(work)
        return SimpleNamespace(
            ours=ours,
            theirs=theirs,
            phoenix=phoenix,
            tucson=tucson,
            reno=reno,
            at_phoenix=factories.account(work, portal, [phoenix]),
            at_both=factories.account(work, portal, [phoenix, tucson]),
            at_tucson=factories.account(work, portal, [tucson]),
            at_reno=factories.account(work, portal, [reno]),
        )


@pytest.fixture
def reading(portunus):
    """`reading(user)`: a unit in the user's name, for one question."""
    return lambda user: portunus.reading(user if isinstance(user, Actor) else acting(user))


def person(portunus, org, role, *, locations=None, **grant):
    with portunus.unit(system("test")) as work:
        user = factories.user(work, org, role=None if grant else role, locations=locations)
        if grant:
            add_grant(work, role, user_id=user.id, **grant)
        return user


def add_grant(work, role, **values) -> Grant:
    row = Grant(id=new_id("gra"), role=role, granted_by="test", granted_at=work.clock.now(), **values)
    work.db.add(row)
    work.db.flush()
    return row


def test_a_location_grant_covers_that_location_and_its_accounts(portunus, world, reading):
    maria = person(portunus, world.ours, "biller", locations=[world.phoenix])
    with reading(maria) as work:
        assert may(work, Permission.TAB_OPEN, account=world.at_phoenix, location=world.phoenix)
        assert may(work, Permission.TAB_OPEN, account=world.at_both)
        assert may(work, Permission.TAB_OPEN, account=world.at_both, location=world.phoenix)
        assert not may(work, Permission.TAB_OPEN, account=world.at_both, location=world.tucson)
        assert not may(work, Permission.TAB_OPEN, account=world.at_tucson)
        assert not may(work, Permission.TAB_OPEN, location=world.tucson)


def test_an_account_grant_covers_that_account_wherever_it_serves(portunus, world, reading):
    maria = person(portunus, world.ours, "biller", account_id=world.at_both.id)
    with reading(maria) as work:
        assert may(work, Permission.TAB_OPEN, account=world.at_both, location=world.phoenix)
        assert may(work, Permission.TAB_OPEN, account=world.at_both, location=world.tucson)
        assert not may(work, Permission.TAB_OPEN, account=world.at_phoenix, location=world.phoenix)
        assert not may(work, Permission.TAB_OPEN, location=world.phoenix)


def test_a_grant_without_place_ends_at_the_organization(portunus, world, reading):
    maria = person(portunus, world.ours, "biller")
    with reading(maria) as work:
        assert may(work, Permission.TAB_OPEN, account=world.at_tucson, location=world.tucson)
        assert not may(work, Permission.TAB_OPEN, account=world.at_reno)
        assert not may(work, Permission.TAB_OPEN, location=world.reno)
        assert not reach(work, Permission.TAB_OPEN).everywhere
        assert reach(work, Permission.TAB_OPEN).location_ids == {world.phoenix.id, world.tucson.id}


def test_nobody_works_an_account_at_a_location_it_does_not_serve(portunus, world, reading):
    maria = person(portunus, world.ours, "biller")
    with reading(maria) as work:
        assert not may(work, Permission.TAB_OPEN, account=world.at_phoenix, location=world.tucson)


@pytest.mark.parametrize("permission", sorted(policy.WHOLE_ORGANIZATION))
def test_what_concerns_everyone_needs_a_grant_without_place(portunus, world, reading, permission):
    role = next(role for role in Role if permission in ROLES[role])
    local, whole = person(portunus, world.ours, role, locations=[world.phoenix]), person(portunus, world.ours, role)
    with reading(local) as work:
        assert not may(work, permission, anywhere=True)
    with reading(whole) as work:
        assert may(work, permission, anywhere=True)


def test_no_grant_no_permission(portunus, world, reading):
    nora = person(portunus, world.ours, None)
    with reading(nora) as work:
        assert held(work) == frozenset()
        assert not any(may(work, permission, anywhere=True) for permission in Permission)


def test_without_a_thing_and_without_anywhere_the_answer_is_no(portunus, world, reading):
    with reading(person(portunus, world.ours, "biller")) as work:
        assert not may(work, Permission.TAB_OPEN)


@pytest.mark.parametrize(
    ("role", "never"),
    [
        (
            Role.ADMIN,
            {Permission.TAB_OPEN, Permission.RECORDING_VIEW_ALL, Permission.RECORDING_VIEW_OWN, Permission.LOOKUP_RUN},
        ),
        (
            Role.COMPLIANCE,
            {
                Permission.TAB_OPEN,
                Permission.CODE_GIVE,
                Permission.SECRET_STORE,
                Permission.USER_MANAGE,
                Permission.ACCOUNT_MANAGE,
            },
        ),
        (
            Role.BILLER,
            {Permission.RECORDING_VIEW_ALL, Permission.SECRET_STORE, Permission.USER_MANAGE, Permission.AUDIT_VIEW},
        ),
        (
            Role.FRONT_DESK,
            {Permission.RECORDING_VIEW_ALL, Permission.SECRET_STORE, Permission.USER_MANAGE, Permission.AUDIT_VIEW},
        ),
        (Role.SERVICE, set(Permission) - {Permission.LOOKUP_RUN, Permission.LOOKUP_CLAIMS}),
        (Role.SCRIPT_MAINTAINER, {Permission.SCRIPT_APPROVE, Permission.TAB_OPEN, Permission.SECRET_STORE}),
    ],
)
def test_duties_are_separate(role, never):
    assert ROLES[role] & never == set()


def test_every_role_has_its_row_and_words():
    assert set(ROLES) == set(policy.ROLE_WORDS) == set(Role)


@pytest.mark.parametrize("kind", [ActorKind.OPERATOR, ActorKind.SYSTEM])
def test_operator_and_system_are_not_limited(world, reading, kind):
    with reading(Actor(kind, "x", "x")) as work:
        assert may(work, Permission.TAB_OPEN, account=world.at_reno, location=world.reno)
        assert reach(work, Permission.AUDIT_EXPORT).everywhere


@pytest.mark.parametrize("name", ["", "-", "usr_unknown"])
@pytest.mark.parametrize("kind", [ActorKind.USER, ActorKind.SERVICE])
def test_who_is_not_known_may_nothing(world, reading, kind, name):
    with reading(Actor(kind, name, "nobody")) as work:
        assert held(work) == frozenset()
        assert not may(work, Permission.TAB_OPEN, account=world.at_phoenix)


def test_a_user_id_gives_a_service_account_nothing(portunus, world, reading):
    maria = person(portunus, world.ours, "biller")
    with reading(Actor(ActorKind.SERVICE, maria.id, maria.name)) as work:
        assert held(work) == frozenset()


def test_revoking_expiry_and_disabling_bite_at_once(portunus, world, clock):
    maria = person(portunus, world.ours, "biller")
    with portunus.unit(acting(maria)) as work:
        grant = work.db.scalars(select(Grant).where(Grant.user_id == maria.id)).one()
        assert may(work, Permission.TAB_OPEN, location=world.phoenix)
        grant.revoked_at = clock.now()
        work.db.flush()
        assert not may(work, Permission.TAB_OPEN, location=world.phoenix)
        grant.revoked_at = None
        from datetime import timedelta

        grant.expires_at = clock.now() + timedelta(minutes=1)
        work.db.flush()
        assert may(work, Permission.TAB_OPEN, location=world.phoenix)
        clock.advance(minutes=1)
        assert not may(work, Permission.TAB_OPEN, location=world.phoenix)
        grant.expires_at = None
        work.db.get(type(maria), maria.id).status = "disabled"
        work.db.flush()
        assert not may(work, Permission.TAB_OPEN, location=world.phoenix)


def test_a_role_this_version_does_not_know_allows_nothing(portunus, world, reading):
    odd = person(portunus, world.ours, "root")
    with reading(odd) as work:
        assert held(work) == frozenset()


def test_a_grant_that_names_two_places_allows_nothing(portunus, world, reading):
    odd = person(portunus, world.ours, "biller", location_id=world.phoenix.id, account_id=world.at_both.id)
    with reading(odd) as work:
        assert not may(work, Permission.TAB_OPEN, account=world.at_both, location=world.phoenix)


def test_an_account_that_moves_leaves_the_old_locations_people_behind(portunus, world, reading):
    maria = person(portunus, world.ours, "biller", locations=[world.phoenix])
    with portunus.unit(system("test")) as work:
        row = work.db.get(type(world.at_phoenix), world.at_phoenix.id)
        row.locations = [work.db.get(type(world.tucson), world.tucson.id)]
    with reading(maria) as work:
        row = work.db.get(type(world.at_phoenix), world.at_phoenix.id)
        assert not may(work, Permission.TAB_OPEN, account=row)


def test_beyond_reach_is_not_found_and_beyond_the_role_is_refused(portunus, world, reading):
    maria = person(portunus, world.ours, "biller", locations=[world.phoenix])
    with pytest.raises(NotFound, match="There is no such thing"), reading(maria) as work:
        require(work, Permission.TAB_OPEN, account=world.at_tucson)
    with pytest.raises(NotFound, match="There is no such thing"), reading(maria) as work:
        require(work, Permission.ACCOUNT_MANAGE, account=world.at_reno)
    with pytest.raises(Refused), reading(maria) as work:
        require(work, Permission.ACCOUNT_MANAGE, account=world.at_phoenix)
    with pytest.raises(Refused), reading(maria) as work:
        require(work, Permission.AUDIT_EXPORT, anywhere=True)


def test_each_refusal_is_in_the_audit_log_although_the_unit_rolled_back(portunus, world):
    maria = person(portunus, world.ours, "biller", locations=[world.phoenix])
    with pytest.raises(NotFound), portunus.unit(acting(maria)) as work:
        work.db.add(ServiceAccount(id="svc_x", organization_id=world.ours.id, name="x", created_at=work.clock.now()))
        require(work, Permission.TAB_OPEN, account=world.at_tucson)
    with portunus.reading(system("test")) as work:
        entry = work.db.scalars(select(AuditEntry)).one()
        assert (entry.act, entry.actor_id) == ("access:request:deny", maria.id)
        assert world.at_tucson.id in entry.leaf
        assert work.db.get(ServiceAccount, "svc_x") is None


def test_asking_is_not_recorded(portunus, world, reading):
    maria = person(portunus, world.ours, "biller", locations=[world.phoenix])
    with reading(maria) as work:
        may(work, Permission.TAB_OPEN, account=world.at_tucson)
    with portunus.reading(system("test")) as work:
        assert work.db.scalars(select(AuditEntry)).all() == []
