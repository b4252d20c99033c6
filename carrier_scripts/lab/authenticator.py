"""The carrier's side of an authenticator: RFC 6238 with a step of drift either way, and no step twice."""

import hmac
from datetime import datetime

import pyotp

STEP_S = 30
DRIFT = 1


def matching_step(seed: str, typed: str, now: datetime) -> int | None:
    """The time step whose code this is, within the drift; None when it is none of them."""
    totp = pyotp.TOTP(seed)
    current = int(now.timestamp()) // STEP_S
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(totp.at(step * STEP_S), "".join(typed.split())):
            return step
    return None
