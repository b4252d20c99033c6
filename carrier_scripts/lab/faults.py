"""Faults that a test switches on at a carrier: overlay S0."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

PAGE = {
    "maintenance",
    "error",
    "hang",
    "reset",
    "lookalike",
    "navigate",
    "skin",
    "unknown_page",
    "captcha",
    "wrong_practice",
    "trickle",
    "http_auth",
    "expired_certificate",
    "collision",
    "accumulators",
    "half_download",
    "html_pdf",
    "claims_land",
    "hints",
    "abroad",
}
"""Change what a page shows or where it leads."""
MAIL = {"code_never", "code_late", "code_sender", "code_unsigned", "code_foreign", "code_decoys", "code_twice"}
"""Change how a code travels."""
AT_ONCE = {
    "terms",
    "profile",
    "password_age",
    "lock",
    "usual_hours",
    "end_sessions",
    "mailbox_down",
    "keeps_hours",
    "enrolment",
    "dormant",
    "hold",
    "recovery",
    "training",
    "recertify",
}
"""Change a state once; nothing stays switched on (`mailbox_down` apart)."""
NAMES = PAGE | MAIL | AT_ONCE
OF_ONE_LOGIN = MAIL | (AT_ONCE - {"terms", "mailbox_down", "keeps_hours"}) | {"wrong_practice"}
"""Those that can be switched on for one login; the others are the carrier's own and know nobody."""


@dataclass(eq=False)
class Fault:
    carrier: str
    name: str
    account: str | None = None
    """Username; None for every login of the carrier."""
    times: int | None = None
    args: dict[str, Any] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Faults:
    """What is switched on now."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Raises ValueError for a fault nobody knows."""
        if fault.name not in NAMES:
            raise ValueError(f"no fault is called {fault.name!r}; there are {', '.join(sorted(NAMES))}")
        self._on.append(fault)

    def on(self, carrier: str, name: str, *, account: str | None = None, path: str | None = None) -> Fault | None:
        """The fault that applies here, or None. Each answer uses up one of its `times`."""
        for fault in self._on:
            if (fault.carrier, fault.name) != (carrier, name) or (fault.account and fault.account != account):
                continue
            if path is not None and not path.startswith(str(fault.args.get("path", "/"))):
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._on.remove(fault)
            return fault
        return None

    def all(self, carrier: str, name: str) -> list[Fault]:
        """Those switched on, without using any up."""
        return [one for one in self._on if (one.carrier, one.name) == (carrier, name)]

    def clear(self, carrier: str | None = None, name: str | None = None) -> list[Fault]:
        """Switch off; returns those switched off. Whoever hangs is let go."""
        gone = [one for one in self._on if carrier in (None, one.carrier) and name in (None, one.name)]
        for fault in gone:
            fault.over.set()
            self._on.remove(fault)
        return gone

    def listing(self) -> list[dict[str, Any]]:
        return [
            {"carrier": f.carrier, "name": f.name, "account": f.account, "times": f.times, "args": f.args}
            for f in self._on
        ]
