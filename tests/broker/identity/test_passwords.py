"""Passwords: what is accepted, how it is kept, and that a flood of sign-ins cannot take the machine."""

import threading

import pytest

from broker.base.errors import Incomplete, TooMany
from broker.identity import passwords

GOOD = "correct horse battery staple"
KEPT = passwords.hashed(GOOD)


def test_kept_as_argon2id_with_the_measured_cost():
    assert KEPT.startswith("$argon2id$v=19$m=65536,t=3,p=1$")


def test_decoy_for_unknown_users_costs_the_same():
    assert passwords._NOBODY.rsplit("$", 2)[0] == KEPT.rsplit("$", 2)[0]


def test_right_password_fits_and_wrong_ones_do_not():
    assert passwords.fits(GOOD, KEPT)
    assert not passwords.fits(GOOD + " ", KEPT)
    assert not passwords.fits("", KEPT)


def test_nothing_fits_a_user_without_password():
    assert not passwords.fits(GOOD, None)


def test_same_password_from_another_keyboard_fits():
    kept = passwords.hashed("caf\u00e9 am Markt um neun")
    assert passwords.fits("cafe\u0301 am Markt um neun", kept)


@pytest.mark.parametrize("password", ["\u00e4" * 32 + "pferdestall" * 2 + "\u4e2d\u6587\u5bc6\u7801", "x1y2z3 " * 146])
def test_long_and_unicode_passphrases_work_whole(password):
    kept = passwords.hashed(password)
    assert passwords.fits(password, kept)
    assert not passwords.fits(password[:-1], kept)


@pytest.mark.parametrize("password", ["", "short", "1234567", "a\x00bcdefghijk", "x" * 1025, "\ud800abcdefghij"])
def test_impossible_passwords_are_refused(password):
    with pytest.raises(Incomplete):
        passwords.hashed(password)
    assert not passwords.fits(password, KEPT)


@pytest.mark.parametrize(
    "password",
    [
        "password", "Password1!", "P@ssw0rd2026", "welcome123", "Summer2026!", "dentaloffice1", "qwertyuiop", "abcdefgh", "12345678",
        "87654321", "aaaaaaaa", "abababab", "1qaz2wsx", "Portunus2026", "iloveyou!!", "letmein123", "Smile4teeth",
    ],
)  # fmt: skip
def test_what_everybody_tries_first_is_refused(password):
    with pytest.raises(Incomplete, match="first that anyone tries"):
        passwords.hashed(password)


def test_ones_own_name_and_address_are_no_password():
    with pytest.raises(Incomplete):
        passwords.hashed("MariaLopez1", about=("Maria Lopez", "maria@saguaro.test"))
    with pytest.raises(Incomplete):
        passwords.hashed("saguaro2026!", about=("Maria Lopez", "maria@saguaro.test"))


@pytest.mark.parametrize("password", ["tangerine boat lamp", "k7#vPq2mZt", "welcome to my red house", "Zq7xlmnopW"])
def test_good_passwords_are_not_kept_away(password):
    assert passwords.hashed(password)


def test_third_sign_in_at_once_waits_and_then_is_told_to_come_back(monkeypatch):
    monkeypatch.setattr(passwords, "LONGEST_WAIT_S", 0.0)
    gate = threading.BoundedSemaphore(2)
    monkeypatch.setattr(passwords, "_AT_ONCE", gate)
    gate.acquire()
    gate.acquire()
    with pytest.raises(TooMany):
        passwords.fits(GOOD, KEPT)
    gate.release()
    assert passwords.fits(GOOD, KEPT)
