"""Opening tabs: from the launcher without any script, and as data with an Idempotency-Key that counts once."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from api.access import Here
from api.routes import home
from broker.base.actor import system
from broker.base.errors import Refused
from broker.directory import service as directory
from broker.identity import people
from broker.identity.models import Grant, Login, OneTimeUse
from broker.tabs import files
from broker.tabs import service as tabs
from broker.tabs.models import Lease, PortalSession, StreamTicket
from broker.tabs.states import SessionState
from tests import factories
from tests.conftest import acting

BOTH_DATABASES = True
SYSTEM = system("test")


class Practice:
    """Phoenix and Tucson, an account of each of two portals, Maria the biller at both."""

    def __init__(self, portunus, signed_in) -> None:
        with portunus.unit(SYSTEM) as work:
            org = factories.organization(work)
            self.phoenix, self.tucson = factories.location(work, org), factories.location(work, org, "tucson")
            harborline, mesa = factories.portal(work), factories.portal(work, "mesa", digest="m" * 64)
            places = [self.phoenix, self.tucson]
            self.account = factories.account(work, harborline, places)
            self.other = factories.account(work, mesa, places)
            self.user = factories.user(work, org, locations=places)
        self.portunus = portunus
        self.browser = signed_in(self.user)

    def open(self, key: str | None = None, account=None, purpose: str = "Claims"):
        body = {"account_id": (account or self.account).id, "location_id": self.phoenix.id, "purpose": purpose}
        return self.browser.post_json("/api/v1/tabs", body, headers={"idempotency-key": key} if key else {})

    def actor(self):
        """Maria, in her browser."""
        with self.portunus.reading(SYSTEM) as work:
            login = work.db.scalars(select(Login).where(Login.user_id == self.user.id)).one()
            return replace(acting(self.user), login_id=login.id)

    def leases(self) -> int:
        with self.portunus.reading(SYSTEM) as work:
            return work.db.scalar(select(func.count()).select_from(Lease))


@pytest.fixture
def practice(portunus, signed_in) -> Practice:
    return Practice(portunus, signed_in)


def test_tile_and_purpose_of_the_plain_form_are_what_is_recorded(practice):
    tile = f"{practice.account.id}:{practice.phoenix.id}"
    went = practice.browser.post("/tabs", {"tile": tile, "purpose": "Appeal"})
    assert went.status_code == 303
    with practice.portunus.reading(SYSTEM) as work:
        lease = work.db.get(Lease, went.headers["location"].rpartition("/")[2])
        assert (lease.purpose, lease.location_id) == ("Appeal", practice.phoenix.id)


@pytest.mark.parametrize(("form", "ended"), [({}, False), ({"sign_out": "true"}, True)])
def test_end_leaves_the_portal_signed_in_unless_its_holder_wants_it_signed_out(practice, form, ended):
    lease_id = practice.open().json()["id"]
    with practice.portunus.unit(SYSTEM) as work:
        session = work.db.get(Lease, lease_id).portal_session
        session.state = SessionState.READY
        session_id = session.id
    assert practice.browser.post(f"/tabs/{lease_id}/end", form).status_code == 303
    with practice.portunus.reading(SYSTEM) as work:
        assert work.db.get(Lease, lease_id).ended_at is not None
        assert (work.db.get(PortalSession, session_id).state == SessionState.ENDED) is ended


def test_end_as_data_says_that_it_ended(practice):
    lease_id = practice.open().json()["id"]
    assert practice.browser.post_json(f"/api/v1/tabs/{lease_id}/end").json()["state"] == "ended"


def test_who_asks_for_more_time_gets_it(practice, clock):
    lease_id = ready(practice)
    clock.advance(seconds=600)
    before = practice.browser.get(f"/api/v1/tabs/{lease_id}").json()["expires_at"]
    assert practice.browser.post_json(f"/api/v1/tabs/{lease_id}/extend").json()["expires_at"] > before


def test_a_file_goes_up_to_the_tab_under_its_holders_name(practice):
    lease_id = ready(practice)
    answer = practice.browser.client.post(
        f"/api/v1/tabs/{lease_id}/uploads",
        content=b"%PDF-1.7 a letter",
        headers={"x-csrf-token": practice.browser.csrf, "sec-fetch-site": "same-origin", "x-file-name": "letter.pdf"},
    )
    assert answer.status_code == 201
    assert answer.json()["id"]


def test_a_downloaded_file_is_fetched_with_its_holders_ticket(practice):
    lease_id, portunus = ready(practice), practice.portunus
    with portunus.unit(SYSTEM) as work:
        kept = files.keep_download(work, portunus.vault, portunus.blobs, lease_id, b"%PDF-1.7 an EOB", "eob.pdf")
    told = practice.browser.post_json(f"/api/v1/tabs/{lease_id}/files/{kept.id}/ticket", {"inline": False}).json()
    assert practice.browser.post("/files", {"ticket": told["ticket"]}).content == b"%PDF-1.7 an EOB"


def ready(practice) -> str:
    """Maria's tab, signed in."""
    lease_id = practice.open().json()["id"]
    with practice.portunus.unit(SYSTEM) as work:
        lease = work.db.get(Lease, lease_id)
        lease.granted_at, lease.portal_session.state = work.clock.now(), SessionState.READY
    return lease_id


