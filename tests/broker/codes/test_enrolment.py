"""A new authenticator is set up once, when one person asked and another approved; the old seed counts until the portal took the new."""

from collections.abc import Callable

import pyotp
import pytest
from sqlalchemy import select

from broker.audit.models import AuditEntry
from broker.base.actor import Actor, system
from broker.base.errors import BrokerError, Conflict, Incomplete, NotFound, Refused
from broker.codes import enrolment
from broker.directory.models import PortalAccount
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True

OLD, NEW = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "MFZWIZLBONSGKLABGEZDGNBVGY3TQOJQ"
HOST = system("browserhost")


class Practice:
    """Ana and Ben are administrators; Dan is not; Eve administers another practice."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            org = factories.organization(work)
            place = factories.location(work, org)
            account = factories.account(work, factories.portal(work), [place], channel="totp")
            portunus.vault.put(work, org.id, "portal_account", account.id, "totp_seed", OLD.encode())
            self.account_id = account.id
            self.ana, self.ben = (acting(factories.user(work, org, name, role="admin")) for name in ("Ana P", "Ben K"))
            self.dan = acting(factories.user(work, org, "Dan Whitfield", role="front_desk", locations=[place]))
            self.eve = acting(factories.user(work, factories.organization(work, "Other"), "Eve", role="admin"))

    def account(self, work) -> PortalAccount:
        return work.db.get_one(PortalAccount, self.account_id)

    def ask(self, who: Actor | None = None) -> str:
        with self.portunus.unit(who or self.ana) as work:
            return enrolment.ask(work, self.account(work)).id

    def approve(self, row: str, who: Actor | None = None) -> None:
        with self.portunus.unit(who or self.ben) as work:
            enrolment.approve(work, row)

    def capture(self, attempt: str = "att_1") -> str:
        with self.portunus.unit(HOST) as work:
            return enrolment.capture(work, self.portunus.vault, self.account(work), attempt, NEW)

    def answered(self, *, accepted: bool) -> None:
        with self.portunus.unit(HOST) as work:
            enrolment.answered(work, self.portunus.vault, "att_1", accepted=accepted)

    def settle(self, row: str, *, known: bool) -> None:
        with self.portunus.unit(self.ana) as work:
            enrolment.settle(work, self.portunus.vault, row, known=known)

    def counts(self) -> str:
        """The seed that counts."""
        with self.portunus.unit(HOST) as work:
            return self.portunus.vault.use(
                work, "portal_account", self.account_id, "totp_seed", purpose="test"
            ).decode()

    def has_captured(self) -> bool:
        with self.portunus.reading(HOST) as work:
            return self.portunus.vault.has(work, "portal_account", self.account_id, "totp_seed_captured")


@pytest.fixture
def practice(portunus: Portunus) -> Practice:
    return Practice(portunus)


def test_the_first_code_proves_the_new_seed_and_then_it_counts(practice: Practice, clock: ManualClock) -> None:
    practice.approve(practice.ask())
    assert practice.capture() == pyotp.TOTP(NEW).at(clock.now())
    assert practice.counts() == OLD
    practice.answered(accepted=True)
    assert practice.counts() == NEW
    assert not practice.has_captured()


def test_its_first_code_is_not_given_out_again(practice: Practice) -> None:
    practice.approve(practice.ask())
    practice.capture()
    practice.answered(accepted=True)
    with practice.portunus.unit(HOST) as work:
        again = practice.portunus.vault.totp(work, practice.account_id, "att_2", work.clock.now())
    assert again.code is None
    assert 0 < again.wait_s <= 30


def test_a_seed_whose_code_the_portal_refused_is_destroyed(practice: Practice) -> None:
    practice.approve(practice.ask())
    practice.capture()
    practice.answered(accepted=False)
    assert practice.counts() == OLD
    assert not practice.has_captured()


@pytest.mark.parametrize("known", [True, False])
def test_a_person_settles_what_a_broken_sign_in_left_open(practice: Practice, clock: ManualClock, known: bool) -> None:
    row = practice.ask()
    practice.approve(row)
    practice.capture()
    with pytest.raises(Conflict, match="five minutes"):
        practice.settle(row, known=known)
    clock.advance(minutes=6)
    practice.settle(row, known=known)
    assert practice.counts() == (NEW if known else OLD)
    assert not practice.has_captured()


def test_nobody_approves_what_she_asked_for(practice: Practice) -> None:
    row = practice.ask()
    for who in (practice.ana, system("worker")):
        with pytest.raises(Refused, match="Somebody else"):
            practice.approve(row, who)
    with pytest.raises(Conflict) as refused:
        practice.capture()
    assert refused.value.code == "needs_person"


@pytest.mark.parametrize(("who", "refusal"), [("dan", Refused), ("eve", NotFound)])
def test_who_may_not_store_secrets_neither_asks_nor_approves(
    practice: Practice, who: str, refusal: type[BrokerError]
) -> None:
    with pytest.raises(refusal):
        practice.ask(getattr(practice, who))
    row = practice.ask()
    with pytest.raises(refusal):
        practice.approve(row, getattr(practice, who))


def withdrawn(practice: Practice, row: str, clock: ManualClock) -> None:
    with practice.portunus.unit(practice.ana) as work:
        enrolment.withdraw(work, row)


def late(practice: Practice, row: str, clock: ManualClock) -> None:
    clock.advance(hours=9)


def used(practice: Practice, row: str, clock: ManualClock) -> None:
    practice.capture("att_0")


@pytest.mark.parametrize("ended", [withdrawn, late, used])
def test_leave_is_good_for_one_sign_in_of_that_day(
    practice: Practice, clock: ManualClock, ended: Callable[[Practice, str, ManualClock], None]
) -> None:
    row = practice.ask()
    practice.approve(row)
    ended(practice, row, clock)
    with pytest.raises(Conflict):
        practice.capture()


def test_what_is_no_seed_uses_nothing_up(practice: Practice) -> None:
    practice.approve(practice.ask())
    with pytest.raises(Incomplete), practice.portunus.unit(HOST) as work:
        enrolment.capture(work, practice.portunus.vault, practice.account(work), "att_1", "scan the picture")
    practice.capture()


def test_every_step_is_on_record_without_the_seed(practice: Practice) -> None:
    practice.approve(practice.ask())
    practice.capture()
    practice.answered(accepted=True)
    with practice.portunus.reading(HOST) as work:
        entries = work.db.scalars(
            select(AuditEntry).where(AuditEntry.act.startswith("account:enrolment")).order_by(AuditEntry.index)
        ).all()
        everything = " ".join(str(leaf) for leaf in work.db.scalars(select(AuditEntry.leaf)))
    assert [one.act.rpartition(":")[2] for one in entries] == ["ask", "approve", "capture", "end"]
    assert practice.ana.id in str(entries[-1].leaf)
    assert practice.ben.id in str(entries[-1].leaf)
    assert NEW not in everything
