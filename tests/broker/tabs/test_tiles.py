"""A tile says which office and which login it is, how it stands there, and what to do next."""

import pytest

from broker.base.errors import Incomplete
from broker.directory import service as directory
from broker.scripts import service as scripts
from broker.scripts.service import Report
from broker.tabs import service as tabs
from broker.tabs.models import PortalSession
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


def look(work, logins, outcome: str) -> None:
    """Portunus looked at the portal's sign-in page."""
    work.clock.advance(seconds=60)
    scripts.note(work, Report(logins[0].portal_id, "d" * 64, "look", outcome, 800))
    work.db.flush()


def test_every_login_of_a_portal_that_is_down_says_so_with_what_to_do_until_it_is_up_again(work, logins):
    logins[0].portal.provider_line = "800-555-0142"
    look(work, logins, "down")
    shown = tabs.tiles(work)
    assert [tile.state for tile in shown] == ["down", "down"]
    assert {tile.words for tile in shown} == {
        f"Since {work.clock.now():%H:%M} UTC. Meanwhile: Call the provider line: 800-555-0142."
    }
    assert {tile.down_since for tile in shown} == {work.clock.now()}
    look(work, logins, "signed_out")
    assert [(tile.state, tile.down_since) for tile in tabs.tiles(work)] == [("cold", None)] * 2


def test_a_login_that_is_signed_in_stays_ready_while_its_portal_is_down_and_says_both(work, logins):
    work.db.add(
        PortalSession(
            id="ses_1", account=logins[0], location=logins[0].locations[0], state="ready",
            state_at=work.clock.now(), created_at=work.clock.now(),
        )
    )  # fmt: skip
    look(work, logins, "down")
    shown = {tile.account_id: tile for tile in tabs.tiles(work)}[logins[0].id]
    assert shown.state == "warm"
    assert shown.words.endswith(f"The portal was down at {work.clock.now():%H:%M} UTC.")


def test_what_a_sign_in_found_down_is_only_remembered_once_the_portal_is_up_again(work, logins):
    at = work.clock.now()
    work.db.add(
        PortalSession(
            id="ses_1", account=logins[0], location=logins[0].locations[0], state="ended", state_at=at,
            created_at=at, ended_at=at, end_reason="down", words="The portal is down.",
        )
    )  # fmt: skip
    work.db.flush()
    shown = {tile.account_id: tile for tile in tabs.tiles(work)}[logins[0].id]
    assert (shown.state, shown.words) == ("cold", f"Enter signs in. The portal was down at {at:%H:%M} UTC.")


@pytest.mark.parametrize("status", ["locked", "wrong_password"])
def test_a_stopped_login_says_what_stopped_it(work, logins, status):
    directory.park_account(work, logins[0], status, "Unlock it with the carrier.")
    stopped, other = sorted(tabs.tiles(work), key=lambda tile: tile.account_id != logins[0].id)
    assert (stopped.state, stopped.stopped_by, stopped.words) == ("stopped", status, "Unlock it with the carrier.")
    assert other.stopped_by is None


def test_a_portal_that_allows_no_program_gives_its_address(work, logins):
    assert {tile.address for tile in tabs.tiles(work)} == {None}
    logins[0].portal.automation = "attended"
    assert {(tile.state, tile.address) for tile in tabs.tiles(work)} == {("attended", logins[0].portal.start_url)}
