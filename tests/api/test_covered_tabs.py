"""Uncovering a tab: by a code of one's own app or by one's password, with the same limits as signing in."""

import pyotp
import pytest

from broker.base.actor import system
from broker.identity import passwords, second_factor
from broker.identity.models import Login, User
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from tests import factories

SYSTEM = system("test")
PHRASE = "quiet harbour lantern"
HASH = passwords.hashed(PHRASE)


@pytest.fixture
def maria(portunus):
    with portunus.unit(SYSTEM) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [phoenix])
        user = factories.user(work, org, locations=[phoenix])
        user.password_hash = HASH
    return user, account, phoenix


@pytest.fixture
def browser(portunus, signed_in, maria):
    return signed_in(maria[0])


@pytest.fixture
def code(portunus, maria, browser, clock):
    """What her telephone shows now."""
    with portunus.unit(SYSTEM) as work:
        user = work.db.get(User, maria[0].id)
        login = work.db.query(Login).filter_by(user_id=user.id).one()
        seed = second_factor.offer_second_factor(work, portunus.vault, login).seed
        now = pyotp.TOTP(seed).at(clock.now())
        second_factor.confirm_second_factor(work, portunus.vault, login, now)
    clock.advance(seconds=30)
    return pyotp.TOTP(seed).at(clock.now())


@pytest.fixture
def covered(portunus, browser, maria) -> str:
    """Her tab, covered."""
    _, account, phoenix = maria
    body = {"account_id": account.id, "location_id": phoenix.id, "purpose": "Claims"}
    lease_id = browser.post_json("/api/v1/tabs", body).json()["id"]
    with portunus.unit(SYSTEM) as work:
        tabs.lock(work, lease_id)
    return lease_id


def unlock(browser, lease_id: str, value: str):
    return browser.post_json(f"/api/v1/tabs/{lease_id}/unlock", {"value": value})


def locked(portunus, lease_id: str) -> bool:
    with portunus.reading(SYSTEM) as work:
        return work.db.get(Lease, lease_id).locked_at is not None


def test_ones_own_code_uncovers_it_once(browser, portunus, code, covered):
    assert unlock(browser, covered, code).json()["locked"] is False
    with portunus.unit(SYSTEM) as work:
        tabs.lock(work, covered)
    assert unlock(browser, covered, code).status_code == 403
    assert locked(portunus, covered)


def test_ones_own_password_uncovers_it(browser, portunus, covered):
    assert unlock(browser, covered, PHRASE).status_code == 200
    assert not locked(portunus, covered)


@pytest.mark.parametrize("value", ["123456", "quiet harbour", " "])
def test_anything_else_leaves_it_covered(browser, portunus, covered, value):
    answer = unlock(browser, covered, value)
    assert answer.status_code == 403
    assert value.strip() not in answer.text or not value.strip()
    assert locked(portunus, covered)


def test_tries_are_limited_as_at_the_sign_in(browser, portunus, covered):
    answers = [unlock(browser, covered, "123456").status_code for _ in range(11)]
    assert answers == [403] * 10 + [429]
    assert unlock(browser, covered, PHRASE).status_code == 429


def test_a_covered_tab_gives_neither_ticket_nor_file(browser, covered):
    for path, body in (("ticket", None), ("files/fil_1/ticket", {"inline": False})):
        answer = browser.post_json(f"/api/v1/tabs/{covered}/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "tab-locked")


def test_somebody_elses_tab_is_not_found(portunus, signed_in, covered):
    with portunus.unit(SYSTEM) as work:
        other = factories.user(work, factories.organization(work, "Elsewhere"), "Nora Quill")
    assert unlock(signed_in(other), covered, PHRASE).status_code == 404
