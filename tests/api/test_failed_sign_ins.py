"""Who looks after an account sees at which page a sign-in stopped: masked, for a reason, and never its words."""

import json
from base64 import b64encode

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.tabs import service as tabs
from broker.tabs.models import LoginAttempt
from broker.tabs.service import Ending
from tests import factories
from tests.conftest import acting

SYSTEM = system("test")
PNG = b"\x89PNG\r\n\x1a\nmasked"
DIGEST = "d" * 64


class Practice:
    """Maria's sign-in at Phoenix stopped at a page nobody knows; Ana and Audrey see all, Zoe looks after Tucson alone."""

    def __init__(self, portunus, signed_in) -> None:
        self.portunus = portunus
        with portunus.unit(SYSTEM) as work:
            org = factories.organization(work)
            phoenix, tucson = factories.location(work, org), factories.location(work, org, "tucson")
            account = factories.account(work, factories.portal(work, digest=DIGEST), [phoenix, tucson])
            maria = factories.user(work, org, locations=[phoenix])
            people = {
                "ana": factories.user(work, org, "Ana Petrova", role="admin"),
                "audrey": factories.user(work, org, "Audrey Chen", role="compliance"),
                "zoe": factories.user(work, org, "Zoe Tran", role="compliance", locations=[tucson]),
                "maria": maria,
            }
            stranger = factories.organization(work, "Elsewhere Dental")
            people["eve"] = factories.user(work, stranger, "Eve Castro", role="admin")
        with portunus.unit(acting(maria)) as work:
            tabs.open_tab(work, account.id, phoenix.id, "Claims")
        with portunus.unit(SYSTEM) as work:
            self.attempt = work.db.scalars(select(LoginAttempt.id)).one()
            claim = tabs.claim_attempt(work, self.attempt, "node1", DIGEST)
            kept = json.dumps({"title": "x", "text": "Marta Quintero", "png": b64encode(PNG).decode()}).encode()
            sealed = portunus.vault.seal(work, org.id, ("evidence", "evi_1"), kept)
            portunus.blobs.append("evidence/evi_1", sealed)
            ending = Ending(
                "unrecognised", signed_in=False, words="A page nobody knows.", next_actor="maintainer", evidence="evi_1"
            )
            tabs.finish(work, self.attempt, claim.fence, ending)
        self.browser = {name: signed_in(user) for name, user in people.items()}
        self.address = f"/failed-sign-ins/{self.attempt}"

    def looks(self) -> list[dict]:
        with self.portunus.reading(SYSTEM) as work:
            rows = work.db.scalars(select(AuditEntry).where(AuditEntry.act == Act.EVIDENCE_VIEWED.value))
            return [json.loads(row.leaf) for row in rows]


@pytest.fixture
def practice(portunus, signed_in) -> Practice:
    return Practice(portunus, signed_in)


@pytest.mark.parametrize("who", ["ana", "audrey"])
def test_the_list_leads_to_it_in_words(practice, who):
    text = practice.browser[who].get("/failed-sign-ins").text
    assert "A page nobody knows." in text
    assert practice.address in text
    assert "/failed-sign-ins" in practice.browser[who].get("/accounts").text


def test_the_picture_is_shown_for_a_reason_that_is_recorded_first(practice):
    audrey = practice.browser["audrey"]
    assert "data:image" not in audrey.get(practice.address).text
    shown = audrey.post(practice.address, {"reason": "The carrier changed its page"})
    assert f"data:image/png;base64,{b64encode(PNG).decode()}" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    (look,) = practice.looks()
    assert "Audrey Chen" in json.dumps(look)
    assert look["reason"] == "The carrier changed its page"


def test_the_words_of_the_page_are_given_to_nobody(practice):
    shown = practice.browser["ana"].post(practice.address, {"reason": "The carrier changed its page"})
    assert "Marta Quintero" not in shown.text


def test_without_a_reason_nothing_is_unsealed(practice):
    answer = practice.browser["ana"].post(practice.address, {"reason": " ok "})
    assert (answer.status_code, "data:image" in answer.text, practice.looks()) == (422, False, [])


@pytest.mark.parametrize("who", ["zoe", "eve", "maria"])
def test_another_places_sign_in_is_nobodys_business(practice, who):
    browser = practice.browser[who]
    assert practice.address not in browser.get("/failed-sign-ins").text
    assert browser.get(practice.address).status_code in (403, 404)
    assert browser.post(practice.address, {"reason": "Just curious about it"}).status_code in (403, 404)
    assert practice.looks() == []


def test_an_unknown_one_is_not_found(practice):
    assert practice.browser["ana"].get("/failed-sign-ins/att_none").status_code == 404
