"""The code desk over HTTP: give a code and learn the portal's answer, or say why you cannot; whoever waits is told."""

import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.codes import service as codes
from broker.directory.models import DeliveryEndpoint
from broker.tabs import service as tabs
from broker.tabs.states import SessionState
from tests import factories

SYSTEM, HOST = system("test"), system("browserhost")


class Practice:
    """Phoenix; Maria waits for a Harborline code that was sent to the front desk's phone; Dan and Flora sit there."""

    def __init__(self, portunus, signed_in) -> None:
        self.portunus = portunus
        with portunus.unit(SYSTEM) as work:
            org = factories.organization(work)
            phoenix, yuma = factories.location(work, org), factories.location(work, org, "yuma")
            self.phone = factories.endpoint(work, org, "phone", "+16025550142").id
            phone = work.db.get(DeliveryEndpoint, self.phone)
            account = factories.account(
                work, factories.portal(work), [phoenix], channel="sms", endpoint=phone, template={"pattern": r"\d{6}"}
            )
            users = {
                "Maria": factories.user(work, org, locations=[phoenix]),
                "Dan": factories.user(work, org, "Dan Whitfield", role="front_desk", locations=[phoenix]),
                "Flora": factories.user(work, org, "Flora Bell", role="front_desk", locations=[phoenix]),
                "Yuri": factories.user(work, org, "Yuri Far", role="front_desk", locations=[yuma]),
            }
            portunus.vault.put(work, org.id, "portal_account", account.id, "password", b"Quartz-Heron-4417")
            ids = account.id, phoenix.id
        for name, user in users.items():
            setattr(self, name.lower(), signed_in(user))
        body = {"account_id": ids[0], "location_id": ids[1], "purpose": "Claims"}
        self.lease_id = self.maria.post_json("/api/v1/tabs", body).json()["id"]
        self.attempt_id = portunus.queue.sent[-1][1]
        with portunus.unit(HOST) as work:
            claim = tabs.claim_attempt(work, self.attempt_id, "node1", "d" * 64)
        with portunus.unit(HOST) as work:
            self.request_id = tabs.submit(work, self.attempt_id, claim.fence)
        with portunus.unit(HOST) as work:
            codes.waiting(work, self.request_id)
            tabs.progress(work, self.attempt_id, claim.fence, SessionState.WAITING_CODE, "Waiting for the code.")

    def take(self) -> str | None:
        with self.portunus.unit(HOST) as work:
            return codes.take(work, self.portunus.vault, self.request_id, self.attempt_id).code

    def answer(self, *, accepted: bool) -> None:
        with self.portunus.unit(HOST) as work:
            codes.typed(work, self.request_id, "harborline.sim.test/verify")
        with self.portunus.unit(HOST) as work:
            codes.answered(work, self.request_id, accepted=accepted)

    def give(self, browser, value="482913"):
        return browser.post_json(f"/api/v1/codes/{self.request_id}", {"value": value})

    def decline(self, browser, why):
        return browser.post_json(f"/api/v1/codes/{self.request_id}/decline", {"why": why})


@pytest.fixture
def practice(portunus, signed_in) -> Practice:
    return Practice(portunus, signed_in)


def waiting(browser) -> list[dict]:
    return browser.get("/api/v1/codes").json()["data"]


def given(browser) -> list[dict]:
    return browser.get("/api/v1/codes").json()["given"]


@pytest.mark.parametrize(("accepted", "words"), [(True, "took it"), (False, "did not take it")])
def test_who_typed_the_code_learns_what_the_portal_said(practice, accepted, words):
    assert practice.give(practice.dan).status_code == 202
    assert [row["state"] for row in given(practice.dan)] == ["held"]
    assert practice.take() == "482913"
    assert [row["state"] for row in given(practice.dan)] == ["released"]
    practice.answer(accepted=accepted)
    (told,) = given(practice.dan)
    assert words in told["words"]
    assert words in practice.dan.get("/codes").text
    assert given(practice.flora) == []


def test_a_code_is_never_shown_again(practice):
    practice.give(practice.dan)
    assert "482913" not in practice.dan.get("/api/v1/codes").text + practice.dan.get("/codes").text


