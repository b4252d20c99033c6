"""A code's way from request to answer: once, to the one that asked, inside its window, or not at all."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.base.errors import Conflict, Incomplete, NotFound
from broker.codes import service as codes
from broker.codes.matching import Arrival
from broker.codes.models import Code, CodeMessage, CodeRequest
from broker.directory import service as directory
from broker.directory.models import PortalAccount
from broker.directory.service import Fact
from broker.vault.models import Secret
from broker.wiring import Portunus
from tests import factories as make
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


class Desk:
    """Two accounts whose codes come to one mailbox, told apart by the alias the portal writes to."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            org = make.organization(work)
            self.place = make.location(work, org)
            self.mailbox = make.endpoint(work, org)
            portal = make.portal(work)
            rule = {"senders": ["security@harborline.sim.test"], "pattern": r"\d{6}", "context": ["your code is"]}
            self.first, self.second = (
                make.account(
                    work, portal, [self.place], endpoint=self.mailbox, template={**rule, "alias": f"codes+{n}@lab.test"}
                )
                for n in (1, 2)
            )
            self.maria = acting(make.user(work, org))
            self.stranger = acting(
                make.user(work, org, "Sam Other", role="front_desk", locations=[make.location(work, org, "tucson")])
            )

    def expect(self, account=None, attempt="att_1") -> str:
        with self.portunus.unit(system("browserhost")) as work:
            request = codes.expect(
                work,
                attempt_id=attempt,
                account=account or self.first,
                location=self.place,
                requester=self.maria,
                life_s=600,
            )
            return request.id

    def arrive(
        self,
        text="Your code is 482913",
        *,
        alias="codes+1@lab.test",
        sender="security@harborline.sim.test",
        trusted=True,
        number="1",
        written_ago: float | None = None,
        to: str | None = None,
        channel: str = "email",
    ):
        now = self.portunus.clock.now()
        arrival = Arrival(
            endpoint_id=self.mailbox.id,
            channel=channel,
            external_id=f"<{number}@x>",
            sender=sender,
            trusted=trusted,
            recipients=frozenset({alias}),
            subject="Your sign-in code",
            text=text,
            received_at=now,
            addressed=frozenset({to} if to else ()),
            written_at=now - timedelta(seconds=written_ago) if written_ago is not None else None,
            raw_digest=hashlib.sha256(text.encode()).hexdigest(),
        )
        with self.portunus.unit(system("mailwatch")) as work:
            return codes.receive(work, self.portunus.vault, self.mailbox, arrival).verdict

    def by_text(self) -> None:
        """Both logins get their codes as text messages at one telephone, and no message says whose it is."""
        with self.portunus.unit(system("test")) as work:
            self.first, self.second = (
                work.db.get_one(PortalAccount, account.id) for account in (self.first, self.second)
            )
            for method in (self.first.mfa_methods[0], self.second.mfa_methods[0]):
                method.channel, method.template = "sms", {**method.template, "alias": None}
                assert method.endpoint is not None  # read while there is a session

    def resend(self, request_id: str) -> None:
        with self.portunus.unit(system("browserhost")) as work:
            codes.resend(work, request_id)

    def give(self, request_id: str, value: str) -> None:
        with self.portunus.unit(self.maria) as work:
            codes.give(work, self.portunus.vault, request_id, value)

    def withdraw(self, reason: str, attempt="att_1") -> None:
        with self.portunus.unit(system("browserhost")) as work:
            codes.withdraw(work, attempt, reason)

    def answered(self, request_id: str, *, accepted: bool) -> None:
        with self.portunus.unit(system("browserhost")) as work:
            codes.answered(work, request_id, accepted=accepted)

    def take(self, request_id: str, attempt="att_1") -> str | None:
        with self.portunus.unit(system("browserhost")) as work:
            return codes.take(work, self.portunus.vault, request_id, attempt).code

    def all(self, table):
        with self.portunus.reading(system("test")) as work:
            return list(work.db.scalars(select(table)))


@pytest.fixture
def desk(portunus: Portunus) -> Desk:
    return Desk(portunus)


def test_the_code_goes_to_the_attempt_that_asked_once(desk: Desk) -> None:
    request = desk.expect()
    assert desk.arrive() == "matched"
    assert desk.take(request, "att_2") is None
    assert desk.take(request) == "482913"
    assert desk.take(request) is None