def ticket_in(practice, lease_id: str) -> str:
    """What the tab's page brings along."""
    return re.search(r'data-ticket="([^"]*)"', practice.browser.get(f"/tabs/{lease_id}").text)[1]


def test_page_of_a_ready_tab_brings_a_ticket_that_opens_the_stream_once(practice):
    lease_id = ready(practice)
    ticket = ticket_in(practice, lease_id)
    assert ticket_in(practice, lease_id) != ticket
    with practice.portunus.unit(practice.actor()) as work:
        assert tabs.join(work, ticket, lease_id).id == lease_id
    with pytest.raises(Refused), practice.portunus.unit(practice.actor()) as work:
        tabs.join(work, ticket, lease_id)


def test_page_of_a_tab_that_is_not_ready_brings_none(practice):
    lease_id = practice.open().json()["id"]
    assert ticket_in(practice, lease_id) == ""
    with practice.portunus.unit(SYSTEM) as work:
        assert work.db.scalars(select(StreamTicket)).all() == []


@pytest.mark.parametrize("field", ["locked_at", "ended_at"])
def test_page_of_a_covered_or_ended_tab_brings_none(practice, field):
    lease_id = ready(practice)
    with practice.portunus.unit(SYSTEM) as work:
        setattr(work.db.get(Lease, lease_id), field, work.clock.now())
    assert ticket_in(practice, lease_id) == ""


def test_page_of_anothers_tab_is_not_found(practice, signed_in):
    lease_id = ready(practice)
    with practice.portunus.unit(SYSTEM) as work:
        org = work.db.get(factories.Organization, practice.user.organization_id)
        dan = factories.user(work, org, "Dan Desk", locations=[practice.phoenix])
    assert signed_in(dan).get(f"/tabs/{lease_id}").status_code == 404


def test_launcher_has_one_purpose_that_belongs_to_the_form_of_every_tile(practice):
    text = practice.browser.get("/").text
    assert text.count('name="purpose"') == 1
    assert '<select id="purpose" name="purpose" form="open">' in text
    assert text.count('form="open" name="tile"') == 4


@pytest.mark.parametrize("tile", ["", ":", "acc_1", "acc_1:loc_1", "a:b:c"])
def test_tile_that_names_nothing_is_not_found(practice, tile):
    assert practice.browser.post("/tabs", {"tile": tile, "purpose": "Appeal"}).status_code == 404


def test_same_key_opens_once(practice):
    first, second = practice.open("k1"), practice.open("k1")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert practice.leases() == 1


def test_same_key_with_another_body_is_refused_and_opens_nothing(practice):
    practice.open("k1")
    assert practice.open("k1", account=practice.other).status_code == 422
    assert practice.open("k1", purpose="Appeal").status_code == 422
    assert practice.leases() == 1


def test_key_older_than_a_day_may_be_used_again(practice, clock):
    practice.open("k1")
    with practice.portunus.unit(SYSTEM) as work:
        work.db.scalar(select(OneTimeUse)).at -= timedelta(hours=24, seconds=1)
    again = practice.open("k1", account=practice.other)
    assert again.status_code == 202
    assert again.json()["account_id"] == practice.other.id


