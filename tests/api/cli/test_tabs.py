"""`portunus open` takes the login that gets there soonest."""

import pytest

from api.cli.tabs import best_login
from broker.base.actor import system
from broker.base.errors import NotFound
from broker.directory import service as directory
from tests import factories


@pytest.fixture
def logins(work):
    """Two Harborline logins in Tucson."""
    org = factories.organization(work)
    tucson = factories.location(work, org, "tucson")
    portal = factories.portal(work)
    return [factories.account(work, portal, [tucson], username=name) for name in ("first.login", "second.login")]


def test_a_stopped_login_is_passed_over_when_another_works(work, logins):
    directory.park_account(work, logins[0], "wrong_password", "The password is wrong.")
    assert best_login(work, "harborline", "tucson").account_id == logins[1].id


def test_the_only_login_is_taken_even_when_stopped_so_that_its_words_are_said(work, logins):
    directory.park_account(work, logins[0], "wrong_password", "The password is wrong.")
    assert best_login(work, "harborline", "tucson", "first.login").account_id == logins[0].id


def test_a_login_nobody_has_is_not_found(work, logins):
    with pytest.raises(NotFound):
        best_login(work, "harborline", "tucson", "third.login")


def test_a_stopped_login_ends_the_command_with_its_words(shell, portunus):
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        tucson = factories.location(work, org, "tucson")
        account = factories.account(work, factories.portal(work), [tucson])
        directory.park_account(work, account, "wrong_password", "The password is wrong.")
    said = shell("open", "harborline", "--location", "tucson")
    assert (said.code, said.errors) == (1, "The password is wrong.")