def test_a_used_code_leaves_only_a_digest(desk: Desk) -> None:
    request = desk.expect()
    desk.arrive()
    desk.take(request)
    assert [secret.sealed for secret in desk.all(Secret) if secret.owner_kind == "code"] == [b""]
    assert b"482913" not in b"".join(code.digest for code in desk.all(Code))


def test_a_late_code_is_not_used(desk: Desk, clock: ManualClock) -> None:
    request = desk.expect()
    clock.advance(seconds=601)
    assert desk.arrive() == "late"
    assert desk.take(request) is None


def only_a_new_one_is_used(desk: Desk, request: str, attempt: str = "att_1") -> None:
    """The text that came before comes again, under another id: nothing says that it is the same one but the code itself."""
    assert desk.arrive(channel="sms", number="2") == "duplicate"
    assert desk.take(request, attempt) is None
    assert desk.arrive("Your code is 111222", channel="sms", number="3") == "matched"
    assert desk.take(request, attempt) == "111222"


def test_a_late_code_that_is_delivered_again_is_not_the_next_sign_ins(desk: Desk, clock: ManualClock) -> None:
    desk.by_text()
    desk.expect()
    desk.withdraw("the browser host died")
    clock.advance(seconds=5)
    assert desk.arrive(channel="sms") == "late"
    request = desk.expect(attempt="att_2")
    clock.advance(seconds=5)
    only_a_new_one_is_used(desk, request, "att_2")


def test_the_text_of_an_earlier_asking_is_not_used_when_it_comes_again(desk: Desk, clock: ManualClock) -> None:
    desk.by_text()
    request = desk.expect()
    assert desk.arrive(channel="sms") == "matched"
    clock.advance(seconds=60)
    desk.resend(request)
    only_a_new_one_is_used(desk, request)


def test_a_code_of_a_sign_in_by_hand_that_is_delivered_again_is_not_the_next_sign_ins(
    desk: Desk, clock: ManualClock
) -> None:
    desk.by_text()
    assert desk.arrive(channel="sms") == "unsolicited"
    clock.advance(seconds=30)
    only_a_new_one_is_used(desk, desk.expect())


def test_the_older_mail_of_a_code_asked_for_twice_is_not_used_when_it_comes_again(
    desk: Desk, clock: ManualClock
) -> None:
    request = desk.expect()
    clock.advance(seconds=60)
    desk.resend(request)
    clock.advance(seconds=5)
    assert desk.arrive(number="1", written_ago=50) == "late"
    assert desk.arrive(number="1 again", written_ago=50) == "duplicate"
    assert desk.take(request) is None
    assert desk.arrive(number="2", written_ago=1) == "matched", "the portal sent the same code again"
    assert desk.take(request) == "482913"


def test_an_older_code_is_not_used(desk: Desk, clock: ManualClock) -> None:
    assert desk.arrive() == "unsolicited"
    clock.advance(seconds=5)
    assert desk.take(desk.expect()) is None


def test_the_other_accounts_code_is_foreign(desk: Desk) -> None:
    request = desk.expect()
    assert desk.arrive(alias="codes+2@lab.test") == "foreign"
    assert desk.arrive("Your code is 111222", number="2") == "matched"
    assert desk.take(request) == "111222"


def test_two_accounts_of_one_mailbox_each_get_their_own(desk: Desk) -> None:
    first, second = desk.expect(), desk.expect(desk.second, "att_2")
    desk.arrive("Your code is 111111", number="1")
    desk.arrive("Your code is 222222", alias="codes+2@lab.test", number="2")
    assert (desk.take(first), desk.take(second, "att_2")) == ("111111", "222222")


def test_accounts_that_no_message_tells_apart_wait_for_each_other(desk: Desk) -> None:
    desk.expect()
    with pytest.raises(Conflict, match="same mailbox"):
        desk.expect(desk.first, "att_2")


