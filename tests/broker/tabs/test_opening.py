"""Opening a tab: one attempt, one holder, words for everything else."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from broker.base.actor import Actor, ActorKind, system
from broker.base.errors import BrokerError, ByHand, Conflict, NotFound, Refused
from broker.codes.models import CodeRequest
from broker.directory import service as directory
from broker.scripts import versions
from broker.scripts.service import Bundle
from broker.tabs import service as tabs
from broker.tabs.models import Lease, LockoutDebit, LoginAttempt, PortalSession
from broker.tabs.service import Ending
from broker.wiring import Portunus
from tests import factories as make
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True
HOST = system("browserhost")
DIGEST = "d" * 64
SIGNED_IN = Ending("signed_in", signed_in=True, words="Signed in.", next_actor="nobody")


class Practice:
    """One organization, two offices, one Harborline login, three people."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            org = make.organization(work)
            self.phoenix, self.tucson = make.location(work, org, "phoenix"), make.location(work, org, "tucson")
            self.account = make.account(
                work, make.portal(work, digest=DIGEST), [self.phoenix, self.tucson], endpoint=make.endpoint(work, org)
            )
            self.maria = acting(make.user(work, org, "Maria Lopez"))
            self.nora = acting(make.user(work, org, "Nora Quill"))
            self.desk = acting(make.user(work, org, "Dan Whitfield", role="front_desk", locations=[self.tucson]))
            self.auditor = acting(make.user(work, org, "Audrey Chen", role="compliance"))
            portunus.vault.put(work, org.id, "portal_account", self.account.id, "password", b"Quartz-Heron-4417")

    def open(self, who: Actor, location=None) -> Lease:
        with self.portunus.unit(who) as work:
            return tabs.open_tab(work, self.account.id, (location or self.phoenix).id, "Claim follow-up")

    def attempt(self) -> LoginAttempt:
        with self.portunus.reading(HOST) as work:
            return work.db.scalars(select(LoginAttempt).order_by(LoginAttempt.id.desc()).limit(1)).one()

    def host(self, act):
        with self.portunus.unit(HOST) as work:
            return act(work)

    def claim(self):
        return self.host(lambda work: tabs.claim_attempt(work, self.attempt().id, "node1", DIGEST))

    def sign_in(self, ending: Ending = SIGNED_IN, *, submit: bool = True) -> None:
        claim = self.claim()
        if submit:
            self.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
        self.host(lambda work: tabs.finish(work, claim.attempt_id, claim.fence, ending))

    def count(self, table) -> int:
        with self.portunus.reading(HOST) as work:
            return work.db.scalar(select(func.count()).select_from(table))


@pytest.fixture
def practice(portunus: Portunus) -> Practice:
    return Practice(portunus)


def test_a_cold_portal_reserves_one_attempt_and_tells_a_worker(practice: Practice) -> None:
    lease = practice.open(practice.maria)
    assert lease.granted_at is None
    assert practice.portunus.queue.sent[-1] == ("open_tab", practice.attempt().id)
    assert practice.count(LockoutDebit) == 1


def test_a_double_click_is_one_lease(practice: Practice) -> None:
    assert practice.open(practice.maria).id == practice.open(practice.maria).id
    assert practice.count(LoginAttempt) == 1


def test_another_person_is_told_who_has_it(practice: Practice) -> None:
    practice.open(practice.maria)
    with pytest.raises(Conflict, match="Maria Lopez"):
        practice.open(practice.nora)


def test_two_people_at_the_same_instant_make_one_attempt(practice: Practice) -> None:
    def one(who: Actor) -> str:
        try:
            return practice.open(who).holder_id
        except BrokerError as no:
            return no.code

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(one, [practice.maria, practice.nora] * 4))
    assert practice.count(LoginAttempt) == practice.count(Lease) == 1
    assert set(answers) <= {practice.maria.id, practice.nora.id, "in-use", "just-taken"}


