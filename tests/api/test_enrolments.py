"""A new authenticator over HTTP: asked for on the login's page, approved by somebody else, told where it stands."""

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.codes.models import Enrolment
from broker.directory.models import PortalAccount
from tests import factories


@pytest.fixture
def practice(portunus, signed_in):
    """The browsers of Ana and Ben, administrators, and of Maria, a biller."""
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        place = factories.location(work, org)
        factories.account(work, factories.portal(work), [place], channel="totp")
        users = [factories.user(work, org, name, role="admin") for name in ("Ana Petrova", "Ben Kahale")]
        users.append(factories.user(work, org))
    return [signed_in(user) for user in users]


def way(portunus) -> str:
    with portunus.reading(system("test")) as work:
        return f"/accounts/{work.db.scalars(select(PortalAccount.id)).one()}"


def row(portunus) -> Enrolment:
    with portunus.reading(system("test")) as work:
        return work.db.scalars(select(Enrolment)).one()


def test_one_asks_and_another_approves(practice, portunus):
    ana, ben, _ = practice
    assert ana.post(f"{way(portunus)}/enrolment").status_code == 303
    at = f"{way(portunus)}/enrolment/{row(portunus).id}"
    assert "Somebody else must approve" in ana.get(f"{way(portunus)}/codes").text
    assert 'value="approve"' not in ana.get(f"{way(portunus)}/codes").text
    assert ana.post(at, {"what": "approve"}).status_code == 403
    assert ben.post(at, {"what": "approve"}).status_code == 303
    assert row(portunus).state == "approved"
    assert "Ben Kahale approved" in ana.get(f"{way(portunus)}/codes").text


def test_it_is_asked_for_once_and_can_be_withdrawn(practice, portunus):
    ana, ben, _ = practice
    ana.post(f"{way(portunus)}/enrolment")
    assert ben.post(f"{way(portunus)}/enrolment").status_code == 409
    at = f"{way(portunus)}/enrolment/{row(portunus).id}"
    assert ana.post(at, {"what": "known"}).status_code == 409
    assert ana.post(at, {"what": "shrug"}).status_code == 422
    assert ana.post(at, {"what": "withdraw"}).status_code == 303
    assert "Ask for it" in ana.get(f"{way(portunus)}/codes").text


def test_a_biller_has_no_part_in_it(practice, portunus):
    assert practice[2].post(f"{way(portunus)}/enrolment").status_code == 403
