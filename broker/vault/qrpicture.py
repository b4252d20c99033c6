"""An authenticator's QR picture, read in a process of its own that is killed when it takes too long or too much."""

import json
import subprocess
import sys

from broker.base.errors import Incomplete

LARGEST_BYTES = 8_000_000
TIME_LIMIT_S = 15.0
COMMAND = (sys.executable, "-I", "-m", "broker.vault.qrreading")
UNREADABLE = "That picture cannot be read. Give a PNG or JPEG picture of the QR code, at most 8 MB."


def seed_in(picture: bytes) -> str:
    """The otpauth:// address that the picture's QR code says. Raises `Incomplete` with what to do; never echoes the code."""
    if len(picture) > LARGEST_BYTES:
        raise Incomplete(UNREADABLE)
    try:
        done = subprocess.run(COMMAND, input=picture, capture_output=True, timeout=TIME_LIMIT_S, env={}, check=False)
        told = json.loads(done.stdout)
        text, why = told["text"], told["why"]
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError, TypeError):
        raise Incomplete(UNREADABLE) from None
    if why or not isinstance(text, str):
        raise Incomplete(str(why or UNREADABLE))
    return text
