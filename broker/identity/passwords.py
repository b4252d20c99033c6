"""Passwords of people who sign in to Portunus: Argon2id, at most two at once, checked as NIST SP 800-63B advises.

Length and a list of what everybody tries first; no rules about digits and symbols, no forced change. A password is
never used alone (there is a second factor), for which SP 800-63B asks for 8 characters at least.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from broker.base.errors import Incomplete, TooMany

HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
LONGEST = 1024
SHORTEST = 8
LONGEST_WAIT_S = 5.0
LEAST_DIFFERENT = 5
"""Different characters."""
LEAST_WORD = 4
MOST_LEFT = 5
"""Characters beside well-known words that a guesser appends anyway: a year, a digit, an exclamation mark."""
_AT_ONCE = threading.BoundedSemaphore(2)  # 64 MiB each
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=1$saNaR7g71e19YP2ycN/X0w$SRchu1MeleuGtqeRheuUgIVeLSGrX/XVwh2nOJNRqO4"
"""Hash of a random password that was thrown away: an unknown user takes as long as a known one."""
_LEET = str.maketrans("013457@$!", "oieastasi")
_RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb")


def hashed(password: str, *, about: tuple[str, ...] = ()) -> str:
    """The Argon2id hash. `about`: the user's own names and address, which are guessed first.

    Takes 220 ms: call it outside a transaction. Raises `Incomplete` for a password that is too short, too long,
    impossible or too common, `TooMany` when too many people sign in at once.
    """
    normal = _normal(password)
    if normal is None or not SHORTEST <= len(password) <= LONGEST:
        raise Incomplete(f"A password has {SHORTEST} to {LONGEST} characters; a few words make a good one.")
    if _is_common(normal, about):
        raise Incomplete(
            "That password is among the first that anyone tries. Choose another; a few words make a good one."
        )
    with _one_of_two():
        return HASHER.hash(normal)


def fits(password: str, kept: str | None) -> bool:
    """Whether the password is the kept one; takes as long for a user without one. Raises `TooMany`."""
    normal = _normal(password) if len(password) <= LONGEST else None
    with _one_of_two():
        try:
            return HASHER.verify(kept or _NOBODY, normal or "") and kept is not None and normal is not None
        except (Argon2Error, InvalidHashError):
            return False


@contextmanager
def _one_of_two() -> Iterator[None]:
    """Wait a little for a free place: a flood of sign-ins must not take every thread and all memory."""
    if not _AT_ONCE.acquire(timeout=LONGEST_WAIT_S):
        raise TooMany("Too many people sign in at this moment. Try again in a few seconds.")
    try:
        yield
    finally:
        _AT_ONCE.release()


def _normal(password: str) -> str | None:
    """The same password from every keyboard (NFKC); None for what cannot be one."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return None
    return None if "\x00" in password else unicodedata.normalize("NFKC", password)


def _is_common(password: str, about: tuple[str, ...]) -> bool:
    """Whether little is left once one or two well-known words, the user's own names, or a run of neighbours is taken away."""
    folded = password.casefold()
    if len(set(folded)) < LEAST_DIFFERENT or folded in _common():
        return True
    own = {part for text in about for part in re.split(r"[^a-z0-9]+", text.casefold()) if len(part) >= LEAST_WORD}
    words = sorted(own | {word for word in _common() if len(word) >= LEAST_WORD}, key=len, reverse=True)
    for text in {folded, folded.translate(_LEET)}:
        bare = text.strip("!.#*?_-")
        if any(bare in run or bare in run[::-1] for run in _RUNS):
            return True
        rest = text
        for _ in range(2):
            known = next((word for word in words if word in rest), "")
            rest = rest.replace(known, "") if known else rest
        if rest != text and len(rest) <= MOST_LEFT:
            return True
    return False


@cache
def _common() -> frozenset[str]:
    text = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
