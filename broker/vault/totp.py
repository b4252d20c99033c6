"""Time-based one-time codes (RFC 6238) from a stored seed: an otpauth URI or bare base32."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp

from broker.base.errors import Incomplete

DIGESTS: dict[str, Callable[[], Any]] = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
LEAST_SEED_BYTES = 10
"""Carriers still hand out 80-bit seeds (16 base32 letters); RFC 4226 asks for 128, and the choice is theirs."""


class CarrierTotp(pyotp.TOTP):
    """pyotp refuses seeds below 112 bits; a portal's seed is what it is."""

    def byte_secret(self) -> bytes:
        secret = self.secret.upper()
        return base64.b32decode(secret + "=" * (-len(secret) % 8))


@dataclass(frozen=True)
class Seed:
    """A parsed authenticator seed."""

    totp: pyotp.TOTP

    def __repr__(self) -> str:
        return "Seed()"

    @classmethod
    def parse(cls, text: str) -> "Seed":
        """From `otpauth://totp/…` or base32 with any spacing. Raises `Incomplete` without echoing the seed."""
        wrong = Incomplete("That is not an authenticator seed: give the otpauth:// address or the base32 letters.")
        asked: dict[str, str] = {}
        text = text.strip()
        try:
            if text.lower().startswith("otpauth://"):
                address = urlsplit(text)
                if address.netloc.lower() != "totp":
                    raise wrong
                asked = {name.lower(): values[0] for name, values in parse_qs(address.query).items()}
                text = asked["secret"]
            letters = "".join(text.split()).replace("-", "").rstrip("=").upper()
            digits, interval = int(asked.get("digits", "6")), int(asked.get("period", "30"))
            digest = DIGESTS[asked.get("algorithm", "SHA1").upper().replace("-", "")]
            made = CarrierTotp(letters, digits=digits, interval=interval, digest=digest)
            long_enough = len(made.byte_secret()) >= LEAST_SEED_BYTES
        except (ValueError, binascii.Error, KeyError):
            raise wrong from None
        if not long_enough or digits not in range(6, 9) or not 15 <= interval <= 120:
            raise wrong
        return cls(made)

    def step(self, now: datetime) -> int:
        """The time step `now` is in."""
        return int(now.timestamp()) // self.totp.interval

    def seconds_to(self, step: int, now: datetime) -> float:
        """Seconds from `now` until `step` begins."""
        return max(0.0, step * self.totp.interval - now.timestamp())

    def code(self, step: int) -> str:
        """The code of a time step."""
        return self.totp.generate_otp(step)

    def drift(self, code: str, now: datetime, most: int = 20) -> int | None:
        """By how many steps the clock of the device that shows this code is off; None when it is not of this seed."""
        if not (code.isascii() and code.isdigit()):
            return None
        present = self.step(now)
        for away in sorted(range(-most, most + 1), key=abs):
            if pyotp.utils.strings_equal(self.code(present + away), code):
                return away
        return None

    def matching_step(self, code: str, now: datetime, last_step: int) -> int | None:
        """The step (at most one off, newer than `last_step`) whose code this is; only ASCII digits count."""
        if not (code.isascii() and code.isdigit()):
            return None
        present = self.step(now)
        for step in (present, present - 1, present + 1):
            if step > last_step and pyotp.utils.strings_equal(self.code(step), code):
                return step
        return None