@pytest.mark.parametrize(
    ("end", "takes_over"),
    [
        ("unrecognised", False),
        ("script_failed", False),
        ("down", False),
        ("browser_crashed", False),
        ("host_lost", False),
        ("wrong_password", True),
        ("locked", True),
        ("signed_in", True),
    ],
)
def test_the_code_of_a_sign_in_that_broke_off_is_not_the_next_ones_at_once(
    desk: Desk, clock: ManualClock, end: str, takes_over: bool
) -> None:
    """It may be on its way, whatever page the first sign-in had come to; where the portal had said no, it is not."""
    desk.expect()
    with desk.portunus.unit(system("browserhost")) as work:
        codes.withdraw(work, "att_1", end)
    clock.advance(seconds=5)
    second = desk.expect(attempt="att_2")
    assert desk.arrive("Your code is 111222") == ("matched" if takes_over else "ambiguous")
    assert (desk.take(second, "att_2") == "111222") is takes_over


def test_two_different_codes_for_one_request_are_both_left_to_a_person(desk: Desk, clock: ManualClock) -> None:
    request = desk.expect()
    clock.advance(seconds=5)
    assert desk.arrive(number="1") == "matched"
    assert desk.arrive("Your code is 111222", number="2") == "ambiguous"
    assert desk.take(request) is None
    assert desk.arrive(number="a copy of 1") == "ambiguous", "what is doubtful does not become clear by coming again"
    assert desk.take(request) is None
    desk.give(request, "482913")
    assert desk.take(request) == "482913"


def test_the_same_code_in_two_messages_is_used_once(desk: Desk) -> None:
    request = desk.expect()
    assert [desk.arrive(number="1"), desk.arrive(number="2")] == ["matched", "duplicate"]
    assert desk.take(request) == "482913"
    assert desk.arrive(number="3") == "late"


def test_a_code_after_the_portal_was_asked_again_is_used_when_the_first_one_came(desk: Desk) -> None:
    request = desk.expect()
    desk.arrive()
    desk.resend(request)
    assert desk.arrive("Your code is 111222", number="2") == "matched"
    assert desk.take(request) == "111222"


def test_an_older_code_is_told_by_its_date_and_the_newer_one_is_used(desk: Desk, clock: ManualClock) -> None:
    request = desk.expect()
    clock.advance(seconds=60)
    desk.resend(request)
    assert desk.arrive(number="1", written_ago=50) == "late"
    assert desk.arrive("Your code is 111222", number="2", written_ago=0) == "matched"
    assert desk.take(request) == "111222"


def test_which_of_two_askings_a_message_without_a_date_answers_is_a_persons_matter(desk: Desk) -> None:
    request = desk.expect()
    desk.resend(request)
    assert desk.arrive() == "ambiguous"
    assert desk.take(request) is None


def test_a_mail_of_yesterday_is_late_even_if_it_is_the_only_one(desk: Desk) -> None:
    request = desk.expect()
    assert desk.arrive(written_ago=86_400, number="old") == "late"
    assert desk.take(request) is None
    assert desk.arrive("Your code is 111222", written_ago=240) == "matched", "a carrier's clock may be minutes off"
    assert desk.take(request) == "111222"


def test_an_older_mail_does_not_pass_for_the_code_that_an_ended_sign_in_still_misses(
    desk: Desk, clock: ManualClock
) -> None:
    desk.expect()
    desk.withdraw("host_lost")
    clock.advance(seconds=5)
    assert desk.arrive(written_ago=86_400, number="replayed") == "unsolicited"
    second = desk.expect(attempt="att_2")
    assert desk.arrive("Your code is 111222") == "ambiguous"
    assert desk.take(second, "att_2") is None


def test_a_sign_in_is_remembered_from_its_end_not_from_its_beginning(desk: Desk, clock: ManualClock) -> None:
    desk.expect()
    clock.advance(seconds=599)
    desk.withdraw("host_lost")
    clock.advance(seconds=1500)
    assert desk.arrive() == "late"


@pytest.mark.parametrize(
    ("hours", "verdict"),
    [(0.6, "ambiguous"), (1.9, "ambiguous"), (15, "ambiguous"), (71, "ambiguous"), (73, "matched")],
)
def test_a_text_from_a_telephone_that_was_off_for_hours_is_not_taken_for_the_next_logins(
    desk: Desk, clock: ManualClock, hours: float, verdict: str
) -> None:
    desk.by_text()
    desk.expect()
    desk.withdraw("no_code")
    clock.advance(seconds=hours * 3600)
    request = desk.expect(desk.second, attempt="att_2")
    assert desk.arrive(channel="sms") == verdict
    assert (desk.take(request, "att_2") is None) == (verdict == "ambiguous")


