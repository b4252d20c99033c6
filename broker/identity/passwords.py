"""Passwords of people who sign in to Portunus: Argon2id, at most two at once, NIST SP 800-63B rules."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from broker.base.errors import Incomplete

HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
LONGEST = 1024
SHORTEST = 12
"""Used with a second factor, SP 800-63B asks for 8; offices reuse short ones, so ask for a little more."""
_AT_ONCE = threading.BoundedSemaphore(2)  # 64 MiB each
_NOBODY = HASHER.hash("nobody has this password")

COMMON = frozenset(
    [
        "password123456",
        "passwordpassword",
        "123456789012",
        "1234567890123",
        "qwertyuiop12",
        "qwertyuiopas",
        "letmeinletmein",
        "iloveyou1234",
        "administrator",
        "welcome12345",
        "changeme1234",
        "portunus1234",
        "password1234",
        "dentaloffice",
        "billing12345",
    ]
)


def hashed(password: str) -> str:
    """The Argon2id hash. Raises `Incomplete` for one that is too short, too long or too common."""
    if not SHORTEST <= len(password) <= LONGEST or "\x00" in password:
        raise Incomplete(f"A password has {SHORTEST} to {LONGEST} characters; a few words make a good one.")
    if password.casefold() in COMMON or len(set(password)) < 5:
        raise Incomplete("That password is among the first that anyone tries. Choose another.")
    with _AT_ONCE:
        return HASHER.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether the password is the kept one; takes as long for a user without one."""
    if len(password) > LONGEST:
        return False
    with _AT_ONCE:
        try:
            return HASHER.verify(kept or _NOBODY, password) and kept is not None
        except (Argon2Error, InvalidHashError):
            return False
