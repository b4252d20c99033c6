"""Logins that stay on one version: shown, pinned and let go on the portal's script page."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.directory.models import Location, PortalAccount
from broker.scripts import service as scripts
from broker.wiring import Portunus
from tests import factories

PAGE = "/scripts/harborline"
OLD, NEW = "d" * 64, "e" * 64
WHY = "Its office still has the old portal."


@pytest.fixture
def office(portunus: Portunus) -> SimpleNamespace:
    """A portal with two versions that may run, the newer in force; another practice has a login there too."""
    with portunus.unit(system("test")) as work:
        org, other = factories.organization(work), factories.organization(work, "Cholla Dental")
        place = factories.location(work, org, "phoenix")
        elsewhere = factories.location(work, other, "tucson")
        portal = factories.portal(work, digest=OLD)
        factories.version(work, portal, NEW)
        for digest in (OLD, NEW):
            facts = {"hosts": portal.hosts, "start": portal.start_url}
            scripts.keep_shipped(work, portal, scripts.Bundle("harborline", digest, [], facts))
        return SimpleNamespace(
            place=place,
            portal=portal,
            account=factories.account(work, portal, [place], username="front-desk-7", channel=None),
            theirs=factories.account(work, portal, [elsewhere], username="cholla-1", channel=None),
            ana=factories.user(work, org, "Ana Silva", role="admin"),
            audrey=factories.user(work, org, "Audrey Test", role="compliance"),
            mira=factories.user(work, org, "Mira Chen", role="script_maintainer"),
            olga=factories.user(work, other, "Olga Ruiz", role="admin"),
        )


def runs(portunus: Portunus, office: SimpleNamespace) -> str:
    with portunus.reading(system("test")) as work:
        account = work.db.get_one(PortalAccount, office.account.id)
        return scripts.chosen(work, account, work.db.get_one(Location, office.place.id))


def pinned(browser, office: SimpleNamespace, **other: str):
    return browser.post(f"{PAGE}/pin", {"account": office.account.id, "digest": OLD, "words": WHY} | other)


def pins(portunus: Portunus, office: SimpleNamespace) -> list[str]:
    with portunus.reading(system("test")) as work:
        return [one.account_id for one in scripts.pins(work, office.portal.id)]


def test_a_login_pinned_on_the_page_runs_that_version(portunus, signed_in, office) -> None:
    assert runs(portunus, office) == NEW
    assert pinned(signed_in(office.ana), office).status_code == 303
    assert runs(portunus, office) == OLD


def test_a_pin_is_shown_with_its_login_place_version_author_and_reason(signed_in, office) -> None:
    pinned(signed_in(office.ana), office)
    shown = signed_in(office.audrey).get(PAGE).text.partition('id="pinned"')[2].partition("</section>")[0]
    for words in ("front-desk-7", office.place.name, OLD[:12], "Ana Silva", WHY):
        assert words in shown
    assert "Unpin" not in shown


def test_an_unpinned_login_runs_the_version_in_force_again(portunus, signed_in, office) -> None:
    ana = signed_in(office.ana)
    pinned(ana, office)
    assert f"Unpin front-desk-7, {office.place.name}" in ana.get(PAGE).text
    assert ana.post(f"{PAGE}/unpin", {"account": office.account.id}).status_code == 303
    assert runs(portunus, office) == NEW
    assert "Pinned logins" not in ana.get(PAGE).text


def test_a_login_that_is_not_pinned_any_more_is_told(signed_in, office) -> None:
    again = signed_in(office.ana).post(f"{PAGE}/unpin", {"account": office.account.id})
    assert again.status_code == 409
    assert "not pinned any more" in again.text


def test_a_second_pin_takes_the_place_of_the_first_and_both_are_on_record(portunus, signed_in, office) -> None:
    ana = signed_in(office.ana)
    pinned(ana, office)
    pinned(ana, office, digest=NEW)
    assert runs(portunus, office) == NEW
    with portunus.reading(system("test")) as work:
        query = select(AuditEntry.act).where(AuditEntry.act.startswith("script:pin:")).order_by(AuditEntry.index)
        assert list(work.db.scalars(query)) == [Act.SCRIPT_PINNED, Act.SCRIPT_UNPINNED, Act.SCRIPT_PINNED]


@pytest.mark.parametrize("who", ["audrey", "mira"])
def test_who_approves_no_script_neither_pins_nor_unpins(portunus, signed_in, office, who: str) -> None:
    pinned(signed_in(office.ana), office)
    browser = signed_in(getattr(office, who))
    assert pinned(browser, office, digest=NEW).status_code == 403
    assert browser.post(f"{PAGE}/unpin", {"account": office.account.id}).status_code == 403
    assert "Pin a login" not in browser.get(PAGE).text
    assert runs(portunus, office) == OLD


def test_another_organizations_login_is_neither_listed_nor_pinned(portunus, signed_in, office) -> None:
    ana = signed_in(office.ana)
    shown = ana.get(PAGE).text
    assert office.account.id in shown
    assert office.theirs.id not in shown
    assert "cholla-1" not in shown
    assert pinned(ana, office, account=office.theirs.id).status_code == 404
    assert pins(portunus, office) == []


def test_another_organizations_pin_is_neither_shown_nor_taken_off(portunus, signed_in, office) -> None:
    pinned(signed_in(office.ana), office)
    olga = signed_in(office.olga)
    shown = olga.get(PAGE).text
    assert "Pinned logins" not in shown
    assert WHY not in shown
    assert olga.post(f"{PAGE}/unpin", {"account": office.account.id}).status_code == 404
    assert pins(portunus, office) == [office.account.id]


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"words": "so"}, 422, "Say in a sentence why"),
        ({"digest": "f" * 64}, 404, "version"),
        ({"account": "acc_nobody"}, 404, "There is no such thing"),
    ],
)
def test_what_cannot_be_pinned_comes_back_with_a_sentence(
    portunus, signed_in, office, sent: dict[str, str], status: int, words: str
) -> None:
    answer = pinned(signed_in(office.ana), office, **sent)
    assert answer.status_code == status
    assert words in answer.text
    assert pins(portunus, office) == []


def test_a_login_of_another_portal_is_not_pinned_from_this_ones_page(portunus, signed_in, office) -> None:
    with portunus.unit(system("test")) as work:
        other = factories.portal(work, "copper_mesa_az", digest="c" * 64)
        place = work.db.get_one(Location, office.place.id)
        account = factories.account(work, other, [place], channel=None)
    assert pinned(signed_in(office.ana), office, account=account.id, digest="c" * 64).status_code == 404