@pytest.mark.parametrize(("minutes", "verdict"), [(29, "ambiguous"), (31, "matched")])
def test_a_telephone_that_brought_something_since_has_lost_what_it_does_not_bring(
    desk: Desk, clock: ManualClock, minutes: float, verdict: str
) -> None:
    """All that it held back comes within a short while, in any order."""
    desk.by_text()
    desk.expect()
    desk.withdraw("no_code")
    clock.advance(seconds=12 * 3600)
    assert desk.arrive("Your parcel is on its way", channel="sms", number="9") == "unsolicited"
    clock.advance(seconds=minutes * 60)
    request = desk.expect(desk.second, attempt="att_2")
    assert desk.arrive(channel="sms") == verdict
    assert (desk.take(request, "att_2") is None) == (verdict == "ambiguous")


def test_a_text_that_comes_while_nobody_waits_is_nobodys_even_after_a_silent_night(
    desk: Desk, clock: ManualClock
) -> None:
    """It may be somebody else's sign-in with this login's password: that is an alarm, whatever is still missing."""
    desk.by_text()
    desk.expect()
    desk.withdraw("no_code")
    clock.advance(seconds=12 * 3600)
    assert desk.arrive(channel="sms") == "unsolicited"


def test_a_mail_without_a_date_is_not_held_back_by_a_telephone(desk: Desk, clock: ManualClock) -> None:
    desk.expect()
    desk.withdraw("no_code")
    clock.advance(seconds=12 * 3600)
    desk.expect()
    assert desk.arrive() == "matched"


def test_a_mail_that_says_when_it_was_written_is_not_doubted_for_a_code_lost_hours_ago(
    desk: Desk, clock: ManualClock
) -> None:
    desk.expect()
    desk.withdraw("no_code")
    clock.advance(seconds=3600)
    desk.expect()
    assert desk.arrive(written_ago=0) == "matched"


def test_a_second_copy_of_a_code_that_came_for_another_login_is_not_used_hours_later(
    desk: Desk, clock: ManualClock
) -> None:
    desk.by_text()
    desk.expect()
    assert desk.arrive(channel="sms") == "matched"
    desk.withdraw("host_lost")
    clock.advance(seconds=3600)
    desk.expect(desk.second, attempt="att_2")
    assert desk.arrive(channel="sms", number="2") == "duplicate"


@pytest.mark.parametrize(("window_s", "verdict"), [(86_400, "matched"), (None, "duplicate")])
def test_a_portal_whose_code_holds_all_day_gets_it_again_at_the_next_sign_in(
    desk: Desk, clock: ManualClock, window_s: int | None, verdict: str
) -> None:
    if window_s:
        with desk.portunus.unit(system("test")) as work:
            portal = work.db.get_one(PortalAccount, desk.first.id).portal
            fact = Fact(value=window_s, source="the portal's page", verified_on=clock.now().date())
            directory.record_behaviour(work, portal, "code_reuse_window_s", fact)
    first = desk.expect()
    assert desk.arrive(number="1") == "matched"
    assert desk.take(first) == "482913"
    desk.answered(first, accepted=True)
    clock.advance(seconds=600)
    second = desk.expect(attempt="att_2")
    assert desk.arrive(number="2") == verdict
    if window_s:
        assert desk.take(second, "att_2") == "482913"


def test_a_code_that_a_person_typed_and_the_portal_took_is_not_on_its_way_any_more(desk: Desk) -> None:
    request = desk.expect()
    with desk.portunus.unit(system("browserhost")) as work:
        codes.waiting(work, request)
    desk.give(request, "482913")
    desk.take(request)
    desk.answered(request, accepted=True)
    desk.expect(attempt="att_2")
    assert desk.arrive("Your code is 111222") == "matched"


def test_a_mistyped_code_leaves_the_portals_own_on_its_way(desk: Desk) -> None:
    request = desk.expect()
    with desk.portunus.unit(system("browserhost")) as work:
        codes.waiting(work, request)
    desk.give(request, "999999")
    desk.take(request)
    desk.answered(request, accepted=False)
    desk.withdraw("wrong_code")
    desk.expect(attempt="att_2")
    assert desk.arrive() == "ambiguous"


