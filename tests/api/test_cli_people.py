"""The shell's way in for people: the first administrator of a grown set-up, a link for who is locked out."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from api.cli import people
from api.cli.main import app
from broker.base.actor import system
from broker.base.errors import BrokerError
from broker.directory.models import Organization
from broker.identity.models import Grant, SignInLink, User
from broker.wiring import Portunus

FOUND = ("administrator", "--practice", "Saguaro", "--name", "Ana Petrova", "--email", "Ana@Saguaro.test")


@pytest.fixture
def shell(portunus: Portunus, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(people, "build", lambda: portunus)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_founds_the_practice_with_its_administrator_and_prints_her_link(
    shell: Callable[..., Result], portunus: Portunus
) -> None:
    told = shell(*FOUND)
    assert told.exit_code == 0
    assert "/sign-in/link/" in told.stdout
    with portunus.reading(system("test")) as work:
        user = work.db.scalars(select(User)).one()
        assert (user.email, work.db.scalars(select(Grant.role)).one()) == ("ana@saguaro.test", "admin")
        assert work.db.scalars(select(SignInLink.direct)).one() is False


def test_a_second_administrator_joins_the_same_practice(shell: Callable[..., Result], portunus: Portunus) -> None:
    shell(*FOUND)
    assert shell(*FOUND[:5], "--email", "bo@saguaro.test", "--name", "Bo").exit_code == 0
    with portunus.reading(system("test")) as work:
        assert len(work.db.scalars(select(Organization)).all()) == 1


def test_who_is_locked_out_gets_a_new_link(shell: Callable[..., Result]) -> None:
    first = shell(*FOUND).stdout
    again = shell("link", "ANA@saguaro.test")
    assert again.exit_code == 0
    assert again.stdout.startswith("http")
    assert again.stdout != first


@pytest.mark.parametrize("words", [("link", "nobody@saguaro.test"), (*FOUND[:-1], "not an address")])
def test_what_cannot_be_is_said_in_a_sentence(shell: Callable[..., Result], words: tuple[str, ...]) -> None:
    told = shell(*words)
    assert isinstance(told.exception, BrokerError)
    assert told.exception.message.endswith(".")
