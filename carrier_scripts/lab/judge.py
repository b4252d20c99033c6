"""The judge: what each carrier saw, counted here alone, so that no database of ours can fool it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

NAMES = (
    "password_submits", "logins", "wrong_passwords", "codes_sent", "resends", "code_submits", "codes_accepted",
    "wrong_codes", "codes_expired", "codes_replayed", "locks", "overlapping_logins", "abandoned_logins", "wasted_tries",
    "sessions_opened", "sessions_now", "sessions_max", "displaced", "signouts", "timeouts", "forms_posted", "pages",
    "forbidden_hits", "terms_accepted", "lookalike_posts", "fence_headers", "foreign_hosts", "private_hits",
)  # fmt: skip
GAUGES = {"sessions_now", "sessions_max"}
LIFE = timedelta(minutes=30)
"""A sign-in that has not arrived by then is over."""

Client = tuple[str, int]
"""Address and port of a connection; while it is open, its browser is there."""


@dataclass(eq=False)
class SignIn:
    """One sign-in under way: from its password to its end, in one browser."""

    carrier: str
    account: str
    browser: str
    started: datetime
    clients: set[Client]
    ended: str | None = None
    rivals: set[str] = field(default_factory=set)
    """Browsers it has already been counted against."""

    def open_at(self, now: datetime) -> bool:
        return self.ended is None and now < self.started + LIFE


class Judge:
    """Counters per carrier and account, and one line per event."""

    def __init__(self, now: Callable[[], datetime], connected: Callable[[], set[Client]]) -> None:
        self._now = now
        self._connected = connected
        self._counts: dict[tuple[str, str], dict[str, int]] = {}
        self._sign_ins: list[SignIn] = []
        self.log: list[dict[str, Any]] = []
        self.hosts: dict[str, int] = defaultdict(int)
        """Requests for hosts that no carrier of the lab has."""

    def count(self, name: str, carrier: str, account: str = "*", by: int = 1) -> None:
        """Raises KeyError for a counter that is not in NAMES."""
        self._of(carrier, account)[name] += by

    def gauge(self, carrier: str, account: str, open_now: int) -> None:
        """How many sessions of this account are open now."""
        counts = self._of(carrier, account)
        counts["sessions_now"] = open_now
        counts["sessions_max"] = max(counts["sessions_max"], open_now)

    def note(self, carrier: str, account: str, what: str, browser: str = "") -> None:
        self.log.append(
            {
                "at": self._now().isoformat(timespec="milliseconds"),
                "carrier": carrier,
                "account": account,
                "what": what,
                "browser": browser[:6],
            }
        )

    def password(self, carrier: str, account: str, browser: str, client: Client) -> None:
        """A password was submitted: is another sign-in of this account still under way?"""
        self.count("password_submits", carrier, account)
        now = self._now()
        for other in self._sign_ins:
            if (other.carrier, other.account) != (carrier, account) or not other.open_at(now):
                continue
            if other.browser == browser:
                other.ended = "restarted"
            elif other.clients & self._connected():
                self._overlap(other, browser)
            else:
                other.ended = "abandoned"
                other.rivals.add("")  # the browser that comes back after all is an overlap
                self.count("abandoned_logins", carrier, account)
        self._sign_ins.append(SignIn(carrier, account, browser, now, {client}))
        self.note(carrier, account, "password submitted", browser)

    def seen(self, browser: str, client: Client) -> None:
        """A request of this browser's visit came in over this connection."""
        for sign_in in self._sign_ins:
            if sign_in.browser != browser:
                continue
            sign_in.clients.add(client)
            if sign_in.ended == "abandoned":
                sign_in.ended = "came back"
                for rival in self._sign_ins:
                    if rival.account == sign_in.account and rival.started > sign_in.started:
                        self._overlap(sign_in, rival.browser)

    def end(self, browser: str, how: str) -> None:
        """The sign-in in this browser is over: arrived, refused, locked, given up."""
        for sign_in in self._sign_ins:
            if sign_in.browser == browser and sign_in.ended is None:
                sign_in.ended = how
                self.note(sign_in.carrier, sign_in.account, f"sign-in ended: {how}", browser)

    def renamed(self, old: str, new: str) -> None:
        """A visit got a new cookie (as it should when it signs in)."""
        for sign_in in self._sign_ins:
            if sign_in.browser == old:
                sign_in.browser = new

    def overdue(self, browser: str) -> bool:
        """Whether this browser's sign-in took longer than it may."""
        return any(
            one.browser == browser and one.ended is None and not one.open_at(self._now()) for one in self._sign_ins
        )

    def report(self, carrier: str) -> dict[str, Any]:
        """`{"totals": {...}, "accounts": {username: {...}}}` of one carrier."""
        mine = {account: counts for (key, account), counts in self._counts.items() if key == carrier}
        totals = {
            name: (max if name == "sessions_max" else sum)([c[name] for c in mine.values()] or [0]) for name in NAMES
        }
        return {"totals": totals, "accounts": mine}

    def carriers(self) -> list[str]:
        return sorted({carrier for carrier, _ in self._counts})

    def reset(self) -> None:
        self._counts.clear()
        self._sign_ins.clear()
        self.log.clear()
        self.hosts.clear()

    def _overlap(self, older: SignIn, newer: str) -> None:
        if newer in older.rivals:
            return
        older.rivals.add(newer)
        self.count("overlapping_logins", older.carrier, older.account)
        self.note(older.carrier, older.account, "OVERLAPPING sign-ins", newer)

    def _of(self, carrier: str, account: str) -> dict[str, int]:
        return self._counts.setdefault((carrier, account), dict.fromkeys(NAMES, 0))