def test_not_ours_hides_it_here_leaves_it_to_others_and_tells_who_waits(practice):
    assert practice.decline(practice.dan, "not_ours").status_code == 200
    assert waiting(practice.dan) == []
    (row,) = waiting(practice.flora)
    assert row["said"] == "Dan Whitfield: this code does not come to us."
    assert row["said"] in practice.maria.get(f"/api/v1/tabs/{practice.lease_id}").json()["words"]
    (tile,) = practice.maria.get("/api/v1/tiles").json()["data"]
    assert row["said"] in tile["words"]
    assert practice.give(practice.flora).status_code == 202
    assert practice.take() == "482913"


def test_phone_is_gone_is_seen_by_administrators_and_on_record(practice, portunus):
    practice.decline(practice.dan, "phone_gone")
    with portunus.reading(SYSTEM) as work:
        phone = work.db.get(DeliveryEndpoint, practice.phone)
        assert (phone.health, phone.health_words) == ("gone", "Dan Whitfield says that this phone is gone.")
        (entry,) = work.db.scalars(select(AuditEntry).where(AuditEntry.act == "code:desk:decline"))
        assert "the phone is gone" in entry.leaf


def test_a_phone_called_gone_is_back_when_the_portal_takes_its_code(practice, portunus):
    practice.decline(practice.dan, "phone_gone")
    practice.give(practice.flora)
    practice.take()
    practice.answer(accepted=True)
    with portunus.reading(SYSTEM) as work:
        assert work.db.get(DeliveryEndpoint, practice.phone).health == "up"


def test_saying_it_twice_is_saying_it_once(practice):
    assert [practice.decline(practice.dan, "not_ours").status_code for _ in range(2)] == [200, 200]
    assert waiting(practice.flora)[0]["said"].count("Dan") == 1


def test_the_plain_form_does_the_same(practice):
    address = f"/codes/{practice.request_id}/decline"
    assert practice.dan.post(address, {"why": "not_ours"}).status_code == 303
    assert waiting(practice.dan) == []


def test_the_plain_form_gives_the_code(practice):
    assert practice.dan.post(f"/codes/{practice.request_id}", {"value": "482913"}).status_code == 303
    assert practice.take() == "482913"


@pytest.fixture
def line(practice) -> Practice:
    """The same sign-in, whose portal now wants a call to its provider line."""
    with practice.portunus.unit(HOST) as work:
        codes.ask_person(work, practice.request_id, "line", "4711")
    return practice


def test_who_calls_the_provider_line_is_seen_by_the_others_until_the_call_ends(line):
    address = f"/api/v1/codes/{line.request_id}/call"
    assert line.dan.post_json(address, {"act": "began"}).status_code == 200
    assert waiting(line.flora)[0]["calling"]["by"] == "Dan Whitfield"
    assert line.flora.post_json(address, {"act": "began"}).status_code == 409
    assert line.dan.post_json(address, {"act": "closed"}).status_code == 200
    assert waiting(line.flora)[0]["calling"] is None


def test_the_plain_form_begins_a_call(line):
    assert line.dan.post(f"/codes/{line.request_id}/call", {"act": "began"}).status_code == 303
    assert waiting(line.flora)[0]["calling"]["by"] == "Dan Whitfield"


@pytest.mark.parametrize("why", ["", "bored", "x" * 50])
def test_a_reason_that_is_none_is_refused(practice, why):
    assert practice.decline(practice.dan, why).status_code == 422
    assert len(waiting(practice.dan)) == 1


def test_desk_elsewhere_neither_sees_nor_declines_it(practice):
    assert waiting(practice.yuri) == []
    assert practice.decline(practice.yuri, "not_ours").status_code == 404
    assert practice.give(practice.yuri).status_code == 404


def test_what_no_longer_waits_cannot_be_declined(practice):
    practice.give(practice.dan)
    assert practice.decline(practice.dan, "not_ours").status_code == 409


def test_an_unattended_desk_does_not_keep_its_sign_in_alive(practice, clock):
    for _ in range(31):
        clock.advance(seconds=60)
        practice.dan.get("/api/v1/codes")
    assert practice.dan.get("/api/v1/codes").status_code == 401
