"""Tries are reserved before a password is looked at, codes count once, also when everything happens at the same instant."""

from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from sqlalchemy import func, select

from broker.base.actor import Actor, ActorKind, system
from broker.base.errors import Conflict, Refused, TooMany
from broker.identity import limits, links, logins, second_factor, sign_in
from broker.identity.models import FailedSignIn, Login, User
from broker.identity.sign_in import Step
from tests import factories

BOTH_DATABASES = True
NOBODY = Actor(ActorKind.USER, "-", "not signed in", address="10.0.0.9")
OPERATOR = Actor(ActorKind.OPERATOR, "root", "root at the shell")


@pytest.fixture
def maria(portunus):
    with portunus.unit(OPERATOR) as work:
        user = factories.user(work, factories.organization(work), email="maria@saguaro.test")
        user.password_hash = "not looked at here"
        return user


@pytest.fixture
def seed(portunus, maria):
    with portunus.unit(OPERATOR) as work:
        seed = pyotp.random_base32()
        secret = portunus.vault.put(work, maria.organization_id, "user", maria.id, "totp_seed", seed.encode())
        work.db.get(User, maria.id).totp_secret_id = secret.id
    return seed


def half_way(portunus, maria) -> str:
    with portunus.unit(NOBODY) as work:
        login, _ = logins.begin(work, work.db.get(User, maria.id), device="x", via="password")
        return login.id


def show(portunus, login_id, code) -> second_factor.Checked:
    with portunus.unit(NOBODY) as work:
        return second_factor.second_factor(work, portunus.vault, work.db.get(Login, login_id), code)


def at_once(act, times):
    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(act, n) for n in range(times)]]


def test_parallel_tries_do_not_slip_past_the_limit(portunus, maria):
    def one(_):
        with portunus.unit(NOBODY) as work:
            return sign_in.begin_sign_in(work, "maria@saguaro.test").reserved is not None

    assert at_once(one, 16).count(True) == 10
    with portunus.unit(NOBODY) as work:
        assert sign_in.begin_sign_in(work, "maria@saguaro.test").reserved is None


def test_try_over_the_limit_looks_at_no_password(portunus, maria, monkeypatch):
    with portunus.unit(NOBODY) as work:
        for _ in range(10):
            assert limits.reserve(work, "maria@saguaro.test") is not None
        tried = sign_in.begin_sign_in(work, "maria@saguaro.test")
    monkeypatch.setattr(sign_in.passwords, "fits", lambda given, kept: pytest.fail("looked"))
    assert tried.right("x") is False
    with pytest.raises(TooMany), portunus.unit(NOBODY) as work:
        sign_in.finish_sign_in(work, tried, right=True, device="x")


def test_process_that_dies_in_between_has_used_its_try_up(portunus, maria):
    with portunus.unit(NOBODY) as work:
        sign_in.begin_sign_in(work, "maria@saguaro.test")
    with portunus.reading(system("test")) as work:
        assert work.db.scalar(select(func.count()).select_from(FailedSignIn)) == 2


def test_password_changed_in_between_does_not_sign_in(portunus, maria):
    with portunus.unit(NOBODY) as work:
        tried = sign_in.begin_sign_in(work, "maria@saguaro.test")
    with portunus.unit(OPERATOR) as work:
        work.db.get(User, maria.id).password_hash = "another"
    with portunus.unit(NOBODY) as work:
        assert sign_in.finish_sign_in(work, tried, right=True, device="x") is None


def test_try_does_not_show_the_hash(portunus, maria):
    with portunus.unit(NOBODY) as work:
        assert "not looked at here" not in repr(sign_in.begin_sign_in(work, "maria@saguaro.test"))


def test_one_code_completes_one_of_many_sign_ins_at_once(portunus, maria, seed, clock):
    code = pyotp.TOTP(seed).at(clock.now())
    ids = [half_way(portunus, maria) for _ in range(5)]
    results = at_once(lambda n: show(portunus, ids[n], code), 5)
    assert sum(result.token is not None for result in results) == 1


def test_older_step_is_refused_after_a_newer_one(portunus, maria, seed, clock):
    from datetime import timedelta

    newer = pyotp.TOTP(seed).at(clock.now() + timedelta(seconds=30))
    assert show(portunus, half_way(portunus, maria), newer).token is not None
    assert show(portunus, half_way(portunus, maria), pyotp.TOTP(seed).at(clock.now())).token is None


def test_neighbouring_steps_allow_for_a_clock_that_is_a_little_off(portunus, maria, seed, clock):
    from datetime import timedelta

    late = pyotp.TOTP(seed).at(clock.now() - timedelta(seconds=30))
    assert show(portunus, half_way(portunus, maria), late).token is not None


def test_link_is_used_once_of_many_at_once(portunus, maria):
    with portunus.unit(OPERATOR) as work:
        token = links.create_link(work, work.db.get(User, maria.id))

    def one(_):
        try:
            with portunus.unit(NOBODY) as work:
                links.use_link(work, token, "x")
        except Refused:
            return False
        return True

    assert at_once(one, 6).count(True) == 1


def test_second_factor_is_not_offered_over_a_confirmed_one(portunus, maria, seed):
    login_id = half_way(portunus, maria)
    with pytest.raises(Conflict), portunus.unit(NOBODY) as work:
        second_factor.offer_second_factor(work, portunus.vault, work.db.get(Login, login_id))


def test_reset_second_factor_destroys_the_seed_and_asks_for_a_new_one(portunus, maria, seed, clock):
    with portunus.unit(OPERATOR) as work:
        second_factor.reset_second_factor(work, portunus.vault, maria.id)
    with portunus.reading(OPERATOR) as work:
        assert not portunus.vault.has(work, "user", maria.id, "totp_seed")
    login_id = half_way(portunus, maria)
    with portunus.reading(OPERATOR) as work:
        assert sign_in.next_step(work.db.get(Login, login_id)) is Step.ENROL


def test_direct_link_of_the_operator_is_complete_at_once(portunus, maria):
    with portunus.unit(OPERATOR) as work:
        token = links.create_link(work, work.db.get(User, maria.id))
    with portunus.unit(NOBODY) as work:
        login, _ = links.use_link(work, token, "x")
        assert sign_in.next_step(login) is None


def test_link_that_is_not_direct_asks_for_a_new_password(portunus, maria, seed):
    with portunus.unit(OPERATOR) as work:
        token = links.create_link(work, work.db.get(User, maria.id), direct=False)
    with portunus.unit(NOBODY) as work:
        login, _ = links.use_link(work, token, "x")
        assert sign_in.next_step(login) is Step.PASSWORD
        sign_in.change_password(work, login, "new hash")
        assert sign_in.next_step(login) is Step.CODE


@pytest.mark.parametrize(
    "email", ["", "\x00", "a\x00@b.test", "x" * 5000, "\ufdfa" * 200, "a@b@c", "'; DROP TABLE user; --"]
)
def test_what_is_no_address_is_a_counted_try_like_any_other(portunus, maria, email):
    with portunus.unit(NOBODY) as work:
        tried = sign_in.begin_sign_in(work, email)
    assert tried.user_id is None
    assert len(tried.reserved) == 2
