"""An account of the operating system is one person's, because an administrator says so."""

import pytest

from broker.base.actor import Actor, ActorKind, system
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.identity import shell
from broker.wiring import Portunus
from tests import factories
from tests.conftest import acting

MIRA = Actor(kind=ActorKind.OPERATOR, id="mira", name="mira at the shell")


@pytest.fixture
def people(portunus: Portunus):
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        ana = factories.user(work, org, "Ana Silva", role="admin")
        return acting(ana), factories.user(work, org, "Mira Chen", role="script_maintainer")


def name(portunus: Portunus, who: Actor, user_id: str, at_shell: str) -> None:
    with portunus.unit(who) as work:
        shell.name_at_shell(work, user_id, at_shell)


def known(portunus: Portunus) -> str:
    with portunus.reading(MIRA) as work:
        return shell.person_at_shell(work).id


def test_whom_an_administrator_has_named_is_known_at_the_shell(portunus: Portunus, people) -> None:
    ana, mira = people
    with pytest.raises(Refused):
        known(portunus)
    name(portunus, ana, mira.id, "mira")
    assert known(portunus) == mira.id
    name(portunus, ana, mira.id, "")
    with pytest.raises(Refused):
        known(portunus)


def test_who_is_disabled_is_nobody_at_the_shell(portunus: Portunus, people) -> None:
    ana, mira = people
    name(portunus, ana, mira.id, "mira")
    with portunus.unit(system("test")) as work:
        work.db.merge(mira).status = "disabled"
    with pytest.raises(Refused):
        known(portunus)


def test_one_account_is_one_persons(portunus: Portunus, people) -> None:
    ana, mira = people
    name(portunus, ana, mira.id, "mira")
    with pytest.raises(Conflict):
        name(portunus, ana, ana.id, "mira")
    name(portunus, ana, mira.id, "mchen")
    name(portunus, ana, ana.id, "mira")
    assert known(portunus) == ana.id


def test_nobody_names_herself_at_the_shell(portunus: Portunus, people) -> None:
    with pytest.raises(Refused):
        name(portunus, MIRA, people[1].id, "mira")


def test_who_may_not_look_after_people_names_nobody(portunus: Portunus, people) -> None:
    with pytest.raises(Refused):
        name(portunus, acting(people[1]), people[1].id, "mira")


def test_another_organizations_person_is_not_there(portunus: Portunus, people) -> None:
    with portunus.unit(system("test")) as work:
        stranger = factories.user(work, factories.organization(work, "Other"), "Sam Stone")
    with pytest.raises(NotFound):
        name(portunus, people[0], stranger.id, "sam")


@pytest.mark.parametrize("text", ["Mira", "a b", "../etc", "x" * 40])
def test_what_is_no_account_name_is_not_taken(portunus: Portunus, people, text: str) -> None:
    with pytest.raises(Incomplete):
        name(portunus, people[0], people[1].id, text)
