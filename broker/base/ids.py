"""Prefixed, time-ordered ids: `ses_0198...`. The prefix says what the id names."""

import uuid_utils


def new_id(prefix: str) -> str:
    """A new id: `prefix`, an underscore and a UUIDv7 (RFC 9562) in hexadecimal."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"
