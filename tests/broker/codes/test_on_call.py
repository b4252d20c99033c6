"""Who is called to the code desk and when: at her own time, or as soon as everybody before her said no."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import Incomplete, Refused
from broker.codes import on_call
from broker.codes.on_call import Turn, call_times
from broker.directory.models import Location
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting

BOTH_DATABASES = True

ASKED = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TURNS = [Turn("dan", "Dan", 0), Turn("ana", "Ana", 45), Turn("eve", "Eve", 90)]


def after(seconds: float) -> datetime:
    return ASKED + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("declined", "ana", "eve"),
    [
        ({}, 45, 90),
        ({"dan": 10}, 10, 90),
        ({"dan": 10, "ana": 20}, 10, 20),
        ({"ana": 20}, 45, 90),  # Dan may still give it
        ({"dan": 60}, 45, 90),  # later than her own time
        ({"ana": 5, "dan": 30}, 30, 30),
        ({"eve": 1}, 45, 90),
    ],
)
def test_the_next_one_is_called_in_time_or_when_all_before_said_no(
    declined: dict[str, float], ana: float, eve: float
) -> None:
    times = call_times(ASKED, TURNS, {name: after(s) for name, s in declined.items()})
    assert times == {"dan": ASKED, "ana": after(ana), "eve": after(eve)}


class Office:
    def __init__(self, portunus: Portunus) -> None:
        with portunus.unit(system("test")) as work:
            org = factories.organization(work)
            self.location = factories.location(work, org)
            self.dan = factories.user(work, org, "Dan Whitfield", role="front_desk", locations=[self.location])
            self.ana = factories.user(work, org, "Ana Petrova", role="admin")
            yuma = factories.location(work, org, "yuma")
            self.outsiders = {
                "elsewhere": factories.user(work, org, "Yuri Far", role="front_desk", locations=[yuma]).id,
                "no_codes": factories.user(work, org, "Audrey Chen", role="compliance").id,
                "other_practice": factories.user(work, factories.organization(work, "Other"), "Eve", role="admin").id,
                "invented": "usr_invented",
            }


@pytest.fixture
def office(portunus: Portunus) -> Office:
    return Office(portunus)


def test_an_order_takes_the_place_of_the_one_before_and_is_on_record(portunus: Portunus, office: Office) -> None:
    for turns in ([(office.dan.id, 0)], [(office.ana.id, 30), (office.dan.id, 0)]):
        with portunus.unit(acting(office.ana)) as work:
            on_call.set_order(work, work.db.get_one(Location, office.location.id), turns)
    with portunus.reading(system("test")) as work:
        assert [(one.name, one.after_s) for one in on_call.order(work, office.location.id)] == [
            ("Dan Whitfield", 0),
            ("Ana Petrova", 30),
        ]
        assert work.db.query(AuditEntry).where(AuditEntry.act == "code:desk:call_order").count() == 2


@pytest.mark.parametrize("seconds", [-1, 3601])
def test_seconds_are_at_most_an_hour(portunus: Portunus, office: Office, seconds: int) -> None:
    with pytest.raises(Incomplete, match="3600"), portunus.unit(acting(office.ana)) as work:
        on_call.set_order(work, work.db.get_one(Location, office.location.id), [(office.dan.id, seconds)])


@pytest.mark.parametrize("who", ["elsewhere", "no_codes", "other_practice", "invented"])
def test_only_who_may_give_codes_there_is_called(portunus: Portunus, office: Office, who: str) -> None:
    with pytest.raises(Incomplete, match="may give codes"), portunus.unit(acting(office.ana)) as work:
        on_call.set_order(work, work.db.get_one(Location, office.location.id), [(office.outsiders[who], 0)])


def test_who_can_be_called_is_offered_for_each_location(portunus: Portunus, office: Office) -> None:
    with portunus.reading(acting(office.ana)) as work:
        offered = {desk.location_id: [name for _, name in desk.people] for desk in on_call.desks(work)}
    assert offered[office.location.id] == ["Ana Petrova", "Dan Whitfield"]
    assert sorted(offered.values()) == [["Ana Petrova", "Dan Whitfield"], ["Ana Petrova", "Yuri Far"]]


def test_nobody_is_called_twice(portunus: Portunus, office: Office) -> None:
    with pytest.raises(Incomplete, match="twice"), portunus.unit(acting(office.ana)) as work:
        on_call.set_order(work, work.db.get_one(Location, office.location.id), [(office.dan.id, 0), (office.dan.id, 9)])


def test_who_gives_codes_does_not_set_who_is_called(portunus: Portunus, office: Office) -> None:
    with pytest.raises(Refused), portunus.unit(acting(office.dan)) as work:
        on_call.set_order(work, work.db.get_one(Location, office.location.id), [])