def test_of_many_sign_ins_that_no_message_tells_apart_one_opens(desk: Desk) -> None:
    together = Barrier(6)

    def ask(number: int) -> str:
        together.wait(20)
        try:
            return desk.expect(attempt=f"att_{number}")
        except Conflict:
            return ""

    with ThreadPoolExecutor(6) as threads:
        opened = [request for request in threads.map(ask, range(6)) if request]
    assert len(opened) == 1


def test_one_message_posted_many_times_at_once_is_kept_once(desk: Desk) -> None:
    request, together = desk.expect(), Barrier(6)

    def post(_: int) -> str:
        together.wait(20)
        return str(desk.arrive())

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(post, range(6))) == {"matched"}
    assert (len(desk.all(CodeMessage)), len(desk.all(Code))) == (1, 1)
    assert desk.take(request) == "482913"


@pytest.mark.parametrize("_round", range(5))
def test_a_code_that_is_being_typed_is_not_taken_back_by_another_that_comes(desk: Desk, _round: int) -> None:
    request, together = desk.expect(), Barrier(2)
    desk.arrive()

    def take() -> str | None:
        together.wait(20)
        return desk.take(request)

    def come() -> str:
        together.wait(20)
        return str(desk.arrive("Your code is 111222", number="2"))

    with ThreadPoolExecutor(2) as threads:
        taken, came = threads.submit(take), threads.submit(come)
        outcome = (taken.result(), came.result(), desk.all(CodeRequest)[0].state)
    assert outcome in (("482913", "late", "released"), (None, "ambiguous", "waiting"))


def test_a_message_delivered_twice_counts_once(desk: Desk) -> None:
    request = desk.expect()
    desk.arrive()
    desk.arrive()
    assert len(desk.all(CodeMessage)) == len(desk.all(Code)) == 1
    assert desk.take(request) == "482913"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Save 300000 points. Your code is 482913", "482913"),
        ("Your code is 482913 or was it: your code is 555111", None),
        ("Invoice 482913", None),
    ],
)
def test_decoys_do_not_count_and_doubt_goes_to_a_person(desk: Desk, text: str, told: str | None) -> None:
    request = desk.expect()
    desk.arrive(text)
    assert desk.take(request) == told


@pytest.mark.parametrize(
    ("what", "verdict"), [({"trusted": False}, "untrusted"), ({"sender": "news@evil.test"}, "foreign")]
)
def test_a_sender_that_is_not_confirmed_is_not_used(desk: Desk, what: dict, verdict: str) -> None:
    request = desk.expect()
    assert desk.arrive(**what) == verdict
    assert desk.take(request) is None
    assert desk.arrive(number="genuine") == "matched"


def test_a_person_hands_a_code_in(desk: Desk) -> None:
    request = desk.expect()
    with desk.portunus.unit(desk.maria) as work:
        codes.give(work, desk.portunus.vault, request, "482 913")
    assert desk.take(request) == "482913"


def test_a_person_elsewhere_cannot(desk: Desk) -> None:
    request = desk.expect()
    with pytest.raises(NotFound), desk.portunus.unit(desk.stranger) as work:
        codes.give(work, desk.portunus.vault, request, "482913")


def test_nonsense_is_refused_with_words(desk: Desk) -> None:
    request = desk.expect()
    with pytest.raises(Incomplete), desk.portunus.unit(desk.maria) as work:
        codes.give(work, desk.portunus.vault, request, "not a code")


def test_expiry_ends_the_request_and_destroys_the_held_code(desk: Desk, clock: ManualClock) -> None:
    request = desk.expect()
    desk.arrive()
    clock.advance(seconds=601)
    with desk.portunus.unit(system("sweep")) as work:
        assert codes.expire(work) == 1
    assert desk.all(CodeRequest)[0].state == "expired"
    assert desk.take(request) is None
    assert [secret.sealed for secret in desk.all(Secret) if secret.owner_kind == "code"] == [b""]


def test_messages_of_long_ago_are_forgotten_but_not_those_whose_code_was_used(desk: Desk, clock: ManualClock) -> None:
    request = desk.expect()
    desk.arrive(number="used")
    desk.take(request)
    desk.arrive("Your statement is ready.", number="news", sender="news@shop.test")
    clock.advance(seconds=91 * 86_400)
    desk.arrive("Your statement is ready.", number="newer", sender="news@shop.test")
    assert [row.external_id for row in desk.all(CodeMessage)] == ["<used@x>", "<newer@x>"]
