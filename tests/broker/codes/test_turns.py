"""Sign-ins that no message tells apart stand in line, and nobody is overtaken."""

import pytest

from broker.base.actor import system
from broker.base.errors import Conflict
from broker.codes import service as codes
from broker.codes.turns import FRESH
from broker.wiring import Portunus
from tests import factories as make
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True
HOST = system("browserhost")


class Phone:
    """Twelve logins of one carrier whose codes come to one telephone."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        with portunus.unit(system("test")) as work:
            org = make.organization(work)
            self.place, phone, portal = make.location(work, org), make.endpoint(work, org, "phone"), make.portal(work)
            self.maria = acting(make.user(work, org))
            rule = {"senders": ["22395"]}
            self.logins = [
                make.account(work, portal, [self.place], channel="sms", endpoint=phone, template=rule)
                for _ in range(12)
            ]
            other = {"senders": ["77001"]}
            self.other = make.account(work, portal, [self.place], channel="sms", endpoint=phone, template=other)

    def asks(self, number: int, account=None) -> bool:
        """Whether it may ask its portal; if not it stands in line."""
        row, attempt = account or self.logins[number], f"att_{number}"
        try:
            with self.portunus.unit(HOST) as work:
                codes.expect(
                    work, attempt_id=attempt, account=row, location=self.place, requester=self.maria, life_s=600
                )
        except Conflict as busy:
            assert busy.code == "endpoint-busy"
            self.first(number)
            return False
        return True

    def first(self, number: int) -> int:
        with self.portunus.unit(HOST) as work:
            return codes.stand_in_line(work, attempt_id=f"att_{number}", account=self.logins[number])

    def done(self, number: int) -> None:
        with self.portunus.unit(HOST) as work:
            codes.withdraw(work, f"att_{number}", "signed_in")


@pytest.fixture
def phone(portunus: Portunus) -> Phone:
    return Phone(portunus)


def test_twelve_get_their_turn_in_the_order_they_came_whoever_looks_first(phone: Phone, clock: ManualClock) -> None:
    assert phone.asks(0)
    for number in range(1, 12):
        clock.advance(seconds=0.1)
        assert not phone.asks(number)
    assert [phone.first(number) for number in range(1, 12)] == list(range(1, 12))
    order = []
    for turn in range(11):
        phone.done(turn)
        clock.advance(seconds=2)
        order += [number for number in reversed(range(turn + 1, 12)) if phone.asks(number)]
    assert order == list(range(1, 12))


def test_one_that_went_away_from_the_line_is_not_waited_for(phone: Phone, clock: ManualClock) -> None:
    phone.asks(0)
    phone.asks(1)
    phone.done(0)
    assert not phone.asks(2)
    clock.advance(seconds=FRESH.total_seconds() + 1)
    assert phone.asks(2)


def test_one_whose_codes_look_different_does_not_stand_in_that_line(phone: Phone) -> None:
    phone.asks(0)
    phone.asks(1)
    assert phone.asks(12, phone.other)


def test_a_second_code_of_a_sign_in_under_way_does_not_stand_in_line_again(phone: Phone) -> None:
    phone.asks(0)
    phone.asks(1)
    phone.done(0)
    assert phone.asks(0)
