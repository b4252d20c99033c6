"""A tile says which office and which login it is, so that nobody opens the wrong one."""

import pytest

from broker.base.errors import Incomplete
from broker.directory import service as directory
from broker.tabs import service as tabs
from tests import factories as make

BOTH_DATABASES = True


@pytest.fixture
def logins(work):
    """Two logins of one portal whose usernames end alike."""
    place = make.location(work, make.organization(work), name="Saguaro Family Dental", city="Mesa")
    portal = make.portal(work)
    return [make.account(work, portal, [place], username=name) for name in ("anna.nixon", "berta.nixon")]


def labels(work) -> list[str]:
    return [tile.login_label for tile in tabs.tiles(work)]


def test_logins_without_a_name_show_both_ends_of_their_username(work, logins):
    assert labels(work) == ["login ann…xon", "login ber…xon"]


def test_a_login_shows_what_people_call_it(work, logins):
    directory.label_account(work, logins[1], "  Evening desk ")
    assert sorted(labels(work)) == ["Evening desk", "login ann…xon"]
    directory.label_account(work, logins[1], "")
    assert labels(work) == ["login ann…xon", "login ber…xon"]


def test_a_label_is_a_name_not_a_novel(work, logins):
    with pytest.raises(Incomplete):
        directory.label_account(work, logins[0], "x" * 61)


def test_a_tile_names_the_town_of_its_office(work, logins):
    assert {tile.location_town for tile in tabs.tiles(work)} == {"Mesa"}
