"""Short names of locations: each organization has its own, and sees no other's."""

import pytest

from broker.base.actor import Actor, ActorKind
from broker.base.errors import Conflict, NotFound
from broker.directory import service as directory
from broker.identity.places import location_by_key
from tests import factories
from tests.conftest import acting

OPERATOR = Actor(ActorKind.OPERATOR, "root", "root at the shell")


@pytest.fixture
def saguaro(portunus):
    with portunus.unit(OPERATOR) as work:
        return factories.organization(work, "Saguaro Dental")


@pytest.fixture
def sierra(portunus):
    with portunus.unit(OPERATOR) as work:
        return factories.organization(work, "Sierra Dental")


def test_two_organizations_may_use_one_short_name_and_each_means_its_own(portunus, saguaro, sierra):
    with portunus.unit(OPERATOR) as work:
        ours, theirs = factories.location(work, saguaro, "phoenix"), factories.location(work, sierra, "phoenix")
        maria, sam = factories.user(work, saguaro, "Maria"), factories.user(work, sierra, "Sam")
    for person, place in ((maria, ours), (sam, theirs)):
        with portunus.reading(acting(person)) as work:
            assert location_by_key(work, "phoenix").id == place.id


def test_another_organizations_short_name_answers_like_an_unknown_one(portunus, saguaro, sierra):
    with portunus.unit(OPERATOR) as work:
        factories.location(work, sierra, "reno")
        maria = factories.user(work, saguaro, "Maria")
    for key in ("reno", "nowhere"):
        with pytest.raises(NotFound, match=f"There is no location {key}."), portunus.reading(acting(maria)) as work:
            location_by_key(work, key)


def test_the_operator_is_told_when_a_short_name_is_not_enough(portunus, saguaro, sierra):
    with portunus.unit(OPERATOR) as work:
        factories.location(work, saguaro, "phoenix")
        only = factories.location(work, sierra, "reno")
        factories.location(work, sierra, "phoenix")
    with portunus.reading(OPERATOR) as work:
        assert location_by_key(work, "reno").id == only.id
        with pytest.raises(Conflict, match="Several organizations"):
            location_by_key(work, "phoenix")


def test_one_organization_uses_a_short_name_once(portunus, saguaro):
    told = {"key": "phoenix", "name": "Phoenix", "npi": "1999999984", "city": "Phoenix", "time_zone": "America/Phoenix"}
    with portunus.unit(OPERATOR) as work:
        directory.create_location(work, saguaro.id, **told, tax_entities=[("Saguaro PLLC", "860000001")])
    with pytest.raises(Conflict, match="There is a location phoenix already"), portunus.unit(OPERATOR) as work:
        directory.create_location(work, saguaro.id, **told, tax_entities=[("Saguaro PLLC", "860000001")])