def test_a_warm_portal_is_handed_over_at_once(practice: Practice) -> None:
    first = practice.open(practice.maria)
    practice.sign_in()
    with practice.portunus.unit(practice.maria) as work:
        tabs.end_tab(work, first.id)
    assert practice.open(practice.nora).granted_at is not None
    assert practice.count(LoginAttempt) == 1


def test_another_location_signs_in_again(practice: Practice) -> None:
    first = practice.open(practice.maria)
    practice.sign_in()
    with practice.portunus.unit(practice.maria) as work:
        tabs.end_tab(work, first.id)
    assert practice.open(practice.maria, practice.tucson).granted_at is None
    assert practice.count(PortalSession) == 2


def test_a_place_out_of_reach_looks_like_nothing(practice: Practice) -> None:
    with pytest.raises(NotFound):
        practice.open(practice.desk)
    with pytest.raises((NotFound, Refused)):
        practice.open(practice.auditor)


def test_the_claim_counts_once_however_often_it_is_told(practice: Practice) -> None:
    practice.open(practice.maria)
    attempt_id = practice.attempt().id
    claims = [practice.host(lambda work: tabs.claim_attempt(work, attempt_id, "node1", DIGEST)) for _ in range(3)]
    assert [claim is not None for claim in claims] == [True, False, False]


@pytest.mark.parametrize(
    ("declared", "typed_at"),
    [
        (None, ("harborline.sim.test",)),
        ({}, ("www.sim.test",)),
        ({"sign_in_hosts": ["id.sim.test", "www.sim.test"]}, ("id.sim.test", "www.sim.test")),
    ],
)
def test_secrets_go_to_the_sign_in_hosts_of_the_version_or_else_where_it_starts(
    practice: Practice, declared: dict[str, list[str]] | None, typed_at: tuple[str, ...]
) -> None:
    if declared is not None:
        facts = {"hosts": ["cdn.sim.test", "id.sim.test", "www.sim.test"], "start": "https://www.sim.test/signin"}
        made = Bundle("harborline", DIGEST, [], facts | declared)
        practice.host(lambda work: versions.keep(work, made, "A host of its own for the sign-in.", "Mira"))
    practice.open(practice.maria)
    assert practice.claim().sign_in_hosts == typed_at


def test_an_unapproved_script_does_not_run(practice: Practice) -> None:
    practice.open(practice.maria)
    with pytest.raises(Refused):
        practice.host(lambda work: tabs.claim_attempt(work, practice.attempt().id, "node1", "0" * 64))


def test_the_password_is_released_once_and_only_after_submit(practice: Practice) -> None:
    practice.open(practice.maria)
    claim, vault = practice.claim(), practice.portunus.vault
    with pytest.raises(Refused):
        practice.host(lambda work: tabs.release_password(work, vault, claim.attempt_id, claim.fence))
    practice.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    assert (
        practice.host(lambda work: tabs.release_password(work, vault, claim.attempt_id, claim.fence))
        == "Quartz-Heron-4417"
    )
    with pytest.raises(Refused):
        practice.host(lambda work: tabs.release_password(work, vault, claim.attempt_id, claim.fence))
    with pytest.raises(Conflict):
        practice.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))


def test_a_stale_fence_can_do_nothing(practice: Practice) -> None:
    practice.open(practice.maria)
    claim = practice.claim()
    for act in (tabs.submit, lambda work, a, f: tabs.finish(work, a, f, SIGNED_IN)):
        with pytest.raises(Conflict):
            practice.host(lambda work, act=act: act(work, claim.attempt_id, claim.fence - 1))


def test_the_code_request_is_open_before_the_portal_is_asked(practice: Practice) -> None:
    practice.open(practice.maria)
    claim = practice.claim()
    assert practice.count(CodeRequest) == 0
    assert practice.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence)) is not None
    assert practice.count(CodeRequest) == 1


def test_a_wrong_password_parks_the_account_and_keeps_the_debit(practice: Practice) -> None:
    practice.open(practice.maria)
    practice.sign_in(
        Ending(
            "wrong_password",
            signed_in=False,
            words="The portal does not accept it.",
            next_actor="owner",
            parks_account=True,
        )
    )
    with pytest.raises(Conflict, match="does not accept"):
        practice.open(practice.maria)
    assert practice.host(lambda work: tabs.tries_left(work, directory.account_by_id(work, practice.account.id))) == 2


