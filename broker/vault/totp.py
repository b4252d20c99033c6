"""Time-based one-time codes (RFC 6238) from a stored seed: an otpauth URI or bare base32."""

import binascii
from dataclasses import dataclass
from datetime import datetime

import pyotp

from broker.base.errors import Incomplete

LIKELY_LENGTHS = range(6, 9)


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
        try:
            if text.strip().lower().startswith("otpauth://"):
                made = pyotp.parse_uri(text.strip())
                if not isinstance(made, pyotp.TOTP):
                    raise wrong
            else:
                made = pyotp.TOTP("".join(text.split()).replace("-", "").upper())
            made.generate_otp(0)
        except (ValueError, binascii.Error, TypeError):
            raise wrong from None
        if made.digits not in LIKELY_LENGTHS or not 15 <= made.interval <= 120:
            raise wrong
        return cls(made)

    def step(self, now: datetime) -> int:
        """The time step `now` is in."""
        return int(now.timestamp()) // self.totp.interval

    def seconds_to(self, step: int, now: datetime) -> float:
        """Seconds from `now` until `step` begins."""
        return max(0.0, step * self.totp.interval - now.timestamp())

    def code(self, step: int) -> str:
        return self.totp.generate_otp(step)

    def matching_step(self, code: str, now: datetime, last_step: int) -> int | None:
        """The step (at most one off, newer than `last_step`) whose code this is; only ASCII digits count."""
        if not (code.isascii() and code.isdigit()):
            return None
        present = self.step(now)
        for step in (present, present - 1, present + 1):
            if step > last_step and pyotp.utils.strings_equal(self.code(step), code):
                return step
        return None
