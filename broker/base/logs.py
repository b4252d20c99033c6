"""Logs: structlog with one processor that drops whatever is named like a secret. Never bodies, queries or codes."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRET_WORDS = (
    "password",
    "passphrase",
    "passcode",
    "secret",
    "seed",
    "token",
    "cookie",
    "authorization",
    "csrf",
    "otp",
    "totp",
    "api_key",
    "root_key",
    "private",
    "query",
    "body",
)
"""A field whose name has one of these in it is replaced."""
SECRET_NAMES = frozenset(
    {"code", "codes", "pin", "key", "value", "ticket", "url", "exception", "exc_info", "stack_info"}
)
"""Whole names that are replaced: too short to look for inside others. Exceptions' texts may hold values too."""
DROPPED = "[dropped]"


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace what is named like a secret, at any depth."""
    for name in list(event):
        event[name] = _clean(name, event[name])
    return event


def set_up_logs(*, json: bool) -> None:
    """Configure structlog and send the standard library's warnings the same way. Once per process."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    last: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")


def _clean(name: str, value: Any) -> Any:
    lower = name.lower()
    if lower in SECRET_NAMES or any(word in lower for word in SECRET_WORDS):
        return DROPPED
    if isinstance(value, dict):
        return {str(inner): _clean(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", held) for held in value]
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    return value
