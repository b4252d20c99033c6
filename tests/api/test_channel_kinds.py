"""Each kind of channel has a page: what it is for, set-up, trying it, health, and the logins that use it."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from api.channel_kinds import KINDS
from broker.base.actor import system
from broker.base.ids import new_id
from broker.codes import kinds, presence, questions
from broker.codes import service as codes
from broker.codes.models import Code, CodeRequest
from broker.directory.models import DeliveryEndpoint, MfaMethod, PortalAccount
from broker.identity.models import User
from broker.wiring import Portunus
from tests import factories as make
from tests.conftest import acting

SYSTEM = system("test")
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Practice:
    """Ana's browser; one Harborline login that gets its codes from a mailbox."""

    def __init__(self, portunus: Portunus, signed_in) -> None:
        self.portunus = portunus
        with portunus.unit(SYSTEM) as work:
            self.org = make.organization(work)
            self.place = make.location(work, self.org)
            self.box = make.endpoint(work, self.org, name="Code mailbox", health="up")
            self.account = make.account(work, make.portal(work), [self.place], username="saguaro1", endpoint=self.box)
            self.ana = acting(make.user(work, self.org, "Ana Petrova", role="admin"))
            self.dan = acting(make.user(work, self.org, "Dan Whitfield", role="front_desk", locations=[self.place]))
            user = work.db.get_one(User, self.ana.id)
        self.browser = signed_in(user)

    def look(self, kind: str) -> str:
        return self.browser.get(f"/channels/kind/{kind}").text

    def by(self, channel: str, template: dict | None = None) -> None:
        with self.portunus.unit(SYSTEM) as work:
            method = work.db.scalars(select(MfaMethod)).one()
            method.channel, method.template = channel, template or {}

    def over(self, state: str, *, days_ago: float = 0, channel: str = "email", given: str = "", by: str = "") -> None:
        """A request that ended so, with the code of the channel that gave it."""
        with self.portunus.unit(SYSTEM) as work:
            at = work.clock.now() - timedelta(days=days_ago)
            row = CodeRequest(
                id=new_id("cod"),
                attempt_id=new_id("att"),
                account_id=self.account.id,
                location_id=self.place.id,
                requester_kind="user",
                requester_id="usr_1",
                method_id=self.account.mfa_methods[0].id,
                channel=channel,
                endpoint_id=None,
                rule={"by": by} if by else {},
                asked_at=at,
                first_asked_at=at,
                deadline=at,
                task=None,
                state=state,
                state_at=at,
            )
            work.db.add(row)
            work.db.flush()
            if given:
                used = {"received_at": at, "used_at": at, "digest": b"d" * 32, "state": "accepted"}
                work.db.add(Code(id=new_id("otc"), request_id=row.id, channel=given, **used))

    def arrive(self, text: str, number: str = "1") -> None:
        with self.portunus.unit(SYSTEM) as work:
            box = work.db.get_one(DeliveryEndpoint, self.box.id)
            arrival = make.arrival(work, box, text, external_id=f"<{number}@x>", subject="Hello")
            codes.receive(work, self.portunus.vault, box, arrival)

    def kind(self, key: str) -> kinds.Kind:
        with self.portunus.reading(self.ana) as work:
            return kinds.kinds(work)[key]


@pytest.fixture
def practice(portunus: Portunus, signed_in) -> Practice:
    return Practice(portunus, signed_in)


def test_the_list_leads_to_every_kind(practice):
    assert set(KINDS) == set(kinds.KINDS)
    listed = practice.browser.get("/channels").text
    assert [key for key in KINDS if f'href="/channels/kind/{key}"' not in listed] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_has_its_parts(practice, kind):
    page = practice.look(kind)
    assert [part for part in ("health", "try", "logins", "set-up") if f'id="{part}"' not in page] == []


def test_a_kind_that_is_none_is_not_found(practice):
    assert practice.browser.get("/channels/kind/fax").status_code == 404


# --- health: by the way that really gave the code


def test_health_says_when_it_last_worked_and_for_how_many(practice):
    practice.over("accepted", days_ago=2, given="email")
    practice.over("accepted", days_ago=40, given="email")
    practice.over("expired", days_ago=1)
    mail = practice.kind("email")
    assert (mail.worked, mail.worked_for, mail.failed, len(mail.logins)) == (1, 1, 1, 1)
    assert mail.logins[0].worked_at == mail.worked_at
    assert "brought in 1 sign-in of 1 login; 1 had no success" in practice.look("email")


def test_a_code_that_the_desk_gave_is_the_desks(practice):
    practice.over("accepted", given="desk")
    assert (practice.kind("email").worked, practice.kind("desk").worked) == (0, 1)


