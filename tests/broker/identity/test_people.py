"""Users, service accounts and grants: who may make them, for whom, and what is kept apart."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import Actor, ActorKind, system
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.identity import keys, links, people
from broker.identity.models import Grant, Login, User
from tests import factories
from tests.conftest import acting

BOTH_DATABASES = True

OPERATOR = Actor(ActorKind.OPERATOR, "root", "root at the shell")


@pytest.fixture
def org(portunus):
    with portunus.unit(OPERATOR) as work:
        return factories.organization(work)


@pytest.fixture
def ana(portunus, org):
    """The administrator."""
    with portunus.unit(OPERATOR) as work:
        return factories.user(work, org, "Ana Admin", role="admin")


@pytest.fixture
def maria(portunus, org):
    with portunus.unit(OPERATOR) as work:
        return factories.user(work, org, "Maria Lopez", role="biller")


@pytest.fixture
def stranger(portunus):
    """A user of another organization."""
    with portunus.unit(OPERATOR) as work:
        return factories.user(work, factories.organization(work, "Sierra Dental"), "Sam Stranger")


def test_administrator_makes_a_user_who_can_do_nothing_yet(portunus, org, ana):
    with portunus.unit(acting(ana)) as work:
        user = people.create_user(work, org.id, email=" Dan@Saguaro.Test ", name=" Dan  Desk ")
    assert (user.email, user.name, user.password_hash) == ("dan@saguaro.test", "Dan Desk", None)
    with portunus.reading(system("test")) as work:
        assert work.db.scalars(select(Grant).where(Grant.user_id == user.id)).all() == []


def test_addresses_that_look_alike_are_one(portunus, org, ana):
    with portunus.unit(acting(ana)) as work:
        people.create_user(work, org.id, email="dan@saguaro.test", name="Dan")
    with pytest.raises(Conflict), portunus.unit(acting(ana)) as work:
        people.create_user(work, org.id, email="\uff24AN@saguaro.test", name="Dan")


@pytest.mark.parametrize("email", ["", "dan", "dan@", "@x", "a b@x.test", "a@b@c", "a\n@x.test", "a" * 300 + "@x.test"])
def test_what_is_no_address_is_refused(portunus, org, email):
    with pytest.raises(Incomplete), portunus.unit(OPERATOR) as work:
        people.create_user(work, org.id, email=email, name="Dan")


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "Dan\x00", "Dan\u202e"])
def test_what_is_no_name_is_refused(portunus, org, name):
    with pytest.raises(Incomplete), portunus.unit(OPERATOR) as work:
        people.create_user(work, org.id, email="dan@saguaro.test", name=name)


def test_a_biller_manages_nobody(portunus, org, maria, ana):
    acts = [
        lambda work: people.create_user(work, org.id, email="x@saguaro.test", name="X"),
        lambda work: people.create_service_account(work, org.id, "robot"),
        lambda work: people.give_grant(work, role="admin", user_id=maria.id),
        lambda work: people.disable_user(work, ana.id),
        lambda work: links.create_link(work, work.db.get(User, ana.id)),
    ]
    for act in acts:
        with pytest.raises(Refused), portunus.unit(acting(maria)) as work:
            act(work)


def test_nobody_gives_himself_a_role(portunus, ana):
    with pytest.raises(Refused, match="himself"), portunus.unit(acting(ana)) as work:
        people.give_grant(work, role="compliance", user_id=ana.id)


def test_administrator_reaches_no_other_organization(portunus, ana, stranger):
    acts = [
        lambda work: people.create_user(work, stranger.organization_id, email="x@sierra.test", name="X"),
        lambda work: people.give_grant(work, role="biller", user_id=stranger.id),
        lambda work: people.disable_user(work, stranger.id),
        lambda work: links.create_link(work, work.db.get(User, stranger.id)),
    ]
    for act in acts:
        with pytest.raises(NotFound), portunus.unit(acting(ana)) as work:
            act(work)


def test_a_grant_stays_within_the_holders_organization(portunus, ana, maria):
    with portunus.unit(OPERATOR) as work:
        reno = factories.location(work, factories.organization(work, "Sierra Dental"), "reno")
    with pytest.raises(NotFound), portunus.unit(acting(ana)) as work:
        people.give_grant(work, role="front_desk", user_id=maria.id, location_id=reno.id)


def test_compliance_and_work_in_portals_stay_apart(portunus, ana, maria, org):
    with pytest.raises(Conflict), portunus.unit(acting(ana)) as work:
        people.give_grant(work, role="compliance", user_id=maria.id)
    with portunus.unit(OPERATOR) as work:
        audrey = factories.user(work, org, "Audrey Audit", role="compliance")
    with pytest.raises(Conflict), portunus.unit(acting(ana)) as work:
        people.give_grant(work, role="front_desk", user_id=audrey.id)


def test_taken_back_role_frees_the_way_for_the_other(portunus, ana, maria):
    with portunus.unit(acting(ana)) as work:
        grant_id = work.db.scalars(select(Grant.id).where(Grant.user_id == maria.id)).one()
        people.revoke_grant(work, grant_id)
        people.give_grant(work, role="compliance", user_id=maria.id)
    assert "revoked" in portunus.signals.sent


@pytest.mark.parametrize("role", ["root", "", "ADMIN", "admin "])
def test_unknown_roles_are_refused(portunus, maria, role):
    with pytest.raises(Incomplete, match="no such role"), portunus.unit(OPERATOR) as work:
        people.give_grant(work, role=role, user_id=maria.id)


def test_grant_names_one_holder_and_one_place(portunus, org, maria):
    with portunus.unit(OPERATOR) as work:
        place = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [place])
    wrong = [
        {},
        {"user_id": maria.id, "service_account_id": "svc_x"},
        {"user_id": maria.id, "location_id": place.id, "account_id": account.id},
    ]
    for values in wrong:
        with pytest.raises(Incomplete), portunus.unit(OPERATOR) as work:
            people.give_grant(work, role="biller", **values)


def test_service_role_is_for_service_accounts_only(portunus, org, maria):
    with portunus.unit(OPERATOR) as work:
        robot = people.create_service_account(work, org.id, "robot")
    for values in ({"role": "service", "user_id": maria.id}, {"role": "biller", "service_account_id": robot.id}):
        with pytest.raises(Incomplete), portunus.unit(OPERATOR) as work:
            people.give_grant(work, **values)


def test_grant_that_ends_before_it_begins_is_refused(portunus, maria, clock):
    with pytest.raises(Incomplete), portunus.unit(OPERATOR) as work:
        people.give_grant(work, role="front_desk", user_id=maria.id, expires_at=clock.now() - timedelta(seconds=1))


def test_unknown_and_foreign_grants_answer_alike(portunus, ana, stranger):
    with portunus.reading(OPERATOR) as work:
        theirs = work.db.scalars(select(Grant.id).where(Grant.user_id == stranger.id)).one()
    said = []
    for grant_id in (theirs, "gra_unknown"):
        with pytest.raises(NotFound) as refused, portunus.unit(acting(ana)) as work:
            people.revoke_grant(work, grant_id)
        said.append(refused.value.message)
    assert said[0] == said[1]


def test_disabling_ends_every_sign_in(portunus, ana, maria):
    from broker.identity import logins

    with portunus.unit(system("test")) as work:
        logins.begin(work, work.db.get(User, maria.id), device="x", via="password", complete=True)
    with portunus.unit(acting(ana)) as work:
        people.disable_user(work, maria.id)
    with portunus.reading(OPERATOR) as work:
        assert work.db.scalars(select(Login).where(Login.user_id == maria.id)).one().ended_at is not None


def test_nobody_disables_himself(portunus, ana):
    with pytest.raises(Refused), portunus.unit(acting(ana)) as work:
        people.disable_user(work, ana.id)


def test_key_is_shown_once_and_kept_as_a_digest(portunus, org, ana):
    with portunus.unit(acting(ana)) as work:
        robot = people.create_service_account(work, org.id, "robot")
        row, key = keys.create_api_key(work, robot)
    assert key.startswith("ptn_live_")
    assert key.encode() not in row.digest
    assert keys.checksum(key[len("ptn_live_") : -6]) == key[-6:]
    with portunus.reading(OPERATOR) as work:
        assert key not in "".join(entry.leaf for entry in work.db.scalars(select(AuditEntry)))
        assert keys.actor_of_key(work, key, None).id == robot.id


@pytest.mark.parametrize("days", [0, -1, 91])
def test_key_lives_ninety_days_at_most(portunus, org, days):
    with portunus.unit(OPERATOR) as work:
        robot = people.create_service_account(work, org.id, "robot")
    with pytest.raises(Incomplete), portunus.unit(OPERATOR) as work:
        keys.create_api_key(work, robot, days)


def test_key_of_a_disabled_service_account_is_nobody(portunus, org):
    with portunus.unit(OPERATOR) as work:
        robot = people.create_service_account(work, org.id, "robot")
        _, key = keys.create_api_key(work, robot)
        robot.status = "disabled"
    with portunus.reading(OPERATOR) as work:
        assert keys.actor_of_key(work, key, None) is None


def test_only_the_shell_makes_links_that_sign_in_at_once(portunus, ana, maria):
    with pytest.raises(Refused), portunus.unit(acting(ana)) as work:
        links.create_link(work, work.db.get(User, maria.id), direct=True)


@pytest.mark.parametrize(("who", "hours"), [("operator", 24), ("administrator", 1)])
def test_links_end_with_their_life(portunus, ana, maria, clock, who, hours):
    with portunus.unit(OPERATOR if who == "operator" else acting(ana)) as work:
        token = links.create_link(work, work.db.get(User, maria.id))
    clock.advance(hours=hours, seconds=-1)
    with portunus.reading(OPERATOR) as work:
        assert links.peek_link(work, token)
    clock.advance(seconds=1)
    with portunus.reading(OPERATOR) as work:
        assert not links.peek_link(work, token)
    with pytest.raises(Refused), portunus.unit(OPERATOR) as work:
        links.use_link(work, token, "x")


def test_link_of_a_disabled_user_is_dead(portunus, maria):
    with portunus.unit(OPERATOR) as work:
        token = links.create_link(work, work.db.get(User, maria.id))
        people.disable_user(work, maria.id)
    with pytest.raises(Refused), portunus.unit(OPERATOR) as work:
        links.use_link(work, token, "x")


def test_nobody_takes_his_own_role_back(portunus, ana):
    with portunus.reading(OPERATOR) as work:
        own = work.db.scalars(select(Grant.id).where(Grant.user_id == ana.id)).one()
    with pytest.raises(Refused), portunus.unit(acting(ana)) as work:
        people.revoke_grant(work, own)