def test_success_gives_the_try_back(practice: Practice) -> None:
    practice.open(practice.maria)
    practice.sign_in()
    assert practice.host(lambda work: tabs.tries_left(work, directory.account_by_id(work, practice.account.id))) == 3


def test_a_down_portal_before_the_submit_costs_no_try(practice: Practice) -> None:
    practice.open(practice.maria)
    practice.sign_in(Ending("down", signed_in=False, words="The portal is down.", next_actor="wait"), submit=False)
    assert practice.host(lambda work: tabs.tries_left(work, directory.account_by_id(work, practice.account.id))) == 3


def test_the_budget_stops_before_the_carrier_locks(practice: Practice, clock: ManualClock) -> None:
    failure = Ending("unrecognised", signed_in=False, words="The page changed.", next_actor="author")
    for _ in range(3):  # the carrier locks at 5, two are kept in reserve
        practice.open(practice.maria)
        practice.sign_in(failure)
    with pytest.raises(Conflict, match="lock this login"):
        practice.open(practice.maria)
    clock.advance(seconds=1801)
    assert practice.open(practice.maria).granted_at is None


def test_a_host_lost_before_the_submit_costs_nothing_and_after_it_counts(
    practice: Practice, clock: ManualClock
) -> None:
    practice.open(practice.maria)
    practice.claim()
    clock.advance(seconds=21)
    practice.host(tabs.sweep)
    assert practice.attempt().state == "withdrawn"
    practice.open(practice.maria)
    claim = practice.claim()
    practice.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    clock.advance(seconds=21)
    practice.host(tabs.sweep)
    assert practice.attempt().state == "unknown"
    assert practice.host(lambda work: tabs.tries_left(work, directory.account_by_id(work, practice.account.id))) == 2


def test_a_forgotten_attempt_is_told_again_and_in_the_end_given_up(practice: Practice, clock: ManualClock) -> None:
    practice.open(practice.maria)
    practice.portunus.queue.sent.clear()
    clock.advance(seconds=6)
    practice.host(tabs.sweep)
    assert practice.portunus.queue.sent == [("open_tab", practice.attempt().id)]
    clock.advance(seconds=200)
    practice.host(tabs.sweep)
    assert practice.attempt().state == "withdrawn"


def test_an_attended_portal_is_not_signed_in_to(practice: Practice) -> None:
    practice.host(lambda work: setattr(directory.portal_by_key(work, "harborline"), "automation", "attended"))
    with pytest.raises(ByHand, match="Sign in there yourself") as told:
        practice.open(practice.maria)
    assert told.value.address == "https://harborline.sim.test/"


def test_tickets_are_good_once_for_their_own_sign_in_and_lease(practice: Practice, clock: ManualClock) -> None:
    lease = practice.open(practice.maria)
    practice.sign_in()
    with practice.portunus.unit(practice.maria) as work:
        good, late = tabs.ticket(work, lease.id), tabs.ticket(work, lease.id)
    stranger = Actor(ActorKind.USER, practice.maria.id, "Maria Lopez", login_id="log_other")
    for who, token in ((stranger, good), (practice.maria, "nonsense")):
        with pytest.raises(Refused), practice.portunus.unit(who) as work:
            tabs.join(work, token, lease.id)
    with practice.portunus.unit(practice.maria) as work:
        tabs.join(work, good, lease.id)
    with pytest.raises(Refused), practice.portunus.unit(practice.maria) as work:
        tabs.join(work, good, lease.id)
    clock.advance(seconds=16)
    with pytest.raises(Refused), practice.portunus.unit(practice.maria) as work:
        tabs.join(work, late, lease.id)
    with pytest.raises(NotFound), practice.portunus.unit(practice.nora) as work:
        tabs.ticket(work, lease.id)