def test_a_call_to_the_provider_line_is_its_own_kind(practice):
    practice.by("desk", {"by": "provider_line"})
    practice.over("accepted", channel="desk", given="desk", by="provider_line")
    assert [one.username for one in practice.kind("provider_line").logins] == ["saguaro1"]
    assert (practice.kind("provider_line").worked, practice.kind("desk").worked) == (1, 0)


def test_other_practices_stay_unseen(practice, portunus):
    with portunus.unit(SYSTEM) as work:
        other = make.organization(work, "Other Dental")
        box = make.endpoint(work, other, name="Foreign mailbox", address="x@other.test")
        there = [make.location(work, other, "reno")]
        make.account(work, make.portal(work, "northgate", digest="e" * 64), there, username="stranger9", endpoint=box)
    page = practice.look("email")
    assert ("stranger9" in page, "Foreign mailbox" in page) == (False, False)
    answer = practice.browser.get(f"/api/v1/channels/arrived?endpoint={box.id}")
    assert answer.status_code == 404


# --- trying it


def arrived(practice, **asked) -> list[dict]:
    return practice.browser.get("/api/v1/channels/arrived", params=asked).json()["data"]


def test_the_next_message_is_shown_masked_with_its_verdict(practice):
    practice.arrive("An older one", "0")
    (old,) = arrived(practice, kind="email")
    assert arrived(practice, kind="email", after=old["id"]) == []
    practice.arrive("Your code is 482913")
    (new,) = arrived(practice, kind="email", after=old["id"])
    assert (new["verdict"], new["why"], new["trusted"]) == ("unsolicited", "Nobody asked for a code here.", True)
    assert (new["read_by"], "482913" in str(new), "Your code is 111111" in new["text"]) == (["Harborline"], False, True)


def test_a_test_message_of_somebody_else_is_read_by_no_portal(practice):
    practice.arrive("Testing one two")
    assert arrived(practice, endpoint=practice.box.id)[0]["read_by"] == []


def test_one_kind_shows_no_other_kinds_messages(practice):
    practice.arrive("Your code is 482913")
    assert arrived(practice, kind="sms") == []


def prove(practice, shown: str) -> str:
    asked = {"account_id": practice.account.id, "shown": shown}
    return practice.browser.post("/channels/kind/totp/try", asked).text


def test_a_code_of_the_stored_seed_is_proved_without_being_shown(practice, portunus, clock):
    practice.by("totp")
    with portunus.unit(SYSTEM) as work:
        portunus.vault.put(work, practice.org.id, "portal_account", practice.account.id, "totp_seed", SEED.encode())
    now = pyotp.TOTP(SEED).at(clock.now())
    told = prove(practice, f"{now[:3]} {now[3:]}")
    assert ("makes the same digits" in told, now in told, SEED in told) == (True, False, False)
    behind = prove(practice, pyotp.TOTP(SEED).at(clock.now(), counter_offset=-4))
    assert "120 s behind the one here" in behind
    assert "not of the seed" in prove(practice, "000000" if now != "000000" else "111111")


def test_guessing_a_code_ends_after_ten_tries(practice, portunus, clock):
    practice.by("totp")
    with portunus.unit(SYSTEM) as work:
        portunus.vault.put(work, practice.org.id, "portal_account", practice.account.id, "totp_seed", SEED.encode())
    for _ in range(10):
        assert "not of the seed" in prove(practice, "abc")
    assert "Too many wrong tries" in prove(practice, pyotp.TOTP(SEED).at(clock.now()))


def test_a_question_is_known_or_not_and_its_answer_stays(practice, portunus):
    with portunus.unit(practice.ana) as work:
        row = work.db.get_one(PortalAccount, practice.account.id)
        questions.keep(work, portunus.vault, row, {"First pet's name?": "Biscuit"})
    known = {"account_id": practice.account.id, "question": "first pet's name"}
    told = practice.browser.post("/channels/kind/questions/try", known).text
    assert ("is stored" in told, "Biscuit" in told) == (True, False)
    assert (
        "No answer to this" in practice.browser.post("/channels/kind/questions/try", known | {"question": "Car?"}).text
    )
    assert [one.username for one in practice.kind("questions").logins] == ["saguaro1"]


def test_the_desks_page_says_who_sits_there_now(practice, portunus):
    assert "nobody has the code desk open now" in practice.look("desk")
    with portunus.unit(practice.dan) as work:
        presence.sit(work)
    assert "Dan Whitfield has the code desk open now" in practice.look("desk")


def test_what_was_typed_is_still_there_when_something_was_wrong(practice):
    told = {"name": "West", "address": "west@saguaro.test", "host": "no host!", "password": "Marble-Crane-3305"}
    page = practice.browser.post("/channels/mailbox", told)
    assert (page.status_code, "west@saguaro.test" in page.text, "Marble" in page.text) == (422, True, False)
