"""The exact bytes of an audit entry: deterministic JSON, bounded fields, nothing from outside unescaped."""

import json
import re
from collections.abc import Mapping

DETAIL_VALUE_CHARACTERS = 300
DETAIL_FIELDS = 24
SECRET_WORDS = ("password", "passcode", "secret", "seed", "cookie", "token", "code_value", "otp")

ID = re.compile(r"[a-z]+_[0-9a-f]{32}")

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)

Detail = Mapping[str, str | int | bool | None]


def clean(text: str, limit: int = DETAIL_VALUE_CHARACTERS) -> str:
    """At most `limit` characters, no control characters, no lone surrogates."""
    short = text[:limit]
    if short.isascii() and short.isprintable():
        return short
    short = short.encode("utf-8", "replace").decode()
    return "".join(" " if ord(letter) < 32 or 127 <= ord(letter) < 160 else letter for letter in short)


def clean_detail(detail: Detail) -> dict[str, str | int | bool | None]:
    """Bounded copy of an entry's details.

    Raises ValueError, which names the field and never its value, on what must not be logged: a field named like a
    secret, a `code` that is no id of one, anything but text, whole numbers, yes or no, and nothing.
    """
    if len(detail) > DETAIL_FIELDS:
        raise ValueError("too many details for one audit entry")
    for name, value in detail.items():
        if any(word in name.lower() for word in SECRET_WORDS):
            raise ValueError(f"an audit entry must not hold {name}")
        if name.lower() in ("code", "pin") and not (isinstance(value, str) and ID.fullmatch(value)):
            raise ValueError(f"an audit entry may name a {name} by its id only")
        if not (value is None or isinstance(value, str | bool | int)) or (isinstance(value, int) and abs(value) >> 63):
            raise ValueError(f"an audit entry cannot hold {name}: it is no text, 64-bit number, yes or no")
    return {clean(name, 40): clean(value) if isinstance(value, str) else value for name, value in detail.items()}


def encode(fields: Mapping[str, object]) -> str:
    """Sorted keys, no spaces, ASCII only: the same fields always give the same bytes (in the spirit of RFC 8785)."""
    return _ENCODER.encode(fields)