def test_key_of_another_person_is_another_key(practice, signed_in):
    practice.open("k1")
    with practice.portunus.unit(SYSTEM) as work:
        org = work.db.get(type(practice.user), practice.user.id).organization_id
        dan = factories.user(work, work.db.get(factories.Organization, org), "Dan Desk", locations=[practice.phoenix])
    practice.browser = signed_in(dan)
    assert practice.open("k1", account=practice.other).status_code == 202


def test_refused_request_does_not_use_up_its_key(practice):
    assert practice.open("k1", purpose=" ").status_code == 422
    assert practice.open("k1").status_code == 202


def test_two_requests_at_the_same_moment_open_one_tab(practice):
    async def both() -> list:
        return await asyncio.gather(*(asyncio.to_thread(practice.open, "k1") for _ in range(4)))

    answers = asyncio.run(both())
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    assert practice.leases() == 1


class Watching:
    """A request whose browser stays."""

    async def is_disconnected(self) -> bool:
        return False


@pytest.mark.parametrize("what", ["sign-in", "grants"])
def test_live_tiles_end_with_the_sign_in_and_with_the_right(practice, what):
    with practice.portunus.reading(SYSTEM) as work:
        login_id = work.db.scalar(select(Login.id))
    actor = acting(practice.user)
    here = Here(practice.portunus, type(actor)(**{**vars(actor), "login_id": login_id}))

    def end() -> None:
        with practice.portunus.unit(SYSTEM) as work:
            if what == "sign-in":
                work.db.get(Login, login_id).ended_at = work.clock.now()
            else:
                for grant in work.db.scalars(select(Grant)):
                    people.revoke_grant(work, grant.id)
            work.signal("revoked")

    async def watch() -> list[str]:
        told = []
        async with asyncio.timeout(20):
            async for text in home._changes(Watching(), here):
                told.append(text)
                await asyncio.to_thread(end)
        return told

    assert len(asyncio.run(watch())) == 1


def test_live_tiles_do_not_keep_a_sign_in_alive(app):
    from api.access import declarations

    (access,) = dict(declarations(app))["GET /tiles/events"]
    assert access.watching


def test_the_launcher_names_town_and_login_and_finds_by_them(practice):
    with practice.portunus.unit(SYSTEM) as work:
        place = work.db.get(factories.Location, practice.phoenix.id)
        place.name, place.city = "Saguaro Family Dental", "Mesa"
        directory.label_account(work, work.db.get(factories.PortalAccount, practice.account.id), "Evening <desk>")
    text = practice.browser.get("/").text
    assert 'Saguaro Family Dental <span class="quiet">· Mesa</span></h2>' in text
    assert '<span class="tile-login">Evening &lt;desk&gt;</span>' in text
    assert " mesa evening &lt;desk&gt; " in text


@pytest.mark.parametrize(
    ("status", "words"), [("locked", "Locked"), ("wrong_password", "Wrong password"), ("captcha", "Captcha")]
)
def test_the_launcher_says_in_a_word_what_stopped_a_login(practice, status, words):
    with practice.portunus.unit(SYSTEM) as work:
        row = work.db.get(factories.PortalAccount, practice.account.id)
        directory.park_account(work, row, status, "Its owner must look after it.")
    assert f"<span data-state-words>{words}</span>" in practice.browser.get("/").text
    told = {tile["account_id"]: tile for tile in practice.browser.get("/api/v1/tiles").json()["data"]}
    assert told[practice.account.id]["state_words"] == words


def test_who_opens_a_portal_that_allows_no_program_is_told_where_to_sign_in(practice):
    with practice.portunus.unit(SYSTEM) as work:
        portal = directory.portal_by_key(work, "harborline")
        portal.automation, portal.provider_line = "attended", "800-555-0142"
    told = practice.open()
    assert (told.status_code, told.json()["code"]) == (403, "automation-policy")
    assert (told.json()["address"], told.json()["provider_line"]) == ("https://harborline.sim.test/", "800-555-0142")
    tile = f"{practice.account.id}:{practice.phoenix.id}"
    shown = practice.browser.post("/tabs", {"tile": tile}, headers={"accept": "text/html"})
    assert 'href="https://harborline.sim.test/" target="_blank" rel="noopener noreferrer"' in shown.text
    assert "Provider line: 800-555-0142" in shown.text
    assert practice.leases() == 0
