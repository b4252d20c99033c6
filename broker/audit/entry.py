"""The exact bytes of an audit entry: deterministic JSON, bounded fields, nothing from outside unescaped."""

import json
from collections.abc import Mapping

DETAIL_VALUE_CHARACTERS = 300
DETAIL_FIELDS = 24
SECRET_WORDS = ("password", "passcode", "secret", "seed", "cookie", "token", "code_value", "otp")

Detail = Mapping[str, str | int | bool | None]


def clean(text: str, limit: int = DETAIL_VALUE_CHARACTERS) -> str:
    """At most `limit` characters, no control characters, no lone surrogates."""
    short = text[:limit].encode("utf-8", "replace").decode()
    return "".join(" " if ord(letter) < 32 or 127 <= ord(letter) < 160 else letter for letter in short)


def clean_detail(detail: Detail) -> dict[str, str | int | bool | None]:
    """Bounded copy of an entry's details. Raises ValueError on a field that is named like a secret: it must not be logged."""
    if len(detail) > DETAIL_FIELDS:
        raise ValueError("too many details for one audit entry")
    for name in detail:
        if any(word in name.lower() for word in SECRET_WORDS):
            raise ValueError(f"an audit entry must not hold {name}")
    return {clean(name, 40): clean(value) if isinstance(value, str) else value for name, value in detail.items()}


def encode(fields: Mapping[str, object]) -> str:
    """Sorted keys, no spaces, ASCII only: the same fields always give the same bytes (in the spirit of RFC 8785)."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
